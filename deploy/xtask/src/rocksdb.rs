//! RocksDB's static library, built once per version and kept in the cache.
//!
//! It costs about 20 CPU minutes with clang (28 with gcc); librocksdb-sys links a library found through `ROCKSDB_LIB_DIR`
//! and `ROCKSDB_STATIC` instead of compiling its own. Called before any cargo command. The library
//! must never be taken for another version or other features: both are in the folder's name.

use crate::{Outcome, cargo, say, workspace, workspace::Workspace};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const LIBRARY: &str = "librocksdb.a";

/// Settings of the caller that change the compiled library.
const SETTINGS: &[&str] =
    &["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CC", "CXX", "CFLAGS", "CXXFLAGS", "ROCKSDB_CXX_STD"];

/// As RocksDB's own makefile has it; 3 takes longer to compile.
const OPT_LEVEL: u8 = 2;

/// Unless the caller names others.
const COMPILERS: &[(&str, &str)] = &[("CC", "clang"), ("CXX", "clang++")];

/// What the library is made of, as Cargo.lock and the manifests resolve it.
struct Recipe {
    version: String,
    features: Vec<String>,
}

/// The folder that holds `librocksdb.a` for this workspace.
pub fn ensure(workspace: &Workspace) -> Outcome<PathBuf> {
    if let Some(given) = env::var_os("ROCKSDB_LIB_DIR").map(PathBuf::from) {
        if given.join(LIBRARY).is_file() {
            say(&format!("RocksDB: as ROCKSDB_LIB_DIR says, {}", given.display()));
            return Ok(given);
        }
        say(&format!("RocksDB: ROCKSDB_LIB_DIR has no {LIBRARY} and is set aside"));
    }
    let recipe = Recipe::of(workspace)?;
    let name = recipe.name()?;
    let home = workspace::cache()?.join(&name);
    let _lock = workspace::lock_cache()?;
    if home.join("lib").join(LIBRARY).is_file() {
        say(&format!("RocksDB: cached in {}", home.display()));
    } else {
        say(&format!("RocksDB: building {name} once, about 10 minutes on two cores"));
        build(workspace, &recipe, &home)?;
    }
    let folder = home.join("lib");
    say(&format!(
        "RocksDB: for cargo by hand: export ROCKSDB_STATIC=1 ROCKSDB_LIB_DIR={}",
        folder.display()
    ));
    Ok(folder)
}

impl Recipe {
    fn of(workspace: &Workspace) -> Outcome<Self> {
        let absent = || "no librocksdb-sys among the dependencies".to_owned();
        let package = workspace
            .packages()
            .iter()
            .find(|package| package["name"] == "librocksdb-sys")
            .ok_or_else(absent)?;
        let nodes = workspace.metadata["resolve"]["nodes"].as_array().ok_or_else(absent)?;
        let node = nodes.iter().find(|node| node["id"] == package["id"]).ok_or_else(absent)?;
        let words = node["features"].as_array().ok_or_else(absent)?;
        Ok(Self {
            version: package["version"].as_str().ok_or_else(absent)?.to_owned(),
            features: words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect(),
        })
    }

    /// `rocksdb-<version>-<hash of everything else that shapes the library>`
    fn name(&self) -> Outcome<String> {
        let mut shape = format!("{}\n{}\n", workspace::host_triple()?, self.features.join(","));
        for setting in SETTINGS {
            shape += &format!("{setting}={}\n", env::var(setting).unwrap_or_default());
        }
        shape += &format!("{COMPILERS:?} {OPT_LEVEL}\n");
        let version = self.version.replace('+', "-");
        Ok(format!("rocksdb-{version}-{:016x}", fnv1a(shape.as_bytes())))
    }

    /// A package that depends on nothing but the library, with exactly these features.
    fn manifest(&self) -> String {
        // Why: a version requirement must not carry build metadata.
        let version = self.version.split('+').next().unwrap_or(&self.version);
        let quoted: Vec<String> = self.features.iter().map(|name| format!("{name:?}")).collect();
        format!(
            "[package]\nname = \"rocksdb-once\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [lib]\npath = \"lib.rs\"\n\n[profile.release]\nopt-level = {OPT_LEVEL}\n\n\
             [workspace]\n\n[dependencies.librocksdb-sys]\n\
             version = \"={version}\"\ndefault-features = false\nfeatures = [{}]\n",
            quoted.join(", ")
        )
    }
}

/// Builds beside `home` and renames: a build cut short leaves nothing that looks finished.
fn build(workspace: &Workspace, recipe: &Recipe, home: &Path) -> Outcome<()> {
    let work = home.with_added_extension("building");
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", work.display());
    let target = work.join("target");
    fs::create_dir_all(&work).map_err(failed)?;
    fs::write(work.join("Cargo.toml"), recipe.manifest()).map_err(failed)?;
    fs::write(work.join("lib.rs"), "").map_err(failed)?;
    // Why: cargo drops what it does not need from a lock file and keeps the versions of the rest.
    fs::copy(workspace.root.join("Cargo.lock"), work.join("Cargo.lock")).map_err(failed)?;
    let mut command = Command::new(cargo::program());
    command
        .args(["build", "--release", "--target-dir"])
        .arg(&target)
        .current_dir(&work)
        .env_remove("ROCKSDB_LIB_DIR")
        .env_remove("ROCKSDB_STATIC")
        .env_remove("CARGO_BUILD_TARGET")
        .stdin(Stdio::null());
    for (variable, compiler) in COMPILERS {
        if env::var_os(variable).is_none() {
            command.env(variable, compiler);
        }
    }
    cargo::finish(&mut command, "building RocksDB")?;

    let library = find_library(&target.join("release/build"))
        .ok_or_else(|| format!("cargo left no {LIBRARY} in {}", target.display()))?;
    let finished = home.with_added_extension("finished");
    fs::create_dir_all(finished.join("lib")).map_err(failed)?;
    fs::copy(library, finished.join("lib").join(LIBRARY)).map_err(failed)?;
    if home.exists() {
        fs::remove_dir_all(home).map_err(failed)?;
    }
    fs::rename(&finished, home).map_err(failed)?;
    fs::remove_dir_all(&work).map_err(failed)
}

fn find_library(build: &Path) -> Option<PathBuf> {
    let mut folders = build.read_dir().ok()?.flatten().map(|entry| entry.path());
    folders.find_map(|folder| {
        let library = folder.join("out").join(LIBRARY);
        library.is_file().then_some(library)
    })
}

/// FNV-1a, 64 bits: names a folder; the same in every build of this tool, unlike std's hasher.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_throw_away_package_pins_version_and_features() {
        let recipe = Recipe {
            version: "0.19.0+11.8.1".into(),
            features: vec!["bindgen-runtime".into(), "lz4".into()],
        };
        let manifest: toml::Table = recipe.manifest().parse().expect("it is TOML");
        let dependency = &manifest["dependencies"]["librocksdb-sys"];
        assert_eq!(dependency["version"].as_str(), Some("=0.19.0"));
        assert_eq!(dependency["default-features"].as_bool(), Some(false));
        assert_eq!(dependency["features"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn other_features_get_another_folder() {
        let with = |features: &[&str]| {
            let features = features.iter().map(|&feature| feature.to_owned()).collect();
            Recipe { version: "1.0.0".into(), features }.name().expect("rustc runs")
        };
        assert_eq!(with(&["lz4"]), with(&["lz4"]));
        assert_ne!(with(&["lz4"]), with(&["lz4", "zstd"]));
    }
}
