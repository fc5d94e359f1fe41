//! The list of what works: each of the 242 calls in each of its forms. `UPDATE_GOLDEN=1` writes it anew.
use std::fmt::Write;
use std::path::Path;

use portcullis_api_v1beta1::encoding::Protocol;
use portcullis_api_v1beta1::{Support, support};
use portcullis_wire_v1beta1::ENDPOINTS;

fn list() -> String {
    let mut out = String::from("# call, REST, Connect JSON, Connect proto, gRPC, gRPC-Web; made by tests/calls.rs\n");
    for e in ENDPOINTS {
        let _ = write!(out, "{:<42}", e.rpc);
        for protocol in Protocol::ALL {
            let word = match support(e, protocol) {
                Support::Works => "works",
                Support::Unimplemented => "unimplemented",
                Support::None => "-",
            };
            let _ = write!(out, " {word:<13}");
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out
}

#[test]
fn what_works_is_as_listed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/calls.golden");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, list()).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert!(golden == list(), "what works has changed; look at it, then run with UPDATE_GOLDEN=1");
    assert_eq!(golden.lines().count(), 243);
}
