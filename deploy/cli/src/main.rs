//! The binary: flags in, node or bench out.
fn main() {}
