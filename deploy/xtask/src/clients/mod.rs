//! The S3 clients that the compatibility tests drive, in environments in the cache: what they are is
//! said in `bench/compat/clients.toml`, and nowhere else.
//!
//! Called by `test`. Every environment is made once; a new list makes anew those that it changes.

mod install;
mod list;

use crate::{Outcome, say, workspace, workspace::Workspace};
use list::{Environment, List};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder with one folder per environment, whose `bin` holds the programs.
pub fn ensure(workspace: &Workspace) -> Outcome<PathBuf> {
    let list = List::read(&workspace.root)?;
    let home = workspace::cache()?.join("compat");
    let _lock = workspace::lock_cache()?;
    fs::create_dir_all(&home)
        .map_err(|error| format!("cannot make {}: {error}", home.display()))?;
    for environment in &list.environments {
        // Why: an environment cannot be renamed into place (its scripts name it), so it is complete
        // only when the list of what is in it, written last, is there.
        let folder = home.join(&environment.name);
        let (stamp, contents) = (folder.join("contents"), contents(workspace, environment)?);
        let complete = fs::read_to_string(&stamp).is_ok_and(|found| found == contents);
        if complete && works(environment, &folder) {
            say(&format!("S3 clients: cached in {}", folder.display()));
            continue;
        }
        say(&format!("S3 clients: installing {} in {}", environment.in_short(), folder.display()));
        install::run(workspace, environment, &home)?;
        fs::write(&stamp, contents)
            .map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
    }
    Ok(home)
}

/// All that an environment is made of.
fn contents(workspace: &Workspace, environment: &Environment) -> Outcome<String> {
    let mut contents = format!("{}\n{}\n", environment.kind, environment.pins().join("\n"));
    if environment.kind == "cargo" {
        let package = workspace.root.join(install::SUITE);
        for file in ["Cargo.toml", "Cargo.lock", "src/main.rs"].map(|name| package.join(name)) {
            contents += &fs::read_to_string(&file)
                .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        }
    }
    Ok(contents)
}

/// Whether the programs still start: an environment points at the system's python, which may have
/// been upgraded away, and that of npm at the node of another one.
fn works(environment: &Environment, folder: &Path) -> bool {
    let (program, arguments): (_, &[&str]) = match environment.kind.as_str() {
        "python" => ("python3", &["-c", "import pip"]),
        "npm" => ("node", &["--version"]),
        _ => return folder.join("bin").is_dir(),
    };
    let mut probe = Command::new(folder.join("bin").join(program));
    probe.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}
