//! libFuzzer's inputs for the parser `journal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hamster_fuzz::run("journal", bytes));
