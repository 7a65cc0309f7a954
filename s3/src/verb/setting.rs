//! What the verbs about a bucket's settings share: a document comes in, and is kept as a whole.

use crate::body::ChecksumOf;
use crate::error::S3Error;
use crate::gate::Admitted;
use crate::node::Node;
use crate::xml::Document;
use hamster_core::limits::SETTING_BYTES_MAX;
use hamster_meta::command::{Command, Outcome};
use hamster_meta::record::{Bucket, SettingKind};

/// The document that a request brings.
///
/// # Errors
/// As S3's; `EntityTooLarge` beyond its bound.
pub async fn document<O>(node: &Node, request: &mut Admitted<O>) -> Result<Vec<u8>, S3Error> {
    let mut body = request.open_body(&node.core, ChecksumOf::Body)?;
    body.gather(SETTING_BYTES_MAX.as_usize()).await
}

/// Puts a setting of `bucket`, or deletes it.
///
/// # Errors
/// As S3's; after `InternalError` it may or may not have taken effect.
pub async fn set(
    node: &Node,
    bucket: &Bucket,
    kind: SettingKind,
    document: Option<Document>,
) -> Result<(), S3Error> {
    let document = document.map(Document::into_text);
    let command = Command::SetSetting { bucket: bucket.id, kind, document };
    match node.propose(command).await? {
        Outcome::SettingSet => Ok(()),
        outcome => Err(outcome.into()),
    }
}
