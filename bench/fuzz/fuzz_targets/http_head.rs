//! libFuzzer's inputs for the parser `http_head`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hamster_fuzz::run("http_head", bytes));
