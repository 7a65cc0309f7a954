//! libFuzzer's inputs for the parser `manifest`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hamster_fuzz::run("manifest", bytes));
