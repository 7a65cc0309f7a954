//! Where things are: the checkout, the cache outside it, and what cargo knows of the packages.
//!
//! Every command starts with `Workspace::open`. It must never write into the checkout.

use crate::Outcome;
use serde_json::Value;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The checkout, as cargo sees it.
pub struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub root: PathBuf,
    /// Where cargo puts what it builds: outside the clone when CI gives no place of its own.
    pub target: PathBuf,
    /// The output of `cargo metadata` for this machine's platform.
    pub metadata: Value,
}

impl Workspace {
    /// Asks cargo; fetches the registry's sources if they are not there yet.
    pub fn open() -> Outcome<Self> {
        let manifest = env::var("CARGO_MANIFEST_DIR")
            .map_err(|_| "not started by cargo; run it as `cargo xtask`".to_owned())?;
        let root = Path::new(&manifest)
            .ancestors()
            .nth(2)
            .ok_or_else(|| format!("{manifest} is not deploy/xtask of a checkout"))?
            .to_owned();
        let metadata = metadata(&root)?;
        let target = match (env::var_os("CI"), env::var_os("CARGO_TARGET_DIR")) {
            (Some(_), None) => cache()?.join("target"),
            _ => PathBuf::from(metadata["target_directory"].as_str().unwrap_or("target")),
        };
        Ok(Self { root, target, metadata })
    }

    /// A program of this workspace, as built for release.
    pub fn program(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// All packages in the dependency graph for this platform.
    pub fn packages(&self) -> &[Value] {
        self.metadata["packages"].as_array().map_or(&[], Vec::as_slice)
    }
}

/// Hamster's own folder for what is costly to make and belongs to no checkout.
pub fn cache() -> Outcome<PathBuf> {
    let base = match (env::var_os("XDG_CACHE_HOME"), env::var_os("HOME")) {
        (Some(cache), _) if Path::new(&cache).is_absolute() => PathBuf::from(cache),
        (_, Some(home)) => PathBuf::from(home).join(".cache"),
        _ => {
            return Err(
                "no HOME and no XDG_CACHE_HOME; set one: the build cache lives there".into()
            );
        }
    };
    let cache = base.join("hamster");
    std::fs::create_dir_all(&cache)
        .map_err(|error| format!("cannot make {}: {error}; set XDG_CACHE_HOME", cache.display()))?;
    Ok(cache)
}

/// Held while the cache is filled, so that two runs do not build the same thing into each other.
pub fn lock_cache() -> Outcome<std::fs::File> {
    let path = cache()?.join("lock");
    let file = std::fs::File::create(&path)
        .map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    if file.try_lock().is_err() {
        crate::say("waiting for another xtask that is filling the cache");
        file.lock().map_err(|error| format!("cannot lock {}: {error}", path.display()))?;
    }
    Ok(file)
}

/// The triple that rustc builds for on this machine.
pub fn host_triple() -> Outcome<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .map_err(|error| format!("cannot run rustc: {error}; install it with rustup"))?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .ok_or_else(|| "rustc -vV names no host".to_owned())
}

fn metadata(root: &Path) -> Outcome<Value> {
    let output = Command::new(crate::cargo::program())
        .args(["metadata", "--format-version", "1", "--filter-platform", &host_triple()?])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err("cargo metadata failed (above)".into());
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata is not JSON: {error}"))
}
