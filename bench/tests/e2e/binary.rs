//! One binary that runs anywhere.

use crate::support::binary;
use hamster_bench::cluster::run;
use std::process::Command;
use std::time::Duration;

/// The C and C++ runtimes, the loader, and what the kernel maps by itself.
const RUNTIMES: [&str; 9] = [
    "linux-vdso",
    "ld-linux",
    "libc.",
    "libm.",
    "libdl.",
    "librt.",
    "libpthread.",
    "libgcc_s.",
    "libstdc++.",
];

#[test]
fn it_needs_nothing_beyond_the_c_and_cpp_runtimes() {
    let listed = run(Command::new("ldd").arg(binary()), Duration::from_secs(20));
    listed.assert_ok();
    for line in listed.stdout.lines() {
        let library = line.split_whitespace().next().unwrap_or_default();
        let name = library.rsplit('/').next().unwrap_or_default();
        assert!(RUNTIMES.iter().any(|known| name.starts_with(known)), "{line}");
    }
}
