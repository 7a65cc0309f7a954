//! libFuzzer's inputs for the parser `policy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hamster_fuzz::run("policy", bytes));
