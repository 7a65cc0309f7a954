//! Every parser over its kept corpus (`bench/fuzz/corpus`) and over mutations of it: none panics, and
//! each keeps what it promises (see `bench/fuzz/README.md`, which also tells how to let libFuzzer do
//! the same).
//!
//! `HAMSTER_FUZZ_INPUTS` (20,000) mutations for each parser, drawn from `HAMSTER_SEED` (1).
//! `HAMSTER_WRITE_CORPUS=1` adds the bytes that today's code writes to the corpus.

use hamster_core::Entropy;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

/// A name, the parser, and real bytes of the kind that it parses.
type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

fn targets() -> Vec<Target> {
    [
        hamster_shard::fuzzing::targets(),
        hamster_meta::fuzzing::targets(),
        hamster_net::fuzzing::targets(),
        hamster_s3::fuzzing::targets(),
    ]
    .concat()
}

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn corpus_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name)
}

/// The kept inputs of a target, and those that today's code makes.
fn inputs(name: &str, samples: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let folder = corpus_of(name);
    let mut inputs = BTreeSet::new();
    for entry in fs::read_dir(&folder).into_iter().flatten() {
        inputs.insert(fs::read(entry.expect("readable").path()).expect("readable"));
    }
    let kept = inputs.len();
    for sample in samples {
        if env::var_os("HAMSTER_WRITE_CORPUS").is_some() && inputs.insert(sample.clone()) {
            fs::create_dir_all(&folder).expect("made");
            fs::write(folder.join(format!("{:02}", inputs.len())), &sample).expect("written");
        }
        inputs.insert(sample);
    }
    assert!(kept > 0 || !inputs.is_empty(), "{name} has nothing to begin with");
    inputs.into_iter().collect()
}

fn check((name, parse, _): Target, input: &[u8], number: u64) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| parse(input))) {
        println!("{name} failed on input {number}: {}", hex::encode(input));
        resume_unwind(panic);
    }
}

#[test]
fn no_parser_fails_on_any_bytes() {
    let (count, seed) = (setting("HAMSTER_FUZZ_INPUTS", 20_000), setting("HAMSTER_SEED", 1));
    println!("fuzz inputs: seed {seed}");
    let mut kept = 0;
    for target in targets() {
        let chance = Entropy::seeded(seed);
        let inputs = inputs(target.0, target.2());
        kept += inputs.len();
        inputs.iter().for_each(|input| check(target, input, 0));
        check(target, &[], 0);
        for number in 1..=count {
            let mut input = any_of(&chance, &inputs).clone();
            for _ in 0..=chance.below(4) {
                mutate(&chance, &mut input, any_of(&chance, &inputs));
            }
            check(target, &input, number);
        }
    }
    // Shown also where a test's output is not.
    let _ = writeln!(
        std::io::stderr(),
        "fuzz inputs: {kept} kept, {count} mutated for each of {} parsers",
        targets().len()
    );
}

fn index(chance: &Entropy, below: usize) -> usize {
    let below = u64::try_from(below.max(1)).expect("64 bits");
    usize::try_from(chance.below(below)).expect("below a usize")
}

fn any_of<'a>(chance: &Entropy, inputs: &'a [Vec<u8>]) -> &'a Vec<u8> {
    &inputs[index(chance, inputs.len())]
}

/// Changes one thing about an input.
fn mutate(chance: &Entropy, input: &mut Vec<u8>, other: &[u8]) {
    const TELLING: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'\n', b' ', b'='];
    let at = index(chance, input.len());
    match chance.below(8) {
        _ if input.is_empty() => input.extend(other),
        0 | 1 => input[at] ^= 1 << chance.below(8),
        2 => input[at] = TELLING[index(chance, TELLING.len())],
        3 => input[at] = chance.next_u64().to_le_bytes()[0],
        4 => input.insert(at, TELLING[index(chance, TELLING.len())]),
        5 => drop(input.drain(at..(at + 1 + index(chance, 16)).min(input.len()))),
        6 => input.truncate(at),
        _ => {
            // A piece of another input, or of itself, over what is there or between it.
            let piece = &other[index(chance, other.len())..];
            let piece = &piece[..index(chance, piece.len() + 1)];
            let end = if chance.below(2) == 0 { at } else { (at + piece.len()).min(input.len()) };
            input.splice(at..end, piece.iter().copied());
        }
    }
    input.truncate(64 << 10);
}
