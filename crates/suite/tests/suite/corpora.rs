//! Every input that a fuzzer or a person found interesting, fed to its parser again.
use std::fs;
use std::path::Path;

#[test]
fn no_parser_breaks_its_promise_on_its_corpus() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, parser) in portcullis_suite::PARSERS {
        let folder = root.join(name);
        let inputs: Vec<_> = fs::read_dir(&folder).expect("a corpus").map(|f| f.expect("a file").path()).collect();
        assert!(!inputs.is_empty(), "{} is empty", folder.display());
        for input in inputs {
            parser(&fs::read(&input).expect("an input"));
        }
    }
}
