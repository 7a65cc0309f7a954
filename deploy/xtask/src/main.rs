//! `cargo xtask up|test|tidy`: the README's two commands and the house rules.
fn main() {}
