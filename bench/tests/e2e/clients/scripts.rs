//! One script per client, in `bench/compat/scripts`: each must end with 0, and says how long it took.

use super::list::{Client, List, folder};
use super::programs::{environment, program, program_of};
use super::{Scene, Timed, text};
use crate::support::serving;
use hamster_bench::cluster::{Node, run};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// One script, from its start to its end. (Each takes less than a minute; other tests run beside it.)
const SCRIPT_PATIENCE: Duration = Duration::from_secs(180);
/// The environment whose python runs what is no Python package.
const PYTHON: &str = "lake";

/// A test for each name, and all names together.
macro_rules! clients {
    ($($name:ident)*) => {
        $(#[test] fn $name() { over_http(stringify!($name)); })*
        const OVER_HTTP: &[&str] = &[$(stringify!($name)),*];
    };
}

clients! {
    restic s5cmd minio aws_sdk_js s3fs pyarrow duckdb deltalake pyiceberg obstore opendal object_store
}

fn over_http(name: &'static str) {
    let node = serving(6);
    node.client().create_bucket("tree").expect("the bucket is made");
    let endpoint = format!("http://{}", node.s3);
    pass(name, node, &endpoint);
}

#[test]
fn boto3_tls() {
    let node = super::tls::serving(6);
    let endpoint = format!("https://{}", node.s3);
    pass("boto3_tls", node, &endpoint);
}

#[test]
fn every_client_of_the_list_has_a_test() {
    let here = OVER_HTTP.iter().copied().chain(["boto3_tls"]);
    let mut tested: Vec<&str> = here.chain(["aws", "boto3", "s3cmd", "rclone"]).collect();
    let list = List::read();
    let mut listed: Vec<&str> = list.client.iter().map(|client| client.name.as_str()).collect();
    tested.sort_unstable();
    listed.sort_unstable();
    assert_eq!(tested, listed);
}

/// Runs the client's script against `node`.
fn pass(name: &'static str, node: Node, endpoint: &str) {
    let list = List::read();
    let mut scene = Scene::around(node);
    let mut command = scene.told(interpreter(list.client(name)));
    command.arg(endpoint).arg("tree").arg(text(&scene.target));
    command
        .env("PATH", path())
        .env("AWS_REGION", "us-east-1")
        .env("NODE_PATH", environment("js").join("node_modules"))
        .env("MINIO_FUNCTIONAL_TESTS", environment(PYTHON).join("minio-functional-tests.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    if endpoint.starts_with("https:") {
        command.env("AWS_CA_BUNDLE", scene.node.home().join(super::tls::AUTHORITY));
    }
    let timed = Timed::of(name);
    run(&mut command, SCRIPT_PATIENCE).assert_ok();
    drop(timed);
    scene.node.stop();
}

/// What runs the script, and the script.
fn interpreter(client: &Client) -> Command {
    let Some(script) = &client.script else {
        return Command::new(program_of(&client.environment, "object-store-suite"));
    };
    let program = match client.environment.as_str() {
        "js" => program_of("js", "node"),
        "aws" => program("python3"),
        _ => program_of(PYTHON, "python3"),
    };
    let mut command = Command::new(program);
    command.arg(folder().join("scripts").join(script));
    command
}

/// The clients that are programs, before what else is on the machine.
fn path() -> std::ffi::OsString {
    let programs: [PathBuf; 2] = ["go", PYTHON].map(|name| environment(name).join("bin"));
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let all = programs.into_iter().chain(std::env::split_paths(&inherited));
    std::env::join_paths(all).expect("no folder's name holds a colon")
}
