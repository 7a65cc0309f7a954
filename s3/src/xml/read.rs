//! Documents that requests bring. Bounded in size by the caller, in depth and content here: no DTD,
//! no entities of one's own, no more elements than the verb allows.

use crate::error::{Code, S3Error};
use hamster_core::limits::{DELETE_OBJECTS_MAX, PARTS_MAX, XML_DEPTH_MAX};
use quick_xml::events::Event;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

/// `<CreateBucketConfiguration>`: PUT of a bucket.
#[derive(Deserialize, Default, PartialEq, Eq, Debug)]
pub struct CreateBucketConfiguration {
    /// Where the bucket shall be.
    #[serde(rename = "LocationConstraint")]
    pub location: Option<String>,
}

/// `<Delete>`: the keys of a DeleteObjects.
#[derive(Deserialize, PartialEq, Eq, Debug)]
pub struct Delete {
    /// The keys.
    #[serde(rename = "Object", default)]
    pub objects: Vec<DeleteObject>,
    /// Only failures are answered.
    #[serde(rename = "Quiet", default)]
    pub quiet: bool,
}

/// One key of a DeleteObjects.
#[derive(Deserialize, PartialEq, Eq, Debug)]
pub struct DeleteObject {
    /// The key, not empty.
    #[serde(rename = "Key", deserialize_with = "not_empty")]
    pub key: String,
    /// Only this version.
    #[serde(rename = "VersionId")]
    pub version_id: Option<String>,
    /// Only if the object has this ETag.
    #[serde(rename = "ETag")]
    pub etag: Option<String>,
    /// Only if it has this size: not built.
    #[serde(rename = "Size")]
    pub size: Option<String>,
    /// Only if it was last modified then: not built.
    #[serde(rename = "LastModifiedTime")]
    pub last_modified_time: Option<String>,
}

fn not_empty<'de, D: Deserializer<'de>>(text: D) -> Result<String, D::Error> {
    let text = String::deserialize(text)?;
    if text.is_empty() { Err(D::Error::custom("empty")) } else { Ok(text) }
}

/// `<CompleteMultipartUpload>`.
#[derive(Deserialize, PartialEq, Eq, Debug)]
pub struct CompleteMultipartUpload {
    /// The parts in order.
    #[serde(rename = "Part", default)]
    pub parts: Vec<CompletedPart>,
}

/// One part of a CompleteMultipartUpload.
#[derive(Deserialize, PartialEq, Eq, Debug)]
pub struct CompletedPart {
    /// Its number.
    #[serde(rename = "PartNumber")]
    pub number: u16,
    /// Its ETag, perhaps in quotes.
    #[serde(rename = "ETag")]
    pub etag: String,
    /// Its checksums, in base64.
    #[serde(rename = "ChecksumCRC32")]
    pub crc32: Option<String>,
    /// See `crc32`.
    #[serde(rename = "ChecksumCRC32C")]
    pub crc32c: Option<String>,
    /// See `crc32`.
    #[serde(rename = "ChecksumCRC64NVME")]
    pub crc64nvme: Option<String>,
    /// See `crc32`.
    #[serde(rename = "ChecksumSHA1")]
    pub sha1: Option<String>,
    /// See `crc32`.
    #[serde(rename = "ChecksumSHA256")]
    pub sha256: Option<String>,
}

/// The document in `bytes`, whose root element is `root`.
///
/// # Errors
/// `MalformedXML`.
pub fn document<T: DeserializeOwned>(bytes: &[u8], root: &str) -> Result<T, S3Error> {
    let refused = || S3Error::from(Code::MalformedXML);
    let text = std::str::from_utf8(bytes).map_err(|_| refused())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    guard(text, root).ok_or_else(refused)?;
    quick_xml::de::from_str(text).map_err(|_| refused())
}

/// Looks the document over before anything is made of it: no further than a verb would take it.
fn guard(text: &str, root: &str) -> Option<()> {
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    // Besides its keys, a Delete has a Quiet.
    let children_max =
        if root == "Delete" { DELETE_OBJECTS_MAX + 1 } else { usize::from(PARTS_MAX) };
    let (mut depth, mut roots, mut children) = (0_usize, 0, 0);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => {
                if depth == 0 {
                    roots += 1;
                    if element.local_name().as_ref() != root {
                        return None;
                    }
                }
                children += usize::from(depth == 1);
                depth += 1;
            }
            Event::End(_) => depth = depth.checked_sub(1)?,
            Event::DocType(_) => return None,
            Event::Eof => return (depth == 0 && roots == 1).then_some(()),
            _ => {}
        }
        if depth > XML_DEPTH_MAX || children > children_max {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delete(text: &str) -> Result<Delete, Code> {
        document(text.as_bytes(), "Delete").map_err(|error| error.code())
    }

    #[test]
    fn keys_come_through_to_the_letter() {
        let text = "<?xml version=\"1.0\"?><Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n\
            <Quiet>true</Quiet> <Object>\n<Key> a&amp;&#x20;b&lt;\u{e9}  </Key></Object>\
            <Object><Key>//../x</Key><VersionId>null</VersionId></Object></Delete>";
        let read = delete(text).expect("good");
        assert!(read.quiet);
        let keys: Vec<_> = read.objects.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, [" a& b<\u{e9}  ", "//../x"]);
    }

    #[test]
    fn parts_may_come_in_any_layout() {
        let text = "<CompleteMultipartUpload><Part><ETag>\"a\"</ETag><PartNumber>1</PartNumber>\
            </Part><Part><PartNumber>2</PartNumber><ETag>b</ETag>\
            <ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part></CompleteMultipartUpload>";
        let read: CompleteMultipartUpload =
            document(text.as_bytes(), "CompleteMultipartUpload").expect("good");
        let parts: Vec<_> =
            read.parts.iter().map(|part| (part.number, part.etag.as_str())).collect();
        assert_eq!(parts, [(1, "\"a\""), (2, "b")]);
    }

    #[test]
    fn what_is_not_the_document_is_refused() {
        let deep = format!("<Delete>{}{}</Delete>", "<a>".repeat(8), "</a>".repeat(8));
        for text in [
            "",
            "nonsense",
            "<Other/>",
            "<Delete>",
            "<Delete></Delete><Delete></Delete>",
            "<Delete><Object></Object></Delete>",
            "<Delete><Object><Key/></Object></Delete>",
            "<Delete><Object><Key></Key></Object></Delete>",
            "<Delete><Object><Key>a</Key></Object><Object><VersionId>null</VersionId></Object></Delete>",
            "<!DOCTYPE Delete [<!ENTITY a \"b\">]><Delete><Object><Key>&a;</Key></Object></Delete>",
            "<Delete><Object><Key>&a;</Key></Object></Delete>",
            &deep,
        ] {
            assert_eq!(delete(text), Err(Code::MalformedXML), "{text}");
        }
    }
}
