//! libFuzzer's inputs for the parser `log_entry`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hamster_fuzz::run("log_entry", bytes));
