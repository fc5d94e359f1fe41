#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis_suite::run("saml", data));
