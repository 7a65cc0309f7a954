//! Tags of objects and buckets: AWS's rules for them, and their two spellings, a document and a
//! header. (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>)

use crate::error::{Code, S3Error};
use crate::percent::{self, Plus};
use crate::xml::{Document, read};
use hamster_core::limits::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Tags: key and value, in the order given.
pub type Tags = Vec<(String, String)>;

/// `<Tagging>`.
#[derive(Deserialize)]
struct Tagging {
    #[serde(rename = "TagSet")]
    set: TagSet,
}

#[derive(Deserialize)]
struct TagSet {
    #[serde(rename = "Tag", default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "Value")]
    value: String,
}

/// The tags that a `<Tagging>` document gives, at most `limit`.
///
/// # Errors
/// `MalformedXML`, or `InvalidTag` for one that is not valid and for too many.
pub fn of_document(bytes: &[u8], limit: usize) -> Result<Tags, S3Error> {
    let tagging: Tagging = read::document(bytes, "Tagging")?;
    let tags = tagging.set.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    checked(tags, limit)
}

/// The document of these tags.
pub fn document(tags: &Tags) -> Document {
    let mut document = Document::new("Tagging");
    document.open("TagSet");
    for (key, value) in tags {
        document.open("Tag").text("Key", key).text("Value", value).close();
    }
    document
}

/// The tags of an `x-amz-tagging` header, which has the form of a query, at most `limit`.
///
/// # Errors
/// `InvalidArgument` if it does not read, else as [`of_document`].
pub fn of_header(header: &str, limit: usize) -> Result<Tags, S3Error> {
    let decode = |text: &str| {
        let bytes = percent::decode(text.as_bytes(), Plus::Space).ok();
        bytes.and_then(|bytes| String::from_utf8(bytes).ok())
    };
    let pairs = header.split('&').filter(|pair| !pair.is_empty());
    let tags: Option<Tags> = pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(key)?, decode(value)?))
        })
        .collect();
    let message = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query \
                   parameters without tag name duplicates.";
    let refused = || S3Error::argument(message, "x-amz-tagging", header);
    let tags = tags.ok_or_else(refused)?;
    if has_duplicates(&tags) {
        return Err(refused());
    }
    checked(tags, limit)
}

fn has_duplicates(tags: &Tags) -> bool {
    let keys: BTreeSet<&str> = tags.iter().map(|(key, _)| key.as_str()).collect();
    keys.len() < tags.len()
}

fn checked(tags: Tags, limit: usize) -> Result<Tags, S3Error> {
    if tags.len() > limit {
        let message = format!("Tags cannot be more than {limit}: {} were given.", tags.len());
        return Err(S3Error::new(Code::InvalidTag, message));
    }
    if has_duplicates(&tags) {
        let message = "Cannot provide multiple Tags with the same key";
        return Err(S3Error::new(Code::InvalidTag, message));
    }
    for (key, value) in &tags {
        check(key, value)?;
    }
    Ok(tags)
}

fn check(key: &str, value: &str) -> Result<(), S3Error> {
    let refused = |message| Err(S3Error::new(Code::InvalidTag, message).with("TagKey", key));
    let plain = |text: &str| {
        let allowed =
            |it: char| it.is_alphanumeric() || it.is_whitespace() || "+-=._:/@".contains(it);
        text.chars().all(allowed)
    };
    if key.is_empty() || key.chars().count() > TAG_KEY_CHARS_MAX || !plain(key) {
        return refused("The TagKey you have provided is invalid");
    }
    if value.chars().count() > TAG_VALUE_CHARS_MAX || !plain(value) {
        return refused("The TagValue you have provided is invalid");
    }
    if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
        return refused("System tags cannot be added/updated by requester");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code<T: std::fmt::Debug>(result: Result<T, S3Error>) -> Code {
        result.expect_err("refused").code()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn a_header_has_the_form_of_a_query() {
        let tags = of_header("a=b&Gr%C3%B6%C3%9Fe=x+y&empty", 10);
        assert_eq!(tags, Ok(vec![pair("a", "b"), pair("Größe", "x y"), pair("empty", "")]));
        assert_eq!(of_header("", 10), Ok(vec![]));
        assert_eq!(code(of_header("a=%zz", 10)), Code::InvalidArgument);
        assert_eq!(code(of_header("a=1&a=2", 10)), Code::InvalidArgument);
        assert_eq!(code(of_header("=1", 10)), Code::InvalidTag);
    }

    #[test]
    fn tags_keep_to_their_bounds() {
        let long = |count| "ä".repeat(count);
        let of = |key: &str, value: &str| check(key, value).map_err(|error| error.code());
        assert_eq!(of(&long(128), &long(256)), Ok(()));
        assert_eq!(of(&long(129), ""), Err(Code::InvalidTag));
        assert_eq!(of("k", &long(257)), Err(Code::InvalidTag));
        assert_eq!(of("k", "+-=._:/@ ok"), Ok(()));
        for (key, value) in [("", "v"), ("k", "a&b"), ("k<", "v"), ("aws:x", "v"), ("AWS:x", "v")] {
            assert_eq!(of(key, value), Err(Code::InvalidTag), "{key} {value}");
        }
        let many =
            |count: usize| -> Tags { (0..count).map(|it| pair(&it.to_string(), "")).collect() };
        assert_eq!(checked(many(10), 10).map(|tags| tags.len()), Ok(10));
        assert_eq!(code(checked(many(11), 10)), Code::InvalidTag);
    }

    #[test]
    fn a_document_names_each_key_once() {
        let twice = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag>\
            <Tag><Key>a</Key><Value>2</Value></Tag></TagSet></Tagging>";
        assert_eq!(code(of_document(twice.as_bytes(), 10)), Code::InvalidTag);
        assert_eq!(of_document(b"<Tagging><TagSet/></Tagging>", 10), Ok(vec![]));
        for text in ["<Tagging/>", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>"] {
            assert_eq!(code(of_document(text.as_bytes(), 10)), Code::MalformedXML, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            tags in proptest::collection::btree_map("[a-zä .:/@+=_-]{1,12}", "[A-Z0-9é ]{0,12}", 0..10),
        ) {
            let tags: Tags = tags.into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect();
            prop_assert_eq!(of_document(&document(&tags).finish(), 10), Ok(tags));
        }
    }
}
