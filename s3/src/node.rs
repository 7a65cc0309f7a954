//! What the verbs work with on one core: drives, metadata and the settings of the service.

use crate::error::{Code, S3Error};
use crate::keyring::Keyring;
use hamster_core::ids::DataId;
use hamster_core::limits::{SLICE_BYTES, SMALL_BODY_BYTES_MAX};
use hamster_core::plant::{Plant, planted};
use hamster_core::{Core, Queue};
use hamster_meta::command::{Command, Outcome};
use hamster_meta::placement::Body;
use hamster_meta::record::{Sequence, VersionId};
use hamster_meta::{Meta, MetaError};
use hamster_shard::{Lease, Plan, ReadError, Shards, WriteError};
use std::rc::Rc;

/// What the operator chose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The region that requests are signed for.
    pub region: String,
    /// Buckets are reached as `bucket.domain` as well.
    pub domain: Option<String>,
    /// This process's epoch as a writer: stands in every data record, for reclaim.
    pub writer_epoch: u64,
}

/// The node as a verb sees it.
pub struct Node {
    /// The core it runs on.
    pub core: Core,
    /// Object bytes.
    pub shards: Shards,
    /// Metadata.
    pub meta: Meta,
    /// Who may sign, and who is called what.
    pub keyring: Keyring,
    /// The region.
    pub region: Rc<str>,
    /// See [`Settings::writer_epoch`].
    pub writer_epoch: u64,
}

impl Node {
    /// Where a new body of `length` bytes goes: a new name in a partition of this core, on drives
    /// that take writes now.
    ///
    /// # Errors
    /// `SlowDown` if no drive does.
    pub fn plan(&self, length: u64) -> Result<Plan, S3Error> {
        let layout = self.meta.layout().ok_or(Code::ServiceUnavailable)?;
        let partition = self.shards.owned_partition();
        let small = length <= SMALL_BODY_BYTES_MAX.get();
        let body = if small { Body::Small } else { Body::Large };
        let drives = self.shards.drives();
        let planned = layout.plan(partition, body, |drive| drives.takes_writes(drive));
        let planned = planned.ok_or(Code::SlowDown)?;
        Ok(Plan {
            data: DataId::random_in(partition, self.core.entropy()),
            k: planned.k,
            m: planned.m,
            slice_bytes: u32::try_from(SLICE_BYTES.get()).expect("a slice is far below 4 GiB"),
            targets: planned.targets,
        })
    }

    /// Has the commit of a body decided, on which `lease` was taken when it was written.
    ///
    /// # Errors
    /// It is not known to be applied.
    pub async fn commit(&self, command: Command, lease: Option<Lease>) -> Result<Outcome, S3Error> {
        if planted(Plant::AnswersBeforeCommit) {
            return self.answer_before_commit(command, lease);
        }
        let mut undecided = Undecided(lease.filter(|_| !planted(Plant::FreesUnderCommit)));
        let outcome = self.meta.propose(command).await;
        if matches!(outcome, Ok(_) | Err(MetaError::Overloaded)) {
            drop(undecided.0.take());
        }
        Ok(outcome?)
    }

    /// For [`Plant::AnswersBeforeCommit`].
    fn answer_before_commit(
        &self,
        command: Command,
        lease: Option<Lease>,
    ) -> Result<Outcome, S3Error> {
        let Command::PutVersion(put) = &command else { return Err(Code::NotImplemented.into()) };
        let outcome = Outcome::Committed {
            version: VersionId::Null,
            sequence: Sequence::new(0, 0),
            etag: put.etag.clone(),
        };
        let meta = self.meta.clone();
        drop(self.core.spawn(Queue::Requests, async move {
            drop(meta.propose(command).await);
            drop(lease);
        }));
        Ok(outcome)
    }

    /// Has `command` decided.
    ///
    /// # Errors
    /// It is not known to be applied.
    pub async fn propose(&self, command: Command) -> Result<Outcome, S3Error> {
        Ok(self.meta.propose(command).await?)
    }
}

/// The lease on a body whose commit is under way: ends only once it is known whether it was applied.
/// Where nobody gets to know (or waits for it), the bytes stay until the next boot.
struct Undecided(Option<Lease>);

impl Drop for Undecided {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(std::mem::forget);
    }
}

impl From<MetaError> for S3Error {
    fn from(error: MetaError) -> Self {
        match error {
            MetaError::Overloaded => Code::SlowDown.into(),
            MetaError::NoLeader => Code::ServiceUnavailable.into(),
            MetaError::Unknown(_) | MetaError::Stopped(_) | MetaError::Unreadable(_) => {
                tracing::warn!(%error, "the metadata gave no answer");
                Code::InternalError.into()
            }
        }
    }
}

impl From<WriteError> for S3Error {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::TooFewDrives { .. } | WriteError::NoSpace => {
                tracing::warn!(%error, "a body was not stored");
                Code::SlowDown.into()
            }
            WriteError::ShuttingDown => Code::ServiceUnavailable.into(),
        }
    }
}

impl From<ReadError> for S3Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unrecoverable { .. } => {
                tracing::error!(%error, "a body cannot be read");
                Code::InternalError.into()
            }
            ReadError::ShuttingDown => {
                tracing::warn!(%error, "a body cannot be read");
                Code::ServiceUnavailable.into()
            }
        }
    }
}

/// What an outcome other than the one hoped for means to the client.
impl From<Outcome> for S3Error {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::NoSuchBucket => Code::NoSuchBucket.into(),
            Outcome::NoSuchKey => Code::NoSuchKey.into(),
            // Removed since the request was verified.
            Outcome::NoSuchUser => Code::InvalidAccessKeyId.into(),
            Outcome::NoSuchVersion => Code::NoSuchVersion.into(),
            Outcome::NoSuchUpload => Code::NoSuchUpload.into(),
            Outcome::BucketExists { .. } => Code::BucketAlreadyExists.into(),
            Outcome::BucketNotEmpty => Code::BucketNotEmpty.into(),
            Outcome::TooManyBuckets => Code::TooManyBuckets.into(),
            Outcome::PreconditionFailed => Code::PreconditionFailed.into(),
            Outcome::InvalidPartOrder => Code::InvalidPartOrder.into(),
            Outcome::EntityTooLarge => Code::EntityTooLarge.into(),
            Outcome::InvalidPart { number } => {
                Self::from(Code::InvalidPart).with("PartNumber", &number.to_string())
            }
            Outcome::EntityTooSmall { number, size } => Self::from(Code::EntityTooSmall)
                .with("PartNumber", &number.to_string())
                .with("ProposedSize", &size.to_string()),
            Outcome::Stale => Code::ServiceUnavailable.into(),
            outcome => {
                tracing::error!(?outcome, "an outcome that no command of S3 should have");
                Code::InternalError.into()
            }
        }
    }
}
