//! libFuzzer's inputs for the parser `aws_chunked`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hamster_fuzz::run("aws_chunked", bytes));
