//! A browser's upload, as boto3 prepares it and a plain HTTP client sends it.

use crate::clients::programs::program;
use crate::support::serving;
use hamster_bench::cluster::{root, run};
use std::fs;
use std::process::Command;
use std::time::Duration;

#[test]
fn boto3_s_presigned_posts_are_taken_as_far_as_they_go() {
    let mut node = serving(6);
    node.client().create_bucket("forms").expect("the bucket is made");
    let script = node.home().join("post_form.py");
    fs::write(&script, include_bytes!("clients/post_form.py")).expect("a file");
    let mut command = Command::new(program("python3"));
    command
        .arg(&script)
        .arg(format!("http://{}", node.s3))
        .arg("forms")
        .env("HOME", node.home())
        .env("AWS_ACCESS_KEY_ID", root().access_key)
        .env("AWS_SECRET_ACCESS_KEY", root().secret_key)
        .env("AWS_DEFAULT_REGION", "us-east-1");
    run(&mut command, Duration::from_secs(120)).assert_ok();
    node.stop();
}
