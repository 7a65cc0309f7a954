//! What a request is about: service, bucket or object, and its query. Called by the route table.
//!
//! Keys and names are opaque: decoded once, checked for length and UTF-8, and never a path.

use crate::error::{Code, S3Error};
use crate::percent::{self, Plus};
use hamster_core::limits::{BUCKET_NAME_BYTES_MAX, BUCKET_NAME_BYTES_MIN, KEY_BYTES_MAX};
use hamster_net::http::Head;
use std::net::Ipv4Addr;

/// Service, bucket or object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The bucket's name, if one is named. Checked only when a bucket is made: no other can exist.
    pub bucket: Option<String>,
    /// The key, if one is named.
    pub key: Option<String>,
}

/// What a request addresses, as the route table distinguishes it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Shape {
    /// No bucket is named.
    Service,
    /// A bucket, and no key.
    Bucket,
    /// A key in a bucket.
    Object,
}

impl Target {
    /// The target of `head`: virtual-hosted if the host is a bucket below `domain`, path-style
    /// otherwise.
    ///
    /// # Errors
    /// `InvalidURI` for bad encodings, `KeyTooLongError`.
    pub fn of(head: &Head, domain: Option<&str>) -> Result<Self, S3Error> {
        let path = head.path().strip_prefix('/').ok_or(Code::InvalidURI)?;
        let host = head.headers().get("host").unwrap_or_default();
        if let Some(bucket) = domain.and_then(|domain| bucket_of_host(host, domain)) {
            return Ok(Self { bucket: Some(bucket), key: decode_key(path)? });
        }
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let bucket = decode_text(bucket)?;
        Ok(Self { bucket: (!bucket.is_empty()).then_some(bucket), key: decode_key(key)? })
    }

    /// What kind of thing it is. A key without a bucket (`//key`) is nothing: `None`.
    pub fn shape(&self) -> Option<Shape> {
        match (&self.bucket, &self.key) {
            (None, None) => Some(Shape::Service),
            (Some(_), None) => Some(Shape::Bucket),
            (Some(_), Some(_)) => Some(Shape::Object),
            (None, Some(_)) => None,
        }
    }
}

/// The bucket in `bucket.domain[:port]`. Host names know no case; buckets have lower case.
fn bucket_of_host(host: &str, domain: &str) -> Option<String> {
    let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    let (rest, tail) = name.split_at_checked(name.len().checked_sub(domain.len())?)?;
    let bucket = rest.strip_suffix('.')?;
    let found = tail.eq_ignore_ascii_case(domain) && !bucket.is_empty();
    found.then(|| bucket.to_ascii_lowercase())
}

fn decode_text(raw: &str) -> Result<String, S3Error> {
    let bytes = percent::decode(raw.as_bytes(), Plus::Literal)
        .map_err(|_| S3Error::from(Code::InvalidURI))?;
    String::from_utf8(bytes).map_err(|_| Code::InvalidURI.into())
}

fn decode_key(raw: &str) -> Result<Option<String>, S3Error> {
    let key = decode_text(raw)?;
    check_key_length(&key)?;
    Ok((!key.is_empty()).then_some(key))
}

/// Refuses keys over S3's limit.
///
/// # Errors
/// `KeyTooLongError`.
pub fn check_key_length(key: &str) -> Result<(), S3Error> {
    if key.len() <= KEY_BYTES_MAX {
        return Ok(());
    }
    Err(S3Error::from(Code::KeyTooLongError)
        .with("Size", &key.len().to_string())
        .with("MaxSizeAllowed", &KEY_BYTES_MAX.to_string()))
}

/// The bucket and key of an `x-amz-copy-source`: `[/]bucket/key`, percent-encoded, perhaps with
/// `?versionId=` behind it. The version id comes back as it stands.
///
/// # Errors
/// `InvalidArgument` for anything else.
pub fn copy_source(header: &str) -> Result<(String, String, Option<&str>), S3Error> {
    let refusal = || {
        S3Error::argument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            "x-amz-copy-source",
            header,
        )
    };
    let (path, version) = match header.split_once("?versionId=") {
        Some((path, version)) => (path, Some(version)),
        None => (header, None),
    };
    let path = decode_text(path).map_err(|_| refusal())?;
    let path = path.strip_prefix('/').unwrap_or(&path);
    let (bucket, key) = path.split_once('/').ok_or_else(refusal)?;
    if bucket.is_empty() || key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(refusal());
    }
    Ok((bucket.to_owned(), key.to_owned(), version))
}

/// Refuses names that S3 does not let a new bucket have
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
///
/// # Errors
/// `InvalidBucketName`.
pub fn check_bucket_name(name: &str) -> Result<(), S3Error> {
    const PREFIXES: [&str; 4] = ["xn--", "sthree-", "amzn-s3-demo-", ".."];
    const SUFFIXES: [&str; 4] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3"];
    let edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let inner = |byte: u8| edge(byte) || byte == b'-' || byte == b'.';
    let bytes = name.as_bytes();
    let good = (BUCKET_NAME_BYTES_MIN..=BUCKET_NAME_BYTES_MAX).contains(&bytes.len())
        && bytes.iter().all(|byte| inner(*byte))
        && bytes.first().is_some_and(|byte| edge(*byte))
        && bytes.last().is_some_and(|byte| edge(*byte))
        && !name.contains("..")
        && name.parse::<Ipv4Addr>().is_err()
        && !PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        && !SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
    if good {
        return Ok(());
    }
    Err(S3Error::from(Code::InvalidBucketName).with("BucketName", name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::head;

    fn target(path: &str, host: &str) -> Result<Target, Code> {
        let head = head("GET", path, &[("host", host)]);
        Target::of(&head, Some("s3.example.com")).map_err(|error| error.code())
    }

    fn parts(bucket: &str, key: &str) -> Result<Target, Code> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(Target { bucket: some(bucket), key: some(key) })
    }

    #[test]
    fn path_style_and_virtual_hosted_name_the_same_object() {
        assert_eq!(target("/", "localhost"), parts("", ""));
        assert_eq!(target("/b", "localhost:9000"), parts("b", ""));
        assert_eq!(target("/b/", "localhost"), parts("b", ""));
        assert_eq!(target("/b/k/e", "localhost"), parts("b", "k/e"));
        assert_eq!(target("/k/e", "b.S3.example.com:9000"), parts("b", "k/e"));
        assert_eq!(target("/K", "BKT.S3.EXAMPLE.COM"), parts("bkt", "K"));
        assert_eq!(target("/", "b.s3.example.com"), parts("b", ""));
        assert_eq!(target("/b/k", "s3.example.com"), parts("b", "k"));
        assert_eq!(target("/b/k", "xs3.example.com"), parts("b", "k"));
    }

    #[test]
    fn keys_are_opaque() {
        assert_eq!(target("/b/..", "h"), parts("b", ".."));
        assert_eq!(target("/b//", "h"), parts("b", "/"));
        assert_eq!(target("/b/a%2Fb%00+", "h"), parts("b", "a/b\0+"));
        assert_eq!(target("/b/../c", "h"), parts("b", "../c"));
    }

    #[test]
    fn bad_encodings_and_long_keys_are_refused() {
        assert_eq!(target("/b/%FF", "h"), Err(Code::InvalidURI));
        assert_eq!(target("/b/%4", "h"), Err(Code::InvalidURI));
        assert_eq!(target(&format!("/b/{}", "k".repeat(1025)), "h"), Err(Code::KeyTooLongError));
        assert!(target(&format!("/b/{}", "k".repeat(1024)), "h").is_ok());
    }

    #[test]
    fn bucket_names_follow_the_rules() {
        for name in ["abc", "a-b.c", "0ab", &"a".repeat(63)] {
            assert_eq!(check_bucket_name(name), Ok(()), "{name}");
        }
        let long = "a".repeat(64);
        for name in [
            "ab",
            &long,
            "Abc",
            "a_b",
            "-ab",
            "ab-",
            "a..b",
            ".ab",
            "192.168.5.4",
            "xn--a",
            "a-s3alias",
            "a\u{e9}b",
            "a/b",
        ] {
            let refused = check_bucket_name(name).map_err(|error| error.code());
            assert_eq!(refused, Err(Code::InvalidBucketName), "{name}");
        }
    }

    #[test]
    fn a_copy_source_is_decoded_once() {
        let source = |header| {
            copy_source(header)
                .map(|(bucket, key, version)| (bucket, key, version.map(str::to_owned)))
                .map_err(|error| error.code())
        };
        let named = |bucket: &str, key: &str| (bucket.to_owned(), key.to_owned(), None);
        assert_eq!(source("/b/k%20%2541"), Ok(named("b", "k %41")));
        assert_eq!(source("b/a+b/c"), Ok(named("b", "a+b/c")));
        assert_eq!(source("b%2Fk"), Ok(named("b", "k")));
        for header in ["", "b", "/b", "b/", "/", "b/%FF"] {
            assert_eq!(source(header), Err(Code::InvalidArgument), "{header}");
        }
    }
}
