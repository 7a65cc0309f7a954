//! libFuzzer's inputs for the parser `command`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hamster_fuzz::run("command", bytes));
