//! What is told about objects beside their bytes: tags, parts, attributes, versions.

mod stage;

use stage::{Answer, Client, MIB, body, on_stage};

const TWO_TAGS: &str = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag>\
    <Tag><Key>b c</Key><Value></Value></Tag></TagSet></Tagging>";

async fn put(client: &mut Client, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let answer = client.send("PUT", target, headers, body).await;
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer
}

async fn tags(client: &mut Client, target: &str) -> Vec<(String, String)> {
    let answer = client.get(&format!("{target}?tagging")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (keys, values) = (answer.elements("Key"), answer.elements("Value"));
    keys.into_iter().zip(values).map(|(key, value)| (key.into(), value.into())).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

#[test]
fn an_object_has_the_tags_it_was_given_last() {
    on_stage(40, 1, 4, |stage| async move {
        let mut client = stage.root().await;
        put(&mut client, "/bucket", &[], b"").await;
        put(&mut client, "/bucket/k", &[("x-amz-tagging", "a=1&b%20c=")], b"bytes").await;
        assert_eq!(tags(&mut client, "/bucket/k").await, pairs(&[("a", "1"), ("b c", "")]));
        let before = client.get("/bucket/k").await;
        assert_eq!(before.header("x-amz-tagging-count"), Some("2"));

        let other = TWO_TAGS.replace(">1<", ">2<");
        put(&mut client, "/bucket/k?tagging", &[], other.as_bytes()).await;
        assert_eq!(tags(&mut client, "/bucket/k").await, pairs(&[("a", "2"), ("b c", "")]));
        let after = client.get("/bucket/k").await;
        for header in ["etag", "last-modified"] {
            assert_eq!(after.header(header), before.header(header), "tags change nothing else");
        }
        assert_eq!(after.body, before.body);

        let gone = client.send("DELETE", "/bucket/k?tagging", &[], b"").await;
        assert_eq!(gone.status, 204);
        assert_eq!(tags(&mut client, "/bucket/k").await, []);
        assert_eq!(client.get("/bucket/k").await.header("x-amz-tagging-count"), None);

        let missing = client.send("PUT", "/bucket/none?tagging", &[], TWO_TAGS.as_bytes()).await;
        assert_eq!(missing.refusal(), (404, "NoSuchKey"));
        assert_eq!(client.get("/bucket/none?tagging").await.refusal(), (404, "NoSuchKey"));
        let version = client.get("/bucket/k?tagging&versionId=abc").await;
        assert_eq!(version.refusal(), (404, "NoSuchVersion"));
        let bad = TWO_TAGS.replace("b c", "a");
        let refused = client.send("PUT", "/bucket/k?tagging", &[], bad.as_bytes()).await;
        assert_eq!(refused.refusal(), (400, "InvalidTag"));
        assert_eq!(tags(&mut client, "/bucket/k").await, []);
    });
}

#[test]
fn a_copy_takes_tags_along_or_gets_its_own() {
    on_stage(41, 1, 4, |stage| async move {
        let mut client = stage.root().await;
        put(&mut client, "/bucket", &[], b"").await;
        put(&mut client, "/bucket/k", &[("x-amz-tagging", "a=1")], b"bytes").await;
        let source = ("x-amz-copy-source", "/bucket/k");
        let own = ("x-amz-tagging", "b=2");
        put(&mut client, "/bucket/copied", &[source, own], b"").await;
        assert_eq!(tags(&mut client, "/bucket/copied").await, pairs(&[("a", "1")]));
        let replace = ("x-amz-tagging-directive", "REPLACE");
        put(&mut client, "/bucket/replaced", &[source, own, replace], b"").await;
        assert_eq!(tags(&mut client, "/bucket/replaced").await, pairs(&[("b", "2")]));
        let metadata = ("x-amz-metadata-directive", "REPLACE");
        put(&mut client, "/bucket/k", &[source, metadata, ("x-amz-meta-m", "1")], b"").await;
        assert_eq!(tags(&mut client, "/bucket/k").await, pairs(&[("a", "1")]));
        // On to itself with other tags only.
        put(&mut client, "/bucket/k", &[source, own, replace], b"").await;
        assert_eq!(tags(&mut client, "/bucket/k").await, pairs(&[("b", "2")]));
        assert_eq!(client.get("/bucket/k").await.header("x-amz-meta-m"), Some("1"));
    });
}

#[test]
fn a_bucket_has_tags_of_its_own() {
    on_stage(42, 1, 4, |stage| async move {
        let mut client = stage.root().await;
        put(&mut client, "/bucket", &[], b"").await;
        assert_eq!(client.get("/bucket?tagging").await.refusal(), (404, "NoSuchTagSet"));
        let set = client.send("PUT", "/bucket?tagging", &[], TWO_TAGS.as_bytes()).await;
        assert_eq!(set.status, 204);
        assert_eq!(tags(&mut client, "/bucket").await, pairs(&[("a", "1"), ("b c", "")]));
        let long = format!("<Tagging><!--{}--><TagSet/></Tagging>", "x".repeat(64 << 10));
        let long = client.send("PUT", "/bucket?tagging", &[], long.as_bytes()).await;
        assert_eq!(long.status, 400, "{}", long.text());
        assert_eq!(client.send("DELETE", "/bucket?tagging", &[], b"").await.status, 204);
        assert_eq!(client.get("/bucket?tagging").await.refusal(), (404, "NoSuchTagSet"));
        // A bucket made anew has nothing of the former.
        client.send("PUT", "/bucket?tagging", &[], TWO_TAGS.as_bytes()).await;
        assert_eq!(client.send("DELETE", "/bucket", &[], b"").await.status, 204);
        put(&mut client, "/bucket", &[], b"").await;
        assert_eq!(client.get("/bucket?tagging").await.refusal(), (404, "NoSuchTagSet"));
    });
}

/// An object of parts 1 (5 MiB), 2 (5 MiB) and 4 (3 bytes), with CRC32s of the parts.
async fn in_parts(client: &mut Client, target: &str) -> Vec<u8> {
    let algorithm = [("x-amz-checksum-algorithm", "CRC32")];
    let begun = client.send("POST", &format!("{target}?uploads"), &algorithm, b"").await;
    let upload = begun.elements("UploadId")[0].to_owned();
    let (mut whole, mut named) = (Vec::new(), String::new());
    for (number, length) in [(1, 5 * MIB), (2, 5 * MIB), (4, 3)] {
        let bytes = body(number, length);
        let part = format!("{target}?partNumber={number}&uploadId={upload}");
        let part = put(client, &part, &[], &bytes).await;
        let (etag, crc) = (part.header("etag"), part.header("x-amz-checksum-crc32"));
        named.push_str(&format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag>\
             <ChecksumCRC32>{}</ChecksumCRC32></Part>",
            etag.expect("an ETag"),
            crc.expect("a checksum"),
        ));
        whole.extend(bytes);
    }
    let named = format!("<CompleteMultipartUpload>{named}</CompleteMultipartUpload>");
    let target = format!("{target}?uploadId={upload}");
    let complete = client.send("POST", &target, &[], named.as_bytes()).await;
    assert_eq!(complete.status, 200, "{}", complete.text());
    whole
}

#[test]
fn a_part_of_an_object_is_read_by_its_number() {
    on_stage(43, 1, 4, |stage| async move {
        let mut client = stage.root().await;
        put(&mut client, "/bucket", &[], b"").await;
        let whole = in_parts(&mut client, "/bucket/parts").await;
        let size = whole.len();
        for (number, range) in
            [(1, 0..5 * MIB), (2, 5 * MIB..10 * MIB), (4, 10 * MIB..10 * MIB + 3)]
        {
            let target = format!("/bucket/parts?partNumber={number}");
            let mode = [("x-amz-checksum-mode", "ENABLED")];
            let part = client.send("GET", &target, &mode, b"").await;
            assert_eq!(part.status, 206, "{number}");
            assert!(part.body == whole[range.clone()], "{number}");
            assert_eq!(part.header("x-amz-mp-parts-count"), Some("3"));
            assert!(part.header("x-amz-checksum-crc32").is_some_and(|it| !it.contains('-')));
            let range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            assert_eq!(part.header("content-range"), Some(&*range));
            let head = client.send("HEAD", &target, &[], b"").await;
            assert_eq!((head.status, head.header("content-range")), (206, Some(&*range)));
            let length = part.body.len().to_string();
            assert_eq!(head.header("content-length"), Some(&*length));
        }
        for number in ["3", "5"] {
            let none = client.get(&format!("/bucket/parts?partNumber={number}")).await;
            assert_eq!(none.refusal(), (416, "InvalidPartNumber"), "{number}");
        }
        let zero = client.get("/bucket/parts?partNumber=0").await;
        assert_eq!(zero.refusal(), (400, "InvalidArgument"));
        let range = [("range", "bytes=0-1")];
        let both = client.send("GET", "/bucket/parts?partNumber=1", &range, b"").await;
        assert_eq!(both.refusal(), (400, "InvalidRequest"));

        put(&mut client, "/bucket/whole", &[], b"12345").await;
        let first = client.get("/bucket/whole?partNumber=1").await;
        assert_eq!((first.status, &*first.body), (206, &b"12345"[..]));
        assert_eq!(first.header("x-amz-mp-parts-count"), None);
        let second = client.get("/bucket/whole?partNumber=2").await;
        assert_eq!(second.refusal(), (416, "InvalidPartNumber"));
        put(&mut client, "/bucket/empty", &[], b"").await;
        assert_eq!(client.get("/bucket/empty?partNumber=1").await.status, 200);
    });
}

#[test]
fn attributes_are_told_as_asked() {
    on_stage(44, 1, 4, |stage| async move {
        let mut client = stage.root().await;
        put(&mut client, "/bucket", &[], b"").await;
        in_parts(&mut client, "/bucket/parts").await;
        let all = "ETag,Checksum,ObjectParts, StorageClass,ObjectSize";
        let all = [("x-amz-object-attributes", all), ("x-amz-max-parts", "2")];
        let told = client.send("GET", "/bucket/parts?attributes", &all, b"").await;
        assert_eq!(told.status, 200, "{}", told.text());
        assert!(told.header("last-modified").is_some());
        assert_eq!(told.elements("ObjectSize"), [(10 * MIB + 3).to_string()]);
        assert!(told.elements("ETag")[0].ends_with("-3"));
        assert_eq!(told.elements("ChecksumType"), ["COMPOSITE"]);
        assert_eq!(told.elements("PartsCount"), ["3"]);
        assert_eq!(told.elements("PartNumber"), ["1", "2"]);
        assert_eq!(told.elements("IsTruncated"), ["true"]);
        assert_eq!(told.elements("NextPartNumberMarker"), ["2"]);
        assert_eq!(told.elements("ChecksumCRC32").len(), 3, "the object's and two parts'");
        let rest = [("x-amz-object-attributes", "ObjectParts"), ("x-amz-part-number-marker", "2")];
        let rest = client.send("GET", "/bucket/parts?attributes", &rest, b"").await;
        assert_eq!(rest.elements("PartNumber"), ["4"]);
        assert_eq!(rest.elements("ETag"), [""; 0]);

        put(&mut client, "/bucket/plain", &[], b"12345").await;
        let size = [("x-amz-object-attributes", "ObjectSize"), ("x-amz-object-attributes", "ETag")];
        let plain = client.send("GET", "/bucket/plain?attributes", &size, b"").await;
        assert_eq!(plain.elements("ObjectSize"), ["5"]);
        assert_eq!(plain.elements("ETag"), ["827ccb0eea8a706c4c34a16891f84e7b"]);
        assert_eq!(plain.elements("ObjectParts"), [""; 0]);
        for bad in [&[][..], &[("x-amz-object-attributes", "Size")]] {
            let refused = client.send("GET", "/bucket/plain?attributes", bad, b"").await;
            assert_eq!(refused.refusal(), (400, "InvalidArgument"), "{bad:?}");
        }
        let none = client.send("GET", "/bucket/none?attributes", &size, b"").await;
        assert_eq!(none.refusal(), (404, "NoSuchKey"));
    });
}

#[test]
fn versions_of_an_unversioned_bucket_are_null() {
    on_stage(45, 1, 4, |stage| async move {
        let mut client = stage.root().await;
        put(&mut client, "/bucket", &[], b"").await;
        for key in ["a", "a/b", "a/c", "b", "c d"] {
            put(&mut client, &format!("/bucket/{}", key.replace(' ', "%20")), &[], b"1").await;
        }
        put(&mut client, "/bucket/a", &[], b"22").await;
        let all = client.get("/bucket?versions").await;
        assert_eq!(all.elements("Key"), ["a", "a/b", "a/c", "b", "c d"]);
        assert_eq!(all.elements("VersionId"), ["null"; 5]);
        assert_eq!(all.elements("IsLatest"), ["true"; 5]);
        assert_eq!(all.elements("Size"), ["2", "1", "1", "1", "1"]);
        assert_eq!(all.elements("DisplayName"), ["root"; 5]);

        let mut seen = Vec::new();
        let mut target = "/bucket?versions&delimiter=/&max-keys=1&encoding-type=url".to_owned();
        loop {
            let page = client.get(&target).await;
            assert_eq!(page.status, 200, "{}", page.text());
            seen.extend(page.elements("Key").into_iter().map(str::to_owned));
            let folded = page.text().matches("<CommonPrefixes><Prefix>a/</Prefix>").count();
            seen.extend(std::iter::repeat_n("a/".to_owned(), folded));
            let Some(marker) = page.elements("NextKeyMarker").first().copied() else { break };
            let version = page.elements("NextVersionIdMarker").first().copied();
            target = "/bucket?versions&delimiter=/&max-keys=1&encoding-type=url".to_owned();
            target.push_str(&format!("&key-marker={marker}"));
            if let Some(version) = version {
                target.push_str(&format!("&version-id-marker={version}"));
            }
        }
        assert_eq!(seen, ["a", "a/", "b", "c%20d"]);
        let alone = client.get("/bucket?versions&version-id-marker=null").await;
        assert_eq!(alone.refusal(), (400, "InvalidArgument"));
    });
}

#[test]
fn a_storage_class_is_one_of_s3_s_and_everything_is_standard() {
    on_stage(46, 1, 4, |stage| async move {
        let mut client = stage.root().await;
        put(&mut client, "/bucket", &[], b"").await;
        put(&mut client, "/bucket/k", &[("x-amz-storage-class", "GLACIER_IR")], b"").await;
        assert_eq!(client.get("/bucket").await.elements("StorageClass"), ["STANDARD"]);
        let class = [("x-amz-storage-class", "COLD")];
        let refused = client.send("PUT", "/bucket/k2", &class, b"").await;
        assert_eq!(refused.refusal(), (400, "InvalidStorageClass"));
        assert_eq!(client.get("/bucket/k2").await.status, 404);
    });
}
