//! Real clients with their default settings: a tree of real files with odd names, and a file over 1 GiB,
//! go in and come out byte-identical; and a script per client does what its users do.

mod list;
pub mod programs;
mod scripts;
mod tls;
mod tree;

use crate::support::{scratch, serving, tell};
use hamster_bench::clock;
use hamster_bench::cluster::{Finished, Node, run};
use hamster_core::Instant;
use programs::program;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tree::{assert_same_trees, build, change};

/// One command of a client.
const PATIENCE: Duration = Duration::from_secs(240);

/// A node with a bucket `tree`, and directories to move things between.
struct Scene {
    node: Node,
    source: PathBuf,
    target: PathBuf,
}

impl Scene {
    /// With `files` files in the source.
    fn new(files: usize) -> Self {
        let node = serving(6);
        node.client().create_bucket("tree").expect("the bucket is made");
        let scene = Self::around(node);
        if files > 0 {
            build(&scene.source, files);
        }
        scene
    }

    /// Around a node as it is.
    fn around(node: Node) -> Self {
        let (source, target) = (node.home().join("source"), node.home().join("target"));
        fs::create_dir_all(&target).expect("a directory");
        Self { node, source, target }
    }

    /// A client's program, told credentials and region and nothing else.
    fn client(&self, name: &str) -> Command {
        self.told(Command::new(program(name)))
    }

    /// `command`, told the same.
    fn told(&self, mut command: Command) -> Command {
        command
            .current_dir(self.node.home())
            .env("HOME", self.node.home())
            .env("AWS_ACCESS_KEY_ID", hamster_bench::cluster::root().access_key)
            .env("AWS_SECRET_ACCESS_KEY", hamster_bench::cluster::root().secret_key)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("LC_ALL", "C.UTF-8");
        command
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.node.s3)
    }

    fn aws(&self, arguments: &[&str]) -> Finished {
        let mut command = self.client("aws");
        command.args(["--endpoint-url", &self.endpoint()]).args(arguments);
        let finished = run(&mut command, PATIENCE);
        finished.assert_ok();
        finished
    }
}

/// Says at its end how long a client took.
struct Timed(&'static str, Instant);

impl Timed {
    fn of(name: &'static str) -> Self {
        Self(name, clock::now())
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        tell(&format!("{}: {:.1} s", self.0, clock::now().since(self.1).as_secs_f64()));
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the scratch directory has a plain name")
}

#[test]
fn aws_copies_and_syncs_a_tree() {
    let _timed = Timed::of("aws");
    let mut scene = Scene::new(1_000);
    let (source, target) = (scene.source.clone(), scene.target.clone());
    let (source, target) = (text(&source), text(&target));
    let quiet = "--only-show-errors";
    scene.aws(&["s3", "cp", quiet, "--recursive", source, "s3://tree/in"]);
    scene.aws(&["s3", "cp", quiet, "--recursive", "s3://tree/in", target]);
    assert_same_trees(&scene.source, &scene.target);
    // Sync moves what has changed and nothing else.
    change(&scene.source);
    let moved = scene.aws(&["s3", "sync", "--delete", source, "s3://tree/in"]);
    assert!(moved.stdout.matches("upload: ").count() <= 4, "{}", moved.stdout);
    scene.aws(&["s3", "sync", quiet, "--delete", "s3://tree/in", target]);
    assert_same_trees(&scene.source, &scene.target);
    let again = scene.aws(&["s3", "sync", "--delete", source, "s3://tree/in"]);
    assert_eq!(again.stdout, "", "nothing is left to do");
    scene.node.stop();
}

#[test]
fn aws_moves_a_file_over_a_gibibyte() {
    let _timed = Timed::of("aws, the file over a gibibyte");
    let mut scene = Scene::new(0);
    let length = (1 << 30) + (5 << 20) + 123;
    let (source, target) = (scene.node.home().join("large"), scene.target.join("large"));
    tree::large_file(&source, length);
    scene.aws(&["s3", "cp", "--only-show-errors", text(&source), "s3://tree/large"]);
    scene.aws(&["s3", "cp", "--only-show-errors", "s3://tree/large", text(&target)]);
    assert_eq!(fs::metadata(&target).expect("it came back").len(), length);
    assert!(same_bytes(&source, &target), "the file came back changed");
    scene.node.stop();
}

fn same_bytes(one: &Path, other: &Path) -> bool {
    let open = |path| BufReader::with_capacity(1 << 20, File::open(path).expect("a file"));
    let (mut one, mut other) = (open(one), open(other));
    let (mut first, mut second) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let length = one.read(&mut first).expect("it reads");
        if length == 0 {
            return other.read(&mut second).expect("it reads") == 0;
        }
        if other.read_exact(&mut second[..length]).is_err() || first[..length] != second[..length] {
            return false;
        }
    }
}

#[test]
fn boto3_copies_a_tree() {
    let _timed = Timed::of("boto3");
    let mut scene = Scene::new(500);
    let script = scene.node.home().join("round_trip.py");
    let mut file = BufWriter::new(File::create(&script).expect("a file"));
    file.write_all(include_bytes!("round_trip.py")).expect("it is written");
    drop(file);
    let mut command = scene.client("python3");
    command.arg(&script).arg(scene.endpoint()).arg("tree").arg(&scene.source).arg(&scene.target);
    run(&mut command, PATIENCE).assert_ok();
    assert_same_trees(&scene.source, &scene.target);
    scene.node.stop();
}

#[test]
fn s3cmd_copies_a_tree() {
    let _timed = Timed::of("s3cmd");
    let mut scene = Scene::new(200);
    let config = scene.node.home().join("s3cfg");
    let root = hamster_bench::cluster::root();
    let (key, secret, host) = (root.access_key, root.secret_key, scene.node.s3);
    let lines = format!(
        "[default]\naccess_key = {key}\nsecret_key = {secret}\nhost_base = {host}\n\
         host_bucket = {host}\nuse_https = False\n"
    );
    fs::write(&config, lines).expect("a file");
    let s3cmd = |arguments: &[&str]| {
        let mut command = scene.client("s3cmd");
        command.arg("--config").arg(&config).args(["--quiet", "--no-preserve"]).args(arguments);
        run(&mut command, PATIENCE).assert_ok();
    };
    let source = format!("{}/", text(&scene.source));
    let target = format!("{}/", text(&scene.target));
    s3cmd(&["sync", "--recursive", &source, "s3://tree/in/"]);
    s3cmd(&["sync", "--recursive", "s3://tree/in/", &target]);
    assert_same_trees(&scene.source, &scene.target);
    scene.node.stop();
}

#[test]
fn rclone_copies_and_checks_a_tree() {
    let _timed = Timed::of("rclone");
    let mut scene = Scene::new(1_500);
    let rclone = |arguments: &[&str]| {
        let mut command = scene.client("rclone");
        command.env("RCLONE_CONFIG", "/dev/null").env("RCLONE_CONFIG_HAMSTER_TYPE", "s3");
        command.env("RCLONE_CONFIG_HAMSTER_PROVIDER", "Other");
        command.env("RCLONE_CONFIG_HAMSTER_ENV_AUTH", "true");
        command.env("RCLONE_CONFIG_HAMSTER_ENDPOINT", scene.endpoint());
        run(command.args(arguments), PATIENCE).assert_ok();
    };
    let (source, target) = (text(&scene.source), text(&scene.target));
    rclone(&["copy", source, "hamster:tree/in"]);
    rclone(&["check", source, "hamster:tree/in"]);
    rclone(&["copy", "hamster:tree/in", target]);
    assert_same_trees(&scene.source, &scene.target);
    rclone(&["purge", "hamster:tree/in"]);
    scene.node.stop();
}

#[test]
fn the_scratch_directory_is_on_a_real_disk() {
    let mut command = Command::new("stat");
    command.args(["--file-system", "--format=%T"]).arg(scratch());
    fs::create_dir_all(scratch()).expect("a directory");
    let kind = run(&mut command, Duration::from_secs(5)).stdout;
    assert_ne!(kind.trim(), "tmpfs", "syncs mean nothing there; set CARGO_TARGET_DIR");
}
