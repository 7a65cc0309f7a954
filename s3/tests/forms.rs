//! PostObject from the HTTP parser down to simulated drives and back.

mod stage;

use stage::form::{Form, Version};
use stage::{ALICE, Answer, BOB, Client, MIB, ROOT, Stage, body, on_stage};

const OPEN: &str = "{\"bucket\": \"bucket\"}, [\"starts-with\", \"$key\", \"\"]";

/// Posts a form with a policy that allows the bucket, any key, and what `more` says.
async fn post(client: &mut Client, fields: &[(&str, &str)], more: &str, file: &[u8]) -> Answer {
    let conditions = format!("{OPEN}{more}");
    let form = Form::of(fields).sign(Version::V4, ROOT, client.now(), &conditions);
    client.post("/bucket", &form, file).await
}

async fn opened(stage: &Stage) -> Client {
    let mut client = stage.root().await;
    assert_eq!(client.put("/bucket", b"").await.status, 200);
    client
}

#[test]
fn what_is_posted_is_what_is_read() {
    on_stage(11, 1, 6, |stage| async move {
        let mut client = opened(&stage).await;
        for version in [Version::V2, Version::V4] {
            for length in [0, 1, 4096, (128 << 10) - 1, 128 << 10, (128 << 10) + 1, 3 * MIB + 7] {
                let bytes = body(length as u64, length);
                let key = format!("of-{length}");
                let form = Form::of(&[("key", &key)]).sign(version, ROOT, client.now(), OPEN);
                let posted = client.post("/bucket", &form, &bytes).await;
                assert_eq!(posted.status, 204, "{}", posted.text());
                assert!(posted.body.is_empty());
                let read = client.get(&format!("/bucket/of-{length}")).await;
                assert!(read.body == bytes, "{version:?} {length}");
                assert_eq!(read.header("etag"), posted.header("etag"));
                assert_eq!(read.header("content-type"), Some("binary/octet-stream"));
            }
        }
    });
}

#[test]
fn a_file_may_hold_what_looks_like_a_boundary() {
    on_stage(12, 1, 1, |stage| async move {
        let mut client = opened(&stage).await;
        let near: Vec<u8> = (0..20_000)
            .flat_map(|index: usize| {
                let boundary = b"\r\n------WebKitFormBoundary7MA4YWxkTrZu0gV\n";
                boundary[..index % boundary.len()].to_vec()
            })
            .collect();
        let posted = post(&mut client, &[("key", "k")], "", &near).await;
        assert_eq!(posted.status, 204, "{}", posted.text());
        assert!(client.get("/bucket/k").await.body == near);
    });
}

#[test]
fn the_form_says_how_it_is_answered() {
    on_stage(13, 1, 1, |stage| async move {
        let mut client = opened(&stage).await;
        let any = ", [\"starts-with\", \"$success_action_status\", \"\"]";
        for (asked, status) in [("200", 200), ("201", 201), ("204", 204), ("404", 204), ("", 204)] {
            let fields = [("key", "a b/${filename}"), ("success_action_status", asked)];
            let posted = post(&mut client, &fields, any, b"hello").await;
            assert_eq!(posted.status, status, "{asked}");
            let etag = "\"5d41402abc4b2a76b9719d911017c592\"";
            let location = "http://hamster/bucket/a%20b%2Ff.txt";
            assert_eq!(posted.header("etag"), Some(etag));
            assert_eq!(posted.header("location"), Some(location));
            if asked != "201" {
                assert!(posted.body.is_empty(), "{asked}");
                continue;
            }
            let quoted = etag.replace('"', "&quot;");
            let expected = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse><Location>{location}\
                 </Location><Bucket>bucket</Bucket><Key>a b/f.txt</Key><ETag>{quoted}</ETag>\
                 </PostResponse>"
            );
            assert_eq!(posted.text(), expected);
        }
        let any = ", [\"starts-with\", \"$success_action_redirect\", \"\"], \
                   [\"starts-with\", \"$redirect\", \"\"]";
        for (asked, there) in [
            ("http://a/b?c=d", "http://a/b?c=d&bucket=bucket&key=x+%2F%C3%A9&etag=%22"),
            ("https://a/b", "https://a/b?bucket=bucket&key=x+%2F%C3%A9&etag=%22"),
        ] {
            let fields = [
                ("key", "x /\u{e9}"),
                ("success_action_redirect", asked),
                ("redirect", "http://other"),
            ];
            let posted = post(&mut client, &fields, any, b"hello").await;
            assert_eq!((posted.status, posted.body.len()), (303, 0), "{}", posted.text());
            let location = format!("{there}5d41402abc4b2a76b9719d911017c592%22");
            assert_eq!(posted.header("location"), Some(&*location));
        }
        let any = ", [\"starts-with\", \"$success_action_redirect\", \"\"]";
        for asked in ["/relative", "javascript:alert(1)", ""] {
            let fields = [("key", "k"), ("success_action_redirect", asked)];
            assert_eq!(post(&mut client, &fields, any, b"hello").await.status, 204, "{asked}");
        }
    });
}

#[test]
fn fields_are_kept_with_the_object_as_headers_are() {
    on_stage(14, 1, 1, |stage| async move {
        let mut client = opened(&stage).await;
        let fields = [
            ("key", "k"),
            ("acl", "private"),
            ("Content-Type", "text/plain"),
            ("Cache-Control", "no-store"),
            ("Content-Disposition", "attachment; filename=\"${filename}\""),
            ("X-Amz-Meta-Colour", "grey"),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-checksum-crc32", "NhCmhg=="),
            ("x-ignore-me", "${filename}"),
        ];
        let mut any = String::new();
        for (name, _) in &fields[1..fields.len() - 1] {
            any.push_str(&format!(", [\"starts-with\", \"${name}\", \"\"]"));
        }
        let posted = post(&mut client, &fields, &any, b"hello").await;
        assert_eq!(posted.status, 204, "{}", posted.text());
        assert_eq!(posted.header("x-amz-checksum-crc32"), Some("NhCmhg=="));
        let headers = [("x-amz-checksum-mode", "ENABLED")];
        let head = client.send("HEAD", "/bucket/k", &headers, b"").await;
        for (name, value) in [
            ("content-type", "text/plain"),
            ("cache-control", "no-store"),
            ("content-disposition", "attachment; filename=\"f.txt\""),
            ("x-amz-meta-colour", "grey"),
            ("x-amz-checksum-crc32", "NhCmhg=="),
            ("content-length", "5"),
        ] {
            assert_eq!(head.header(name), Some(value), "{name}");
        }
        let any = |name: &str| format!(", [\"starts-with\", \"${name}\", \"\"]");
        for (name, value, status, code) in [
            ("acl", "public-read", 501, "NotImplemented"),
            ("tagging", "<Tagging/>", 400, "MalformedXML"),
            ("x-amz-server-side-encryption", "AES256", 501, "NotImplemented"),
            ("x-amz-checksum-crc32", "AAAAAA==", 400, "BadDigest"),
            ("x-amz-checksum-crc32", "sailorjerry", 400, "InvalidRequest"),
            ("x-amz-checksum-algorithm", "CRC32", 400, "InvalidRequest"),
            ("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==", 400, "BadDigest"),
            ("x-amz-meta-a", "b\r\nset-cookie: c", 400, "InvalidArgument"),
            ("x-amz-meta-long", &"v".repeat(3000), 400, "MetadataTooLarge"),
            ("if-none-match", "*", 412, "PreconditionFailed"),
        ] {
            let fields = [("key", "k"), (name, value)];
            let posted = post(&mut client, &fields, &any(name), b"hello").await;
            assert_eq!(posted.refusal(), (status, code), "{name}: {value}");
        }
    });
}

/// Each of these is refused, and leaves nothing behind.
#[test]
fn what_the_policy_does_not_allow_is_not_stored() {
    on_stage(15, 1, 1, |stage| async move {
        let mut client = opened(&stage).await;
        let sizes = ", [\"content-length-range\", 5, 10]";
        for (length, expected) in [
            (4, Err((400, "EntityTooSmall"))),
            (5, Ok(())),
            (10, Ok(())),
            (11, Err((400, "EntityTooLarge"))),
            (3 * MIB, Err((400, "EntityTooLarge"))),
        ] {
            let key = length.to_string();
            let posted = post(&mut client, &[("key", &key)], sizes, &body(1, length)).await;
            let stored = client.get(&format!("/bucket/{length}")).await.status;
            match expected {
                Ok(()) => assert_eq!((posted.status, stored), (204, 200), "{length}"),
                Err(code) => {
                    assert_eq!((posted.refusal(), stored), (code, 404), "{length}");
                }
            }
        }
        let denied = (403, "AccessDenied");
        for (fields, more) in [
            (&[("key", "k"), ("x-amz-meta-a", "b")][..], ""),
            (&[("key", "k")][..], ", {\"acl\": \"private\"}"),
            (&[("key", "k"), ("acl", "public-read")][..], ", {\"acl\": \"private\"}"),
            (&[("key", "k")][..], ", {\"key\": \"other\"}"),
            (&[("key", "k"), ("bucket", "other")][..], ", {\"bucket\": \"bucket\"}"),
        ] {
            let posted = post(&mut client, fields, more, b"hello").await;
            assert_eq!(posted.refusal(), denied, "{more}");
            let message = posted.elements("Message")[0];
            assert!(message.starts_with("Invalid according to Policy: "), "{message}");
        }
        // No key, an empty one, one that is too long, no file, and a file of unknown end.
        let no_key =
            Form::of(&[]).sign(Version::V2, ROOT, client.now(), "{\"bucket\": \"bucket\"}");
        let posted = client.post("/bucket", &no_key, b"hello").await;
        assert_eq!(posted.refusal(), (400, "InvalidArgument"));
        assert_eq!(posted.elements("ArgumentName"), ["key"]);
        let long = "k".repeat(1025);
        for (key, code) in [("", "InvalidArgument"), (&*long, "KeyTooLongError")] {
            let posted = post(&mut client, &[("key", key)], "", b"hello").await;
            assert_eq!(posted.refusal(), (400, code));
        }
        let form = Form::of(&[("key", "k")]).sign(Version::V4, ROOT, client.now(), OPEN);
        let whole = String::from_utf8(form.body(b"hello")).expect("text");
        for cut in [
            "; name=\"file\"",
            "\r\n------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"submit\"",
        ] {
            let (front, _) = whole.split_once(cut).expect("it has one");
            let headers = [("content-type", stage::form::CONTENT_TYPE)];
            let posted = client.send_as_is("POST", "/bucket", &headers, front.as_bytes()).await;
            assert_eq!(posted.refusal(), (400, "MalformedPOSTRequest"));
        }
        assert_eq!(client.get("/bucket/k").await.status, 404);
        let listed = client.get("/bucket?list-type=2").await;
        assert_eq!(listed.elements("Key"), ["10", "5"]);
    });
}

#[test]
fn a_form_does_what_its_signer_may_do() {
    on_stage(16, 1, 1, |stage| async move {
        let mut alice = stage.client(ALICE).await;
        assert_eq!(alice.put("/bucket", b"").await.status, 200);
        let now = alice.now();
        let form = |user| Form::of(&[("key", "k")]).sign(Version::V4, user, now, OPEN);
        let bobs = alice.post("/bucket", &form(BOB), b"of bob").await;
        assert_eq!(bobs.refusal(), (403, "AccessDenied"));
        let forged = alice.post("/bucket", &form((ALICE.0, BOB.1)), b"of bob").await;
        assert_eq!(forged.refusal(), (403, "SignatureDoesNotMatch"));
        assert_eq!(alice.get("/bucket/k").await.status, 404);
        assert_eq!(alice.post("/bucket", &form(ALICE), b"of alice").await.status, 204);
        assert_eq!(alice.get("/bucket/k").await.body, b"of alice");
        let nowhere = Form::of(&[("key", "k")]).sign(
            Version::V4,
            ALICE,
            now,
            "{\"bucket\": \"nowhere\"}, {\"key\": \"k\"}",
        );
        let posted = alice.post("/nowhere", &nowhere, b"hello").await;
        assert_eq!(posted.refusal(), (404, "NoSuchBucket"));
    });
}

#[test]
fn headers_of_the_request_say_nothing_about_the_object() {
    on_stage(17, 1, 1, |stage| async move {
        let mut client = opened(&stage).await;
        let form = Form::of(&[("key", "k")]).sign(Version::V4, ROOT, client.now(), OPEN);
        let headers = [
            ("content-type", stage::form::CONTENT_TYPE),
            ("x-amz-meta-colour", "grey"),
            ("cache-control", "no-store"),
            ("x-amz-copy-source", "bucket/other"),
        ];
        let posted = client.send_as_is("POST", "/bucket", &headers, &form.body(b"hello")).await;
        assert_eq!(posted.status, 204, "{}", posted.text());
        let read = client.get("/bucket/k").await;
        assert_eq!(read.body, b"hello");
        assert_eq!(read.header("content-type"), Some("binary/octet-stream"));
        assert_eq!(read.header("x-amz-meta-colour"), None);
        assert_eq!(read.header("cache-control"), None);
    });
}
