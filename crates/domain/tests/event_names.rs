//! Which event is called what on /v1beta1, as a file that a reviewer reads (decision 35). `UPDATE_GOLDEN=1` writes it anew.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
use portcullis_domain::event_name::NAMES;

#[test]
fn the_names_are_those_of_the_golden_file() {
    let mut seen = format!("{:36}{:30}{}\n", "event", "audit record", "older log and webhooks");
    for n in NAMES {
        seen += format!("{:36}{:30}{}\n", n.event, n.record, n.legacy.unwrap_or("-")).as_str();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/event_names.golden");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &seen).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), seen, "UPDATE_GOLDEN=1 if this is meant");
}
