//! botocore as the independent signer: what it signs, however odd, is what the gate verifies.
//!
//! `HAMSTER_BOTOCORE` (100,000) requests, drawn from `HAMSTER_SEED` (1).

use crate::clients::programs::program;
use crate::support::{scratch, tell};
use hamster_bench::clock;
use hamster_bench::cluster::run;
use hamster_net::http::{Head, Request, RequestBody};
use hamster_s3::Credentials;
use hamster_s3::gate::{Routed, Verified};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

fn setting(name: &str, default: u64) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_string())
}

/// A request as botocore signed it.
type Line = (String, String, Vec<(String, String)>);

fn verify((method, target, headers): &Line, credentials: &Credentials) -> Result<(), String> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nhost: hamster:9000\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let head = Head::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    let (head, _) = head.ok_or("an incomplete head")?;
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let request =
        Request { head, body: RequestBody::whole(Default::default()), peer, secure: false };
    Routed::of(request, None)
        .and_then(|routed| {
            Verified::check(routed, credentials, &Rc::from("us-east-1"), clock::wall())
        })
        .map(drop)
        .map_err(|error| error.to_string())
}

#[test]
fn botocore_and_the_gate_canonicalise_alike() {
    let home = scratch().join("signers");
    fs::create_dir_all(&home).expect("a directory");
    let (script, lines) = (home.join("canonical.py"), home.join("requests"));
    fs::write(&script, include_bytes!("clients/canonical.py")).expect("a file");
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec \"$0\" \"$1\" \"$2\" \"$3\" > \"$4\""])
        .arg(program("python3"))
        .arg(&script)
        .arg(setting("HAMSTER_BOTOCORE", 100_000))
        .arg(setting("HAMSTER_SEED", 1))
        .arg(&lines);
    run(&mut command, Duration::from_secs(240)).assert_ok();
    let user = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    let credentials = Credentials::new(Some(user), None).expect("good");
    let (mut right, mut wrong) = (0_u64, 0_u64);
    for line in BufReader::new(File::open(&lines).expect("written")).lines() {
        let mut request: Line =
            serde_json::from_str(&line.expect("text")).expect("method, target, headers");
        assert_eq!(verify(&request, &credentials), Ok(()), "{request:?}");
        right += 1;
        if right % 4 == 0 {
            request.1 = request.1.replacen("/bucket/k", "/bucket/kk", 1);
            assert!(verify(&request, &credentials).is_err(), "{request:?}");
            wrong += 1;
        }
    }
    assert_eq!(right.to_string(), setting("HAMSTER_BOTOCORE", 100_000));
    tell(&format!("botocore: {right} of its requests accepted, {wrong} changed and refused"));
}
