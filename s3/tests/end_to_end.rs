//! S3 from the HTTP parser down to simulated drives and back.

mod stage;

use stage::{ALICE, Answer, BOB, Client, MIB, body, on_stage};

/// Creates a bucket that must be new.
async fn bucket(client: &mut Client, name: &str) {
    assert_eq!(client.put(&format!("/{name}"), b"").await.status, 200);
}

async fn put(client: &mut Client, target: &str, body: &[u8]) -> Answer {
    let answer = client.put(target, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

#[test]
fn what_is_put_is_what_is_read() {
    on_stage(1, 1, 6, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        for length in [0, 1, 4096, 128 << 10, (128 << 10) + 1, 3 * MIB + 7] {
            let bytes = body(length as u64, length);
            let target = format!("/bucket/of-{length}");
            let etag = put(&mut client, &target, &bytes).await.header("etag").map(str::to_owned);
            let read = client.get(&target).await;
            assert_eq!(read.status, 200, "{length}");
            assert!(read.body == bytes, "{length}");
            assert_eq!(read.header("etag"), etag.as_deref());
            assert_eq!(read.header("content-type"), Some("binary/octet-stream"));
            let head = client.send("HEAD", &target, &[], b"").await;
            assert_eq!(head.header("content-length"), Some(&*length.to_string()));
            assert!(head.body.is_empty());
        }
    });
}

#[test]
fn any_core_serves_any_object() {
    on_stage(2, 3, 4, |stage| async move {
        let mut clients = Vec::new();
        for _ in 0..6 {
            clients.push(stage.root().await);
        }
        bucket(&mut clients[0], "bucket").await;
        let count = clients.len();
        for (index, client) in clients.iter_mut().enumerate() {
            put(client, &format!("/bucket/{index}"), &body(index as u64, 200_000)).await;
        }
        for (index, client) in clients.iter_mut().enumerate() {
            let other = (index + 1) % count;
            let read = client.get(&format!("/bucket/{other}")).await;
            assert!(read.body == body(other as u64, 200_000));
        }
    });
}

#[test]
fn ranges_read_the_bytes_they_name() {
    on_stage(3, 1, 6, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        let bytes = body(3, 2 * MIB + 100);
        put(&mut client, "/bucket/k", &bytes).await;
        let size = bytes.len();
        for (range, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=1048570-1048590", 1_048_570..1_048_591),
            ("bytes=2097000-", 2_097_000..size),
            ("bytes=-5", size - 5..size),
        ] {
            let read = client.send("GET", "/bucket/k", &[("range", range)], b"").await;
            assert_eq!(read.status, 206, "{range}");
            assert!(read.body == bytes[expected.clone()], "{range}");
            let content_range = format!("bytes {}-{}/{size}", expected.start, expected.end - 1);
            assert_eq!(read.header("content-range"), Some(&*content_range));
        }
        let beyond = client.send("GET", "/bucket/k", &[("range", "bytes=9999999-")], b"").await;
        assert_eq!(beyond.refusal(), (416, "InvalidRange"));
    });
}

#[test]
fn a_range_of_another_version_gives_the_whole_object() {
    on_stage(3, 1, 1, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        let etag = put(&mut client, "/bucket/k", b"hello").await;
        let etag = etag.header("etag").expect("every PUT gives one").to_owned();
        for (named, status, bytes) in [(&*etag, 206, &b"el"[..]), ("\"old\"", 200, b"hello")] {
            let headers = [("range", "bytes=1-2"), ("if-range", named)];
            let read = client.send("GET", "/bucket/k", &headers, b"").await;
            assert_eq!((read.status, &read.body[..]), (status, bytes), "{named}");
        }
    });
}

#[test]
fn a_bucket_of_another_owner_than_expected_is_refused() {
    on_stage(3, 1, 1, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        put(&mut client, "/bucket/k", b"hello").await;
        let expected = [("x-amz-expected-bucket-owner", "111122223333")];
        for (method, target) in
            [("GET", "/bucket/k"), ("PUT", "/bucket/k"), ("DELETE", "/bucket/k")]
        {
            let answer = client.send(method, target, &expected, b"").await;
            assert_eq!(answer.refusal(), (403, "AccessDenied"), "{method}");
        }
        let source =
            [("x-amz-copy-source", "bucket/k"), ("x-amz-source-expected-bucket-owner", "1")];
        let copy = client.send("PUT", "/bucket/copy", &source, b"").await;
        assert_eq!(copy.refusal(), (403, "AccessDenied"));
        assert_eq!(client.get("/bucket/k").await.body, b"hello");
    });
}

#[test]
fn who_has_not_signed_is_told_of_a_bucket_that_is_not_there_and_else_refused() {
    on_stage(3, 1, 1, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        put(&mut client, "/bucket/k", b"hello").await;
        for headers in [&[][..], &[("authorization", "")]] {
            for (method, target, refusal) in [
                ("GET", "/", (403, "AccessDenied")),
                ("GET", "/bucket/k", (403, "AccessDenied")),
                ("DELETE", "/bucket/k", (403, "AccessDenied")),
                ("GET", "/nowhere/k", (404, "NoSuchBucket")),
                ("DELETE", "/nowhere", (404, "NoSuchBucket")),
                ("PUT", "/nowhere", (403, "AccessDenied")),
            ] {
                let answer = client.send_as_is(method, target, headers, b"").await;
                assert_eq!(answer.refusal(), refusal, "{method} {target}");
            }
        }
        assert_eq!(client.get("/bucket/k").await.body, b"hello");
        assert_eq!(client.get("/nowhere").await.refusal(), (404, "NoSuchBucket"));
    });
}

#[test]
fn what_a_completed_upload_states_of_itself_is_compared() {
    on_stage(3, 1, 1, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        let algorithm = [("x-amz-checksum-algorithm", "CRC32")];
        let begun = client.send("POST", "/bucket/k?uploads", &algorithm, b"").await;
        let id = begun.elements("UploadId")[0].to_owned();
        let part = format!("/bucket/k?partNumber=1&uploadId={id}");
        let other = [("x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00=")];
        let refused = client.send("PUT", &part, &other, b"hello").await;
        assert_eq!(refused.refusal(), (400, "InvalidRequest"));
        let part = put(&mut client, &part, b"hello").await;
        assert_eq!(part.header("x-amz-checksum-crc32"), Some("NhCmhg=="), "computed unasked");
        let etag = part.header("etag").expect("every part has one");
        let complete = |checksum: &str| {
            format!(
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag>\
                 {checksum}</Part></CompleteMultipartUpload>"
            )
        };
        let target = format!("/bucket/k?uploadId={id}");
        let wrong = "<ChecksumCRC32>AAAAAA==</ChecksumCRC32>";
        for (header, checksum, code) in [
            (("x-amz-mp-object-size", "4"), "", "InvalidRequest"),
            (("x-amz-checksum-crc32c", "AAAAAA=="), "", "InvalidRequest"),
            (("x-amz-checksum-crc32", "AAAAAA=="), "", "BadDigest"),
            (("x-amz-checksum-crc32", "AAAAAA==-1"), "", "BadDigest"),
            (("x-amz-checksum-crc32", "AAAAAA==-x"), "", "InvalidRequest"),
            (("x-amz-mp-object-size", "5"), wrong, "InvalidPart"),
        ] {
            let body = complete(checksum);
            let answer = client.send("POST", &target, &[header], body.as_bytes()).await;
            assert_eq!(answer.refusal(), (400, code), "{header:?} {checksum}");
        }
        let size = [("x-amz-mp-object-size", "5")];
        let body = complete("<ChecksumCRC32>NhCmhg==</ChecksumCRC32>");
        let done = client.send("POST", &target, &size, body.as_bytes()).await;
        assert_eq!(done.status, 200, "{}", done.text());
        assert_eq!(client.get("/bucket/k").await.body, b"hello");
    });
}

#[test]
fn an_object_comes_back_with_what_was_said_about_it() {
    on_stage(4, 1, 1, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        let said = [
            ("content-type", "text/plain"),
            ("cache-control", "no-store"),
            ("content-encoding", "aws-chunked,gzip"),
            ("x-amz-meta-colour", "blue"),
            ("x-amz-checksum-crc32", "NhCmhg=="),
        ];
        let answer = client.send("PUT", "/bucket/k", &said, b"hello").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let read =
            client.send("GET", "/bucket/k", &[("x-amz-checksum-mode", "ENABLED")], b"").await;
        assert_eq!(read.header("content-type"), Some("text/plain"));
        assert_eq!(read.header("cache-control"), Some("no-store"));
        assert_eq!(read.header("content-encoding"), Some("gzip"));
        assert_eq!(read.header("x-amz-meta-colour"), Some("blue"));
        assert_eq!(read.header("x-amz-checksum-crc32"), Some("NhCmhg=="));
        let instead = client.get("/bucket/k?response-content-type=a%2Fb").await;
        assert_eq!(instead.header("content-type"), Some("a/b"));
        let known = client.send("GET", "/bucket/k", &[("if-none-match", "*")], b"").await;
        assert_eq!(known.status, 304);
        let other = client.send("GET", "/bucket/k", &[("if-match", "\"x\"")], b"").await;
        assert_eq!(other.refusal(), (412, "PreconditionFailed"));
        assert_eq!(other.elements("Condition"), ["If-Match"]);
    });
}

#[test]
fn what_was_refused_left_nothing() {
    on_stage(5, 1, 4, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        let md5 = [("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")];
        let refused = client.send("PUT", "/bucket/k", &md5, b"other").await;
        assert_eq!(refused.refusal(), (400, "BadDigest"));
        let large = body(5, 300_000);
        let refused = client.send("PUT", "/bucket/k", &md5, &large).await;
        assert_eq!(refused.refusal(), (400, "BadDigest"));
        assert_eq!(client.get("/bucket/k").await.refusal(), (404, "NoSuchKey"));
        let listing = client.get("/bucket?list-type=2").await;
        assert_eq!(listing.elements("KeyCount"), ["0"]);
    });
}

#[test]
fn of_two_creators_one_wins() {
    on_stage(6, 1, 4, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        let absent = [("if-none-match", "*")];
        assert_eq!(client.send("PUT", "/bucket/k", &absent, b"first").await.status, 200);
        let second = client.send("PUT", "/bucket/k", &absent, b"second").await;
        assert_eq!(second.refusal(), (412, "PreconditionFailed"));
        assert_eq!(second.elements("Condition"), ["If-None-Match"]);
        let missing = client.send("PUT", "/bucket/l", &[("if-match", "\"x\"")], b"").await;
        assert_eq!(missing.refusal(), (404, "NoSuchKey"));
        assert_eq!(client.get("/bucket/k").await.body, b"first");
    });
}

#[test]
fn keys_are_opaque_and_listed_in_byte_order() {
    on_stage(7, 1, 4, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        // As they are on the wire, and as they are.
        let keys = [
            ("%00", "\0"),
            ("..", ".."),
            ("../..", "../.."),
            ("/", "/"),
            ("//a", "//a"),
            ("a%20b%2B", "a b+"),
            ("a%252Fb", "a%2Fb"),
            ("a/b", "a/b"),
            ("%E6%97%A5", "\u{65e5}"),
        ];
        for (wire, key) in keys {
            put(&mut client, &format!("/bucket/{wire}"), key.as_bytes()).await;
        }
        for (wire, key) in keys {
            assert_eq!(client.get(&format!("/bucket/{wire}")).await.body, key.as_bytes(), "{wire}");
        }
        let listing = client.get("/bucket?list-type=2&encoding-type=url").await;
        let expected =
            ["%00", "..", "../..", "/", "//a", "a%20b%2B", "a%252Fb", "a/b", "%E6%97%A5"];
        assert_eq!(listing.elements("Key"), expected);
    });
}

#[test]
fn listings_page_and_fold() {
    on_stage(8, 1, 4, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        for key in ["a/1", "a/2", "b", "c/1", "c/2/3", "d"] {
            put(&mut client, &format!("/bucket/{key}"), b"x").await;
        }
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page =
                client.get(&format!("/bucket?delimiter=%2F&list-type=2&max-keys=2{token}")).await;
            for name in ["Key", "Prefix"] {
                let names = page.elements(name).into_iter().filter(|it| !it.is_empty());
                seen.extend(names.map(str::to_owned));
            }
            let Some(next) = page.elements("NextContinuationToken").first().copied() else { break };
            token = format!("&continuation-token={next}");
        }
        seen.sort();
        assert_eq!(seen, ["a/", "b", "c/", "d"]);
        let first = client.get("/bucket?prefix=c%2F&marker=c%2F1").await;
        assert_eq!(first.elements("Key"), ["c/2/3"]);
        assert_eq!(first.elements("IsTruncated"), ["false"]);
        let none = client.get("/bucket?max-keys=0").await;
        assert_eq!((none.elements("Key").len(), none.elements("IsTruncated")), (0, vec!["false"]));
        let all = client.get("/bucket?list-type=2&continuation-token=").await;
        assert_eq!((all.elements("Key").len(), all.elements("ContinuationToken")), (6, vec![""]));
        let refused = client.get("/bucket?max-keys=-1").await;
        assert_eq!(refused.refusal(), (400, "InvalidArgument"));
    });
}

#[test]
fn an_object_is_made_of_its_parts() {
    on_stage(9, 1, 6, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        let begun = client.send("POST", "/bucket/k?uploads", &[("content-type", "a/b")], b"").await;
        let upload = begun.elements("UploadId")[0].to_owned();
        let parts = [body(1, 5 * MIB), body(2, 5 * MIB + 3), body(3, 10)];
        let mut document = String::from("<CompleteMultipartUpload>");
        for (number, part) in (1..).zip(&parts) {
            let target = format!("/bucket/k?partNumber={number}&uploadId={upload}");
            let etag = put(&mut client, &target, part).await.header("etag").unwrap().to_owned();
            document +=
                &format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
        }
        let again = document.rfind("<Part>").map(|at| document[at..].to_owned()).expect("a part");
        let twice = format!("{document}{again}</CompleteMultipartUpload>");
        let target = format!("/bucket/k?uploadId={upload}");
        let refused = client.send("POST", &target, &[], twice.as_bytes()).await;
        assert_eq!(refused.refusal(), (400, "InvalidPartOrder"));
        document += "</CompleteMultipartUpload>";
        let listed = client.get(&format!("/bucket/k?uploadId={upload}")).await;
        assert_eq!(listed.elements("PartNumber"), ["1", "2", "3"]);
        assert_eq!(client.get("/bucket?uploads").await.elements("UploadId"), [&*upload]);
        assert_eq!(client.get("/bucket/k").await.refusal(), (404, "NoSuchKey"));

        let target = format!("/bucket/k?uploadId={upload}");
        for _ in 0..2 {
            let done = client.send("POST", &target, &[], document.as_bytes()).await;
            assert_eq!(done.status, 200, "{}", done.text());
            assert!(done.elements("ETag")[0].ends_with("-3&quot;"));
            assert_eq!(done.elements("Location"), ["http://hamster/bucket/k"]);
        }
        let whole = parts.concat();
        let read = client.get("/bucket/k").await;
        assert!(read.body == whole);
        assert_eq!(read.header("content-type"), Some("a/b"));
        let across = [("range", "bytes=5242870-5242890")];
        let range = client.send("GET", "/bucket/k", &across, b"").await;
        assert!(range.body == whole[5_242_870..5_242_891]);
        assert_eq!(client.get("/bucket?uploads").await.elements("UploadId"), [""; 0]);
    });
}

#[test]
fn an_upload_that_is_given_up_is_gone() {
    on_stage(10, 1, 4, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        let begun = client.send("POST", "/bucket/k?uploads", &[], b"").await;
        let target = format!("/bucket/k?uploadId={}", begun.elements("UploadId")[0]);
        let part = target.replace('?', "?partNumber=1&");
        put(&mut client, &part, b"part").await;
        let wrong = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>\
            <ETag>00000000000000000000000000000000</ETag></Part></CompleteMultipartUpload>";
        let refused = client.send("POST", &target, &[], wrong).await;
        assert_eq!(refused.refusal(), (400, "InvalidPart"));
        assert_eq!(client.send("DELETE", &target, &[], b"").await.status, 204);
        assert_eq!(client.put(&part, b"part").await.refusal(), (404, "NoSuchUpload"));
        assert_eq!(client.send("DELETE", &target, &[], b"").await.refusal(), (404, "NoSuchUpload"));
        assert_eq!(client.send("DELETE", "/bucket", &[], b"").await.status, 204);
    });
}

#[test]
fn copies_are_objects_of_their_own() {
    on_stage(11, 1, 4, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        for (key, length) in [("a%20b", 100), ("large", 400_000)] {
            let bytes = body(11, length);
            let target = format!("/bucket/{key}");
            client.send("PUT", &target, &[("x-amz-meta-a", "1")], &bytes).await;
            let source = format!("/bucket/{key}");
            let copied =
                client.send("PUT", "/bucket/copy", &[("x-amz-copy-source", &source)], b"").await;
            assert_eq!(copied.status, 200, "{}", copied.text());
            client.send("DELETE", &target, &[], b"").await;
            let read = client.get("/bucket/copy").await;
            assert!(read.body == bytes);
            assert_eq!(read.header("x-amz-meta-a"), Some("1"));
        }
        let itself = [("x-amz-copy-source", "bucket/copy")];
        let refused = client.send("PUT", "/bucket/copy", &itself, b"").await;
        assert_eq!(refused.refusal(), (400, "InvalidRequest"));
        let replaced = [
            ("x-amz-copy-source", "bucket/copy"),
            ("x-amz-metadata-directive", "REPLACE"),
            ("x-amz-meta-b", "2"),
        ];
        assert_eq!(client.send("PUT", "/bucket/copy", &replaced, b"").await.status, 200);
        let read = client.send("HEAD", "/bucket/copy", &[], b"").await;
        assert_eq!((read.header("x-amz-meta-a"), read.header("x-amz-meta-b")), (None, Some("2")));
    });
}

#[test]
fn many_are_deleted_at_once() {
    on_stage(12, 1, 4, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        for key in ["a", "b", "c"] {
            put(&mut client, &format!("/bucket/{key}"), b"x").await;
        }
        let wanted = b"<Delete><Object><Key>a</Key></Object><Object><Key>nothing</Key></Object>\
            <Object><Key>c</Key><VersionId>null</VersionId></Object></Delete>";
        let unprotected = client.send("POST", "/bucket?delete", &[], wanted).await;
        assert_eq!(unprotected.refusal(), (400, "InvalidRequest"));
        let crc = hamster_s3::checksum::Algorithm::Crc32.of(wanted);
        let protected = [("x-amz-checksum-crc32", &*crc)];
        let deleted = client.send("POST", "/bucket?delete", &protected, wanted).await;
        assert_eq!(deleted.elements("Key"), ["a", "nothing", "c"]);
        assert_eq!(client.get("/bucket").await.elements("Key"), ["b"]);
        assert_eq!(
            client.send("DELETE", "/bucket", &[], b"").await.refusal(),
            (409, "BucketNotEmpty")
        );
        assert_eq!(client.send("DELETE", "/bucket/b", &[], b"").await.status, 204);
        assert_eq!(client.send("DELETE", "/bucket", &[], b"").await.status, 204);
        assert_eq!(client.get("/bucket").await.refusal(), (404, "NoSuchBucket"));
    });
}

#[test]
fn buckets_belong_to_who_made_them() {
    on_stage(13, 1, 1, |stage| async move {
        let mut alice = stage.client(ALICE).await;
        let mut bob = stage.client(BOB).await;
        let mut root = stage.root().await;
        bucket(&mut alice, "alices").await;
        put(&mut alice, "/alices/k", b"mine").await;
        bucket(&mut alice, "alices").await;
        assert_eq!(bob.put("/alices", b"").await.refusal(), (409, "BucketAlreadyExists"));
        assert_eq!(bob.get("/alices/k").await.refusal(), (403, "AccessDenied"));
        assert_eq!(bob.put("/alices/k", b"his").await.refusal(), (403, "AccessDenied"));
        assert_eq!(bob.get("/alices").await.refusal(), (403, "AccessDenied"));
        bucket(&mut bob, "bobs").await;
        let stolen = [("x-amz-copy-source", "/alices/k")];
        let refused = bob.send("PUT", "/bobs/k", &stolen, b"").await;
        assert_eq!(refused.refusal(), (403, "AccessDenied"));
        assert_eq!(root.get("/alices/k").await.body, b"mine");
        assert_eq!(bob.get("/").await.elements("Name"), ["bobs"]);
        assert_eq!(root.get("/").await.elements("Name"), ["alices", "bobs"]);
    });
}

#[test]
fn buckets_answer_what_clients_ask_first() {
    on_stage(14, 1, 1, |stage| async move {
        let mut client = stage.root().await;
        assert_eq!(client.put("/Not_a_name", b"").await.refusal(), (400, "InvalidBucketName"));
        let elsewhere = b"<CreateBucketConfiguration><LocationConstraint>eu-west-1\
            </LocationConstraint></CreateBucketConfiguration>";
        let refused = client.put("/bucket", elsewhere).await;
        assert_eq!(refused.refusal(), (400, "IllegalLocationConstraintException"));
        bucket(&mut client, "bucket").await;
        let head = client.send("HEAD", "/bucket", &[], b"").await;
        assert_eq!((head.status, head.header("x-amz-bucket-region")), (200, Some("us-east-1")));
        assert_eq!(client.send("HEAD", "/other", &[], b"").await.status, 404);
        assert!(client.get("/bucket?location").await.text().contains("<LocationConstraint"));
        assert!(client.get("/bucket?versioning").await.text().contains("VersioningConfiguration"));
        assert_eq!(client.get("/bucket?acl").await.elements("Permission"), ["FULL_CONTROL"]);
        let unbuilt = client.get("/bucket?lifecycle").await;
        assert_eq!(unbuilt.refusal(), (501, "NotImplemented"));
    });
}

#[test]
fn two_dead_drives_of_six_take_nothing_away() {
    on_stage(15, 1, 6, |stage| async move {
        let mut client = stage.root().await;
        bucket(&mut client, "bucket").await;
        let bytes = body(15, MIB);
        put(&mut client, "/bucket/large", &bytes).await;
        put(&mut client, "/bucket/small", b"small").await;
        for drive in [4, 5] {
            stage.disk(drive).set_dead(true);
        }
        assert!(client.get("/bucket/large").await.body == bytes);
        assert_eq!(client.get("/bucket/small").await.body, b"small");
    });
}

#[test]
fn a_small_body_steps_down_when_planned_drives_turn_out_to_be_gone() {
    // Several worlds: in most of them a plan names two or three of the three at once.
    for seed in 40..48 {
        on_stage(seed, 1, 6, |stage| async move {
            let mut client = stage.root().await;
            bucket(&mut client, "bucket").await;
            // Nobody has noticed yet. The metadata is in memory here, so it outlives its drives.
            for drive in 0..3 {
                stage.disk(drive).set_dead(true);
            }
            for number in 0..4_u64 {
                let bytes = body(number, 4096);
                let target = format!("/bucket/{number}");
                put(&mut client, &target, &bytes).await;
                assert!(client.get(&target).await.body == bytes, "{number}");
            }
        });
    }
}
