//! The toolchain's own judges: rustfmt, and clippy with every warning denied.

use super::{Finding, House};
use crate::Outcome;
use std::process::{Command, Stdio};

/// `cargo fmt --check` over the workspace.
pub fn format(house: &House) -> Outcome<Vec<Finding>> {
    let mut command = Command::new(crate::cargo::program());
    command.args(["fmt", "--all", "--check"]).current_dir(&house.workspace.root);
    verdict(&mut command, "format", "run cargo fmt --all")
}

/// `cargo clippy` over every target, with the features and profile of the build.
pub fn lints(house: &House) -> Outcome<Vec<Finding>> {
    let mut command = house.cargo.command("clippy");
    command.args(["--all-targets", "--quiet", "--", "-D", "warnings"]);
    verdict(&mut command, "lints", "mend each warning above")
}

fn verdict(
    command: &mut Command,
    rule: &'static str,
    remedy: &'static str,
) -> Outcome<Vec<Finding>> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run cargo for {rule}: {error}"))?;
    if status.success() {
        return Ok(Vec::new());
    }
    let (place, what) = ("workspace".to_owned(), format!("cargo reports findings ({status})"));
    Ok(vec![Finding { place, rule, what, remedy }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_other_than_0_is_a_finding() {
        let findings = |program: &str| {
            verdict(&mut Command::new(program), "format", "mend").expect("it runs").len()
        };
        assert_eq!((findings("true"), findings("false")), (0, 1));
    }
}
