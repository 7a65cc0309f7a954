//! What PutObject, PostObject and CopyObject share: a body that is stored becomes the current version of
//! its key. Only this makes it visible.

use crate::condition;
use crate::error::S3Error;
use crate::gate::Admitted;
use crate::node::Node;
use crate::store::Stored;
use hamster_core::WallTime;
use hamster_meta::command::{Command, Outcome, Precondition, PutVersion};
use hamster_meta::record::{Checksum, Headers as ObjectHeaders};
use hamster_net::http::Headers;

/// The version that is to be, but for its body.
pub struct NewVersion<'a> {
    /// What the client said, in headers or in the fields of a form.
    pub said: &'a Headers,
    /// What of that is kept.
    pub kept: ObjectHeaders,
    /// What must hold of the current version.
    pub precondition: Precondition,
    /// The ETag, without quotes.
    pub etag: &'a str,
    /// Checksums to keep.
    pub checksums: &'a [Checksum],
}

/// Commits the version of the key that `request` names, and says when it was written.
///
/// # Errors
/// As S3's; after `InternalError` the object may or may not be there.
pub async fn version<O>(
    node: &Node,
    request: &Admitted<O>,
    version: NewVersion<'_>,
    stored: Stored,
) -> Result<WallTime, S3Error> {
    let NewVersion { said, kept, precondition, etag, checksums } = version;
    let modified = node.core.clock().wall();
    let command = Command::PutVersion(PutVersion {
        bucket: request.bucket().id,
        key: request.key().to_owned(),
        size: stored.size,
        etag: etag.to_owned(),
        modified,
        headers: kept,
        checksums: checksums.to_vec(),
        owner: request.bucket().owner.clone(),
        data: stored.record,
        precondition,
    });
    match node.commit(command, stored.lease).await? {
        Outcome::Committed { .. } => Ok(modified),
        outcome => Err(condition::refused(said, outcome)),
    }
}
