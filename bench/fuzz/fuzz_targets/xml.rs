//! libFuzzer's inputs for the parser `xml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hamster_fuzz::run("xml", bytes));
