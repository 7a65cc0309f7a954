//! Presigned URLs, used by a client that knows nothing of S3.

use crate::support::{assert_same, bytes, serving};
use hamster_bench::client::{Answer, Client};
use hamster_bench::clock;
use hamster_bench::sign::Unsigned;

/// A plain HTTP request, as curl would send it.
fn plain(client: &mut Client, method: &str, host: &str, target: &str, body: &[u8]) -> Answer {
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    client.exchange(method, head.as_bytes(), body).expect("an answer")
}

fn presign(client: &mut Client, method: &str, host: &str, path: &str) -> String {
    presign_with(client, method, host, path, "")
}

/// `query`: sorted.
fn presign_with(client: &mut Client, method: &str, host: &str, path: &str, query: &str) -> String {
    let request = Unsigned { method, path, query, host, headers: &[], payload: "" };
    let query = client.signer().presign(&request, clock::wall(), 300);
    format!("{path}?{query}")
}

#[test]
fn a_plain_client_puts_and_gets_by_presigned_url() {
    let mut node = serving(1);
    let host = node.s3.to_string();
    let mut client = node.client();
    client.create_bucket("shared").expect("the bucket is made");
    let body = bytes(7, 300_000);
    let put = presign(&mut client, "PUT", &host, "/shared/a%20b.bin");
    assert_eq!(plain(&mut client, "PUT", &host, &put, &body).status, 200);
    let get = presign(&mut client, "GET", &host, "/shared/a%20b.bin");
    let answer = plain(&mut client, "GET", &host, &get, &[]);
    assert_eq!(answer.status, 200);
    assert_same(&answer.body, &body, "what was put by URL");
    // The same URL for another method, or another key, is worth nothing.
    assert_eq!(plain(&mut client, "DELETE", &host, &get, &[]).status, 403);
    let other = get.replace("a%20b.bin", "a%20c.bin");
    assert_eq!(plain(&mut client, "GET", &host, &other, &[]).code(), "SignatureDoesNotMatch");
    node.stop();
}

#[test]
fn what_an_sdk_moves_into_the_query_of_a_url_is_kept_with_the_object() {
    let mut node = serving(1);
    let host = node.s3.to_string();
    let mut client = node.client();
    client.create_bucket("shared").expect("the bucket is made");
    // As aws-sdk-js does it: the checksum is that of an empty body.
    let query = "x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-meta-color=blue&\
        x-amz-sdk-checksum-algorithm=CRC32&x-amz-tagging=a%3Db";
    let put = presign_with(&mut client, "PUT", &host, "/shared/k", query);
    let answer = plain(&mut client, "PUT", &host, &put, b"not empty");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let get = presign(&mut client, "GET", &host, "/shared/k");
    let answer = plain(&mut client, "GET", &host, &get, &[]);
    assert_eq!(answer.body, b"not empty");
    assert_eq!(answer.header("x-amz-meta-color"), Some("blue"));
    assert_eq!(answer.header("x-amz-tagging-count"), Some("1"));
    node.stop();
}
