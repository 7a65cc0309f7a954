//! A core's handle to the metadata: proposals go to core 0 over the mesh, reads are local.

use crate::command::{Command, Outcome};
use crate::placement::Layout;
use crate::query::list::{ListPage, ListQuery};
use crate::query::{Extent, Object, PartPage, UploadPage, UploadQuery};
use crate::record::{Bucket, Upload, UploadId, Version, VersionId};
use hamster_core::ids::{BucketId, DriveOrdinal};
use std::ops::Range;
use std::sync::Arc;

/// Why the metadata gave no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MetaError {
    /// Too many commands wait already. Nothing was proposed. S3: 503 SlowDown.
    #[error("too many commands are waiting")]
    Overloaded,
    /// There is no leader, or this node does not know that it still leads. S3: 503.
    #[error("no leader is known")]
    NoLeader,
    /// The proposal's fate is not known: it may still take effect. S3: 500; the client retries.
    #[error("the fate of the command is not known: {0}")]
    Unknown(String),
    /// The metadata of this node has stopped for good; the process must end. S3: 503.
    #[error("the metadata has stopped: {0}")]
    Stopped(String),
    /// The version has been replaced or deleted since it was read: read the current one again.
    #[error("the version has gone")]
    Gone,
}

/// What the readers of every core share: made by [`open_metadata_core`](crate::open_metadata_core),
/// given to [`open_reader`](crate::open_reader). Cheap to clone, may cross cores.
#[derive(Clone)]
pub struct Readers;

/// A core's handle to the metadata. Cheap to clone.
#[derive(Clone)]
pub struct Meta;

impl Meta {
    /// Proposes `command` and waits until it is applied. Its linearization point is its apply.
    ///
    /// # Errors
    /// It is not known to be applied; only [`MetaError::Unknown`] and [`MetaError::Stopped`] leave
    /// open whether it will be.
    pub async fn propose(&self, _command: Command) -> Result<Outcome, MetaError> {
        todo!()
    }

    /// The bucket of this name.
    ///
    /// # Errors
    /// As every query: [`MetaError::NoLeader`], [`MetaError::Stopped`].
    pub async fn bucket(&self, _name: &str) -> Result<Option<Bucket>, MetaError> {
        todo!()
    }

    /// Buckets in the order of their names, behind `after`, at most `limit`.
    ///
    /// # Errors
    /// As every query.
    pub async fn buckets(&self, _after: &str, _limit: usize) -> Result<Vec<Bucket>, MetaError> {
        todo!()
    }

    /// The current version of a key: an object or a delete marker.
    ///
    /// # Errors
    /// As every query.
    pub async fn current(
        &self,
        _bucket: BucketId,
        _key: &str,
    ) -> Result<Option<Version>, MetaError> {
        todo!()
    }

    /// The version of this id.
    ///
    /// # Errors
    /// As every query.
    pub async fn version(
        &self,
        _bucket: BucketId,
        _key: &str,
        _version: VersionId,
    ) -> Result<Option<Version>, MetaError> {
        todo!()
    }

    /// The current version of a key and where the body's `range` lies, of one moment: what a GET
    /// needs.
    ///
    /// # Errors
    /// As every query.
    pub async fn object(
        &self,
        _bucket: BucketId,
        _key: &str,
        _range: Range<u64>,
    ) -> Result<Option<Object>, MetaError> {
        todo!()
    }

    /// Where the body of `version` lies, whole, in order: one extent, or one for each part.
    ///
    /// # Errors
    /// [`MetaError::Gone`] if it was replaced or deleted meanwhile; as every query.
    pub async fn locations(&self, _version: &Version) -> Result<Vec<Extent>, MetaError> {
        todo!()
    }

    /// As [`Meta::locations`], only the extents that hold bytes of `range`.
    ///
    /// # Errors
    /// As [`Meta::locations`].
    pub async fn locations_in(
        &self,
        _version: &Version,
        _range: Range<u64>,
    ) -> Result<Vec<Extent>, MetaError> {
        todo!()
    }

    /// A page of the current objects of a bucket.
    ///
    /// # Errors
    /// As every query.
    pub async fn list(&self, _bucket: BucketId, _query: ListQuery) -> Result<ListPage, MetaError> {
        todo!()
    }

    /// The open upload of this id, if it is of this bucket and key.
    ///
    /// # Errors
    /// As every query.
    pub async fn upload(
        &self,
        _bucket: BucketId,
        _key: &str,
        _upload: UploadId,
    ) -> Result<Option<Upload>, MetaError> {
        todo!()
    }

    /// A page of a bucket's open uploads.
    ///
    /// # Errors
    /// As every query.
    pub async fn uploads(
        &self,
        _bucket: BucketId,
        _query: UploadQuery,
    ) -> Result<UploadPage, MetaError> {
        todo!()
    }

    /// Parts of an open or completed upload with numbers above `after`, at most `limit`.
    ///
    /// # Errors
    /// As every query.
    pub async fn parts(
        &self,
        _upload: UploadId,
        _after: u16,
        _limit: usize,
    ) -> Result<PartPage, MetaError> {
        todo!()
    }

    /// The layout as this node has applied it; `None` before the founding.
    pub fn layout(&self) -> Option<Arc<Layout>> {
        todo!()
    }

    /// Log index that this node has applied up to.
    pub fn applied(&self) -> u64 {
        todo!()
    }

    /// This node leads and may answer reads.
    pub fn is_leader(&self) -> bool {
        todo!()
    }

    /// The metadata mirror on `drive` is lost (its directory is gone, the drive is poisoned). It is
    /// left out; does nothing if it holds no mirror. Only on core 0.
    ///
    /// # Errors
    /// [`MetaError::Stopped`] if it was the last one.
    pub async fn drop_mirror(&self, _drive: DriveOrdinal) -> Result<(), MetaError> {
        todo!()
    }

    /// Flushes and closes the metadata: for draining. Only on core 0; later calls give
    /// [`MetaError::Stopped`].
    pub async fn close(&self) {
        todo!()
    }

    /// Waits until the metadata has stopped by itself and says why: then the node must end.
    pub async fn stopped(&self) -> String {
        todo!()
    }
}
