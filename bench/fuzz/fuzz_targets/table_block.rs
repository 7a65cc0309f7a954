//! libFuzzer's inputs for the parser `table_block`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hamster_fuzz::run("table_block", bytes));
