//! What a client says about an object beyond its bytes: read from the headers of a write, given back
//! with a read. Called by the verbs that write and read objects.

use crate::checksum::Algorithm;
use crate::error::{Code, S3Error};
use crate::tags;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hamster_core::limits::{OBJECT_TAGS_MAX, SYSTEM_METADATA_BYTES_MAX, USER_METADATA_BYTES_MAX};
use hamster_meta::command::Precondition;
use hamster_meta::record::Headers as ObjectHeaders;
use hamster_net::http::{Headers, Response};
use std::borrow::Cow;

/// Headers that are kept with an object and given back.
const SYSTEM: [&str; 6] = [
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
];

/// Those of them that are lists: one that comes twice is one list (RFC 9110, section 5.3).
const LISTS: [&str; 3] = ["cache-control", "content-encoding", "content-language"];

/// The prefix of user metadata.
const USER_PREFIX: &str = "x-amz-meta-";

/// What an object without a Content-Type is.
pub const CONTENT_TYPE_DEFAULT: &str = "binary/octet-stream";

/// Headers of writes that ask for something this version does not do. Taking the object and
/// dropping the wish would be a lie: they are refused.
const UNBUILT: [&str; 22] = [
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-context",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-copy-source-server-side-encryption-customer-algorithm",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold",
    "x-amz-website-redirect-location",
    "x-amz-write-offset-bytes",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-write",
    "x-amz-grant-read-acp",
    "x-amz-grant-write-acp",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-server-side-encryption-customer-key-md5",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-copy-source-server-side-encryption-customer-key",
    "x-amz-copy-source-server-side-encryption-customer-key-md5",
    "x-amz-if-match-size",
    "x-amz-if-match-last-modified-time",
];

/// What `x-amz-acl` may say in S3.
const CANNED_ACLS: [&str; 8] = [
    "private",
    "public-read",
    "public-read-write",
    "aws-exec-read",
    "authenticated-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
    "log-delivery-write",
];

/// Headers about checksums that carry no value.
const CHECKSUM_OTHERS: [&str; 3] =
    ["x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-checksum-mode"];

/// Refuses a write that asks for what this version does not do.
///
/// # Errors
/// `NotImplemented`, naming the header; `InvalidArgument` for an ACL that S3 does not have either.
pub fn refuse_unbuilt(headers: &Headers) -> Result<(), S3Error> {
    if let Some(acl) = headers.get("x-amz-acl").filter(|acl| !CANNED_ACLS.contains(acl)) {
        return Err(S3Error::argument("This is not a canned ACL.", "x-amz-acl", acl));
    }
    let unbuilt = headers.iter().find(|(name, value)| match *name {
        "x-amz-acl" => !matches!(*value, "private" | "bucket-owner-full-control"),
        "x-amz-bucket-object-lock-enabled" => !value.eq_ignore_ascii_case("false"),
        "x-amz-object-ownership" => *value != "BucketOwnerEnforced",
        name if name.starts_with("x-amz-checksum-") => {
            Algorithm::of_header(name).is_none() && !CHECKSUM_OTHERS.contains(&name)
        }
        name => UNBUILT.contains(&name),
    });
    let Some((name, value)) = unbuilt else { return Ok(()) };
    Err(unbuilt_header(name).with("Value", value))
}

fn unbuilt_header(name: &str) -> S3Error {
    let message = "A header you provided implies functionality that is not implemented";
    S3Error::new(Code::NotImplemented, message).with("Header", name)
}

/// What `headers` say about the object that is written.
///
/// # Errors
/// `MetadataTooLarge`, `InvalidStorageClass`, and what [`tags::of_header`] refuses.
pub fn of_write(headers: &Headers) -> Result<ObjectHeaders, S3Error> {
    check_storage_class(headers.get("x-amz-storage-class"))?;
    let tags = headers.get("x-amz-tagging").map(|it| tags::of_header(it, OBJECT_TAGS_MAX));
    let tags = tags.transpose()?.unwrap_or_default();
    let mut object = ObjectHeaders { tags, ..ObjectHeaders::default() };
    for (name, value) in headers.iter() {
        if let Some(name) = name.strip_prefix(USER_PREFIX) {
            add_joined(&mut object.user, name, value);
        } else if name == "content-encoding" {
            let codings = value.split(',').map(str::trim);
            for coding in codings.filter(|it| !matches!(*it, "" | "aws-chunked")) {
                add_joined(&mut object.system, name, coding);
            }
        } else if LISTS.contains(&name) && !value.is_empty() {
            add_joined(&mut object.system, name, value);
        } else if SYSTEM.contains(&name) && !value.is_empty() {
            object.system.push((name.to_owned(), value.to_owned()));
        }
    }
    check_size(&object.user, USER_METADATA_BYTES_MAX)?;
    check_size(&object.system, SYSTEM_METADATA_BYTES_MAX)?;
    Ok(object)
}

/// Refuses names and values that are longer together.
fn check_size(pairs: &[(String, String)], bytes_max: usize) -> Result<(), S3Error> {
    let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes <= bytes_max {
        return Ok(());
    }
    Err(S3Error::from(Code::MetadataTooLarge)
        .with("Size", &bytes.to_string())
        .with("MaxSizeAllowed", &bytes_max.to_string()))
}

/// S3's names of storage classes. All of them are taken, and everything is STANDARD.
const STORAGE_CLASSES: [&str; 13] = [
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "OUTPOSTS",
    "GLACIER_IR",
    "SNOW",
    "EXPRESS_ONEZONE",
    "FSX_OPENZFS",
    "FSX_ONTAP",
];

fn check_storage_class(class: Option<&str>) -> Result<(), S3Error> {
    match class {
        Some(class) if !STORAGE_CLASSES.contains(&class) => {
            Err(S3Error::from(Code::InvalidStorageClass).with("StorageClassRequested", class))
        }
        _ => Ok(()),
    }
}

/// A name that comes twice has both values, as HTTP combines them.
fn add_joined(pairs: &mut Vec<(String, String)>, name: &str, value: &str) {
    match pairs.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) => {
            known.push(',');
            known.push_str(value);
        }
        None => pairs.push((name.to_owned(), value.to_owned())),
    }
}

/// Gives an object's headers back; `instead` overrides system headers by name.
pub fn add_to<'a>(
    response: &mut Response,
    object: &ObjectHeaders,
    instead: impl Fn(&str) -> Option<&'a str>,
) {
    for name in SYSTEM {
        let kept = object.system.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str());
        let fallback = (name == "content-type").then_some(CONTENT_TYPE_DEFAULT);
        if let Some(value) = instead(name).or(kept).or(fallback) {
            response.headers.add(name, value);
        }
    }
    if !object.tags.is_empty() {
        response.headers.add("x-amz-tagging-count", &object.tags.len().to_string());
    }
    let mut name = String::from(USER_PREFIX);
    for (rest, value) in &object.user {
        name.truncate(USER_PREFIX.len());
        name.push_str(rest);
        response.headers.add(&name, &mail_safe(value));
    }
}

/// Bytes in one word of RFC 2047: its section 2 allows 75 characters, coded in base64.
const WORD_BYTES_MAX: usize = 45;

/// User metadata as S3 gives it back: ASCII as it stands, all else in the words of RFC 2047
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>). What came in such
/// words is kept as words.
fn mail_safe(value: &str) -> Cow<'_, str> {
    if value.is_ascii() {
        return value.into();
    }
    let (mut words, mut rest) = (String::new(), value);
    while !rest.is_empty() {
        // A word holds whole characters only.
        let (word, behind) = rest.split_at(rest.floor_char_boundary(WORD_BYTES_MAX));
        words.push_str(if words.is_empty() { "=?UTF-8?B?" } else { " =?UTF-8?B?" });
        BASE64_STANDARD.encode_string(word, &mut words);
        words.push_str("?=");
        rest = behind;
    }
    words.into()
}

/// What must hold of the current version for a write: `If-None-Match: *` or `If-Match`.
///
/// # Errors
/// `NotImplemented` for other forms, as S3.
pub fn precondition(headers: &Headers) -> Result<Precondition, S3Error> {
    match (headers.get("if-none-match"), headers.get("if-match")) {
        (None, None) => Ok(Precondition::None),
        (Some("*"), None) => Ok(Precondition::Absent),
        (None, Some(etag)) if etag != "*" => Ok(Precondition::Etag(unquoted(etag).to_owned())),
        _ => Err(unbuilt_header("If-None-Match, If-Match")),
    }
}

/// What must hold of the current version for its deletion: `If-Match`, with `*` for any.
///
/// # Errors
/// `NotImplemented` for `If-None-Match`.
pub fn precondition_of_deletion(headers: &Headers) -> Result<Precondition, S3Error> {
    match (headers.get("if-none-match"), headers.get("if-match")) {
        (None, condition) => Ok(of_deletion(condition)),
        (Some(_), _) => Err(unbuilt_header("If-None-Match")),
    }
}

/// The condition of a deletion that names this ETag or `*`.
pub fn of_deletion(etag: Option<&str>) -> Precondition {
    match etag {
        None => Precondition::None,
        Some("*") => Precondition::Present,
        Some(etag) => Precondition::Etag(unquoted(etag).to_owned()),
    }
}

/// An ETag as a client sends it, without its quotes.
pub fn unquoted(etag: &str) -> &str {
    let etag = etag.trim();
    etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(etag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::head;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn aws_chunked_is_not_an_encoding_of_the_object() {
        let of = |value| {
            let head = head("PUT", "/b/k", &[("content-encoding", value)]);
            of_write(head.headers()).expect("small").system
        };
        assert_eq!(of("aws-chunked"), []);
        assert_eq!(of(""), []);
        assert_eq!(of("aws-chunked, gzip"), [pair("content-encoding", "gzip")]);
    }

    #[test]
    fn lists_that_come_twice_are_one_list() {
        let twice = [
            ("content-encoding", "gzip"),
            ("cache-control", "public"),
            ("content-encoding", "br"),
            ("cache-control", "max-age=1"),
        ];
        let kept = of_write(head("PUT", "/b/k", &twice).headers()).expect("small").system;
        let expected =
            [pair("content-encoding", "gzip,br"), pair("cache-control", "public,max-age=1")];
        assert_eq!(kept, expected);
    }

    #[test]
    fn system_metadata_is_kept_within_its_limit() {
        let of = |length| {
            let value = "v".repeat(length);
            let head = head("PUT", "/b/k", &[("expires", "0"), ("content-disposition", &value)]);
            of_write(head.headers()).map(drop).map_err(|error| error.code())
        };
        let names = "expires0content-disposition".len();
        assert_eq!(of(SYSTEM_METADATA_BYTES_MAX - names), Ok(()));
        assert_eq!(of(SYSTEM_METADATA_BYTES_MAX - names + 1), Err(Code::MetadataTooLarge));
    }

    #[test]
    fn user_metadata_is_kept_within_its_limit() {
        let long = "v".repeat(2044);
        let good = head("PUT", "/b/k", &[("X-Amz-Meta-Name", &long)]);
        let kept = of_write(good.headers()).expect("within the limit");
        assert_eq!(kept.user, [pair("name", &long)]);
        let over = head("PUT", "/b/k", &[("X-Amz-Meta-Name", &long), ("x-amz-meta-b", "")]);
        let refused = of_write(over.headers()).map_err(|error| error.code());
        assert_eq!(refused, Err(Code::MetadataTooLarge));
    }

    /// The value of `x-amz-meta-my_name` as a read gives it back.
    fn given_back(value: &str) -> String {
        let written = head("PUT", "/b/k", &[("x-amz-meta-my_name", value)]);
        let kept = of_write(written.headers()).expect("small");
        let mut response = Response::new(200);
        add_to(&mut response, &kept, |_| None);
        response.headers.get("x-amz-meta-my_name").expect("given back").to_owned()
    }

    #[test]
    fn user_metadata_comes_back_as_ascii() {
        assert_eq!(given_back("blue, =?UTF-8?Q?=C3=A4?="), "blue, =?UTF-8?Q?=C3=A4?=");
        // As MinIO's own example.
        assert_eq!(given_back("Mini\u{f6}"), "=?UTF-8?B?TWluacO2?=");
        let long = "\u{5546}\u{54c1}\u{e9}".repeat(100);
        let back = given_back(&long);
        let words = back.split(' ').map(|word| {
            assert!(word.len() <= 75, "{word}");
            let coded = word.strip_prefix("=?UTF-8?B?").and_then(|it| it.strip_suffix("?="));
            let bytes = BASE64_STANDARD.decode(coded.expect("a word")).expect("base64");
            String::from_utf8(bytes).expect("whole characters")
        });
        assert_eq!(words.collect::<String>(), long);
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let refused = |name, value| {
            let head = head("PUT", "/b/k", &[(name, value)]);
            refuse_unbuilt(head.headers()).is_err()
        };
        assert!(!refused("x-amz-acl", "private"));
        assert!(refused("x-amz-acl", "public-read"));
        assert!(refused("x-amz-acl", "publik"));
        assert!(refused("x-amz-server-side-encryption", "AES256"));
    }
}
