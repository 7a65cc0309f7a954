//! libFuzzer's inputs for the parser `form`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hamster_fuzz::run("form", bytes));
