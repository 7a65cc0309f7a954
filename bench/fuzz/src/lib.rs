//! Finds a parser by its name, for the targets of libFuzzer in `fuzz_targets`. The parsers
//! themselves are each crate's `fuzzing`.

use std::sync::OnceLock;

type Parser = fn(&[u8]);

/// Gives `bytes` to the parser of this name.
pub fn run(name: &str, bytes: &[u8]) {
    static PARSER: OnceLock<Parser> = OnceLock::new();
    let parser = PARSER.get_or_init(|| {
        let all = [
            hamster_shard::fuzzing::targets(),
            hamster_meta::fuzzing::targets(),
            hamster_net::fuzzing::targets(),
            hamster_s3::fuzzing::targets(),
        ];
        let mut all = all.into_iter().flatten();
        all.find(|target| target.0 == name).expect("a target of this name").1
    });
    parser(bytes);
}
