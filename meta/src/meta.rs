//! A core's handle to the metadata: proposals go to core 0 over the mesh, reads are local.

mod read;
mod transfer;

pub use transfer::{Leader, SnapshotReader};

use crate::command::{Command, Outcome};
use crate::key;
use crate::mirror::{MirrorSet, Mirrors};
use crate::open::{Answer, MirrorDirectory, Question};
use crate::placement::Layout;
use crate::query::list::{self, ListPage, ListQuery};
use crate::query::version::{VersionPage, VersionQuery};
use crate::query::{self, Object, PartPage, PartSpan, UploadPage, UploadQuery, Users};
use crate::raft::Group;
use crate::recall::Recall;
use crate::record::{
    Bucket, DataRecord, Sequence, SettingKind, Upload, UploadId, Version, VersionId,
};
use crate::shared::{Reading, Shared};
use crate::state::{Reach, View};
use futures_util::future::LocalBoxFuture;
use hamster_core::Core;
use hamster_core::ids::{BucketId, CoreIndex, DataId, DriveOrdinal, NodeId};
use hamster_core::limits::{
    DATA_IDS_PER_CALL_MAX, METADATA_READS_PER_CORE_MAX, RECALL_BUCKETS_MAX, RECALL_OBJECTS_MAX,
};
use hamster_core::mesh::Port;
use hamster_core::sync::Semaphore;
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
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
    /// The state cannot be read: its drive fails, or a record is damaged. S3: 500.
    #[error("the metadata cannot be read: {0}")]
    Unreadable(String),
}

/// What the readers of every core share: made by [`open_metadata_core`](crate::open_metadata_core),
/// given to [`open_reader`](crate::open_reader). Cheap to clone, may cross cores.
#[derive(Clone)]
pub struct Readers(pub(crate) Arc<Shared>);

/// What core 0 has besides.
pub(crate) struct Owner {
    pub(crate) node: NodeId,
    pub(crate) mirrors: Mirrors,
    pub(crate) group: Group,
}

/// A core's handle to the metadata. Cheap to clone.
#[derive(Clone)]
pub struct Meta(Rc<Inner>);

struct Inner {
    core: Core,
    shared: Arc<Shared>,
    port: Port<Question, Answer>,
    /// The state that is read from, as this core knows it.
    state: RefCell<Option<Reading>>,
    /// Reads on threads.
    on_threads: Semaphore,
    /// On core 0 only.
    owner: Option<Owner>,
    /// The layout, and the number of its change.
    layout: RefCell<(u64, Option<Arc<Layout>>)>,
    buckets: RefCell<Recall<Option<Rc<Bucket>>>>,
    objects: RefCell<Recall<Option<Rc<Object>>>>,
}

impl Meta {
    pub(crate) fn new(
        core: &Core,
        shared: Arc<Shared>,
        port: Port<Question, Answer>,
        owner: Option<Owner>,
    ) -> Self {
        let (layout, state) = (RefCell::default(), RefCell::default());
        let buckets = RefCell::new(Recall::new(RECALL_BUCKETS_MAX));
        let objects = RefCell::new(Recall::new(RECALL_OBJECTS_MAX));
        let (core, on_threads) = (core.clone(), Semaphore::new(METADATA_READS_PER_CORE_MAX));
        let inner =
            Inner { core, shared, port, state, on_threads, owner, layout, buckets, objects };
        Self(Rc::new(inner))
    }
}

impl Meta {
    /// Proposes `command` and waits until it is applied. Its linearization point is its apply.
    ///
    /// # Errors
    /// It is not known to be applied; only [`MetaError::Unknown`] and [`MetaError::Stopped`] leave
    /// open whether it will be.
    pub async fn propose(&self, command: Command) -> Result<Outcome, MetaError> {
        match self.0.port.call(CoreIndex::new(0), command).await {
            Ok(answer) => answer,
            Err(closed) => Err(MetaError::Unknown(closed.to_string())),
        }
    }

    /// Whether a bucket holds nothing: no version, and no upload under way.
    ///
    /// # Errors
    /// As every query.
    pub async fn is_empty(&self, bucket: BucketId) -> Result<bool, MetaError> {
        self.walk(move |view| query::bucket::is_empty(view, bucket)).await
    }

    /// The bucket of this name.
    ///
    /// # Errors
    /// As every query: [`MetaError::NoLeader`], [`MetaError::Stopped`].
    pub async fn bucket(&self, name: &str) -> Result<Option<Rc<Bucket>>, MetaError> {
        let row = key::bucket_by_name(name);
        if let Some(bucket) = self.recall(&self.0.buckets, &row) {
            return Ok(bucket);
        }
        let name = name.to_owned();
        let look = move |view: &dyn View| query::bucket::by_name(view, &name);
        let (bucket, notes) = self.read_noting(false, look).await?;
        let bucket = bucket.map(Rc::new);
        self.0.buckets.borrow_mut().keep(row, notes, bucket.clone());
        Ok(bucket)
    }

    /// Buckets in the order of their names, behind `after`, at most `limit`.
    ///
    /// # Errors
    /// As every query.
    pub async fn buckets(&self, after: &str, limit: usize) -> Result<Vec<Bucket>, MetaError> {
        let after = after.to_owned();
        self.read(false, move |view| query::bucket::behind(view, &after, limit)).await
    }

    /// A setting of a bucket, as its owner wrote it.
    ///
    /// # Errors
    /// As every query.
    pub async fn setting(
        &self,
        bucket: BucketId,
        kind: SettingKind,
    ) -> Result<Option<String>, MetaError> {
        self.read(false, move |view| query::bucket::setting(view, bucket, kind)).await
    }

    /// The current version of a key: an object or a delete marker.
    ///
    /// # Errors
    /// As every query.
    pub async fn current(&self, bucket: BucketId, key: &str) -> Result<Option<Version>, MetaError> {
        Ok(self.object(bucket, key, 0..0).await?.map(|object| object.version.clone()))
    }

    /// The version of this id.
    ///
    /// # Errors
    /// As every query.
    pub async fn version(
        &self,
        bucket: BucketId,
        key: &str,
        version: VersionId,
    ) -> Result<Option<Version>, MetaError> {
        let key = key.to_owned();
        self.read(true, move |view| query::object::version(view, bucket, &key, version)).await
    }

    /// The current version of a key and where the body's `range` lies, of one moment: what a GET
    /// needs.
    ///
    /// # Errors
    /// As every query.
    pub async fn object(
        &self,
        bucket: BucketId,
        key: &str,
        range: Range<u64>,
    ) -> Result<Option<Rc<Object>>, MetaError> {
        let row = key::head(bucket, key);
        if let Some(object) = self.recall(&self.0.objects, &row) {
            return Ok(object.map(|object| object.within(&range)));
        }
        // Why not of one moment at first: a snapshot takes the database's lock. What was replaced
        // between two reads shows as gone, and is read again properly.
        for consistent in [false, true] {
            let (key, range) = (key.to_owned(), range.clone());
            let look = move |view: &dyn View| query::object::object(view, bucket, &key, &range);
            let (object, notes) = self.read_noting(consistent, look).await?;
            if let Ok(object) = object {
                let object = object.map(Rc::new);
                // Why not from a snapshot: its rows may be older than their stamps.
                if !consistent && object.as_ref().is_none_or(|object| object.is_whole()) {
                    self.0.objects.borrow_mut().keep(row, notes, object.clone());
                }
                return Ok(object);
            }
        }
        Err(MetaError::Unreadable("a version without its data record".into()))
    }

    /// A page of the current objects of a bucket.
    ///
    /// # Errors
    /// As every query.
    pub async fn list(&self, bucket: BucketId, query: ListQuery) -> Result<ListPage, MetaError> {
        self.read(false, move |view| list::page(view, bucket, &query)).await
    }

    /// A page of all versions of a bucket.
    ///
    /// # Errors
    /// As every query.
    pub async fn versions(
        &self,
        bucket: BucketId,
        query: VersionQuery,
    ) -> Result<VersionPage, MetaError> {
        let within_key = query.after_version.is_some();
        self.read(within_key, move |view| query::version::page(view, bucket, &query)).await
    }

    /// The open upload of this id, if it is of this bucket and key.
    ///
    /// # Errors
    /// As every query.
    pub async fn upload(
        &self,
        bucket: BucketId,
        key: &str,
        upload: UploadId,
    ) -> Result<Option<Upload>, MetaError> {
        let key = key.to_owned();
        self.read(false, move |view| query::upload::by_id(view, bucket, &key, upload)).await
    }

    /// A page of a bucket's open uploads.
    ///
    /// # Errors
    /// As every query.
    pub async fn uploads(
        &self,
        bucket: BucketId,
        query: UploadQuery,
    ) -> Result<UploadPage, MetaError> {
        self.read(false, move |view| query::upload::page(view, bucket, &query)).await
    }

    /// Parts of an open or completed upload with numbers above `after`, at most `limit`.
    ///
    /// # Errors
    /// As every query.
    pub async fn parts(
        &self,
        upload: UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartPage, MetaError> {
        self.read(false, move |view| query::upload::parts(view, upload, after, limit)).await
    }

    /// A part of an open or completed upload by its number, and where it lies among the parts, of one
    /// moment.
    ///
    /// # Errors
    /// As every query.
    pub async fn part_span(&self, upload: UploadId, number: u16) -> Result<PartSpan, MetaError> {
        self.read(false, move |view| query::upload::span(view, upload, number)).await
    }

    /// A page of the dead queue, of one moment: the data ids behind the row `after` that nothing
    /// refers to any more, in the order of their deaths, each with the commit sequence of its death
    /// and the places of its shards. At most `limit` rows, and at most
    /// [`DATA_IDS_PER_CALL_MAX`]; an empty page is the end.
    ///
    /// # Errors
    /// As every query.
    pub async fn dead(
        &self,
        after: Option<(Sequence, DataId)>,
        limit: usize,
    ) -> Result<Vec<(Sequence, DataRecord)>, MetaError> {
        self.walk(move |view| query::data::dead(view, after, limit)).await
    }

    /// Proposes [`Command::Bury`]: the bytes of these dead data ids are freed, durably, and their
    /// rows (as [`Meta::dead`] gave them) are not needed any more.
    ///
    /// # Errors
    /// As [`Meta::propose`].
    pub async fn bury(&self, rows: Vec<(Sequence, DataId)>) -> Result<Outcome, MetaError> {
        self.propose(Command::Bury { rows }).await
    }

    /// Whether each of these data ids has a data record, that is, whether a version or a part
    /// refers to it. One in the dead queue is not referenced: the queue will have it freed.
    ///
    /// `false` is final for a data id that was written under an earlier boot of its node than the
    /// layout showed before this call: apply refuses the commits of earlier boots, and a data id is
    /// handed in once, so nothing can come to refer to it any more. Of the boot that runs a commit
    /// may still be on its way.
    ///
    /// # Errors
    /// As every query.
    ///
    /// # Panics
    /// On more than [`DATA_IDS_PER_CALL_MAX`].
    pub async fn referenced(&self, ids: &[DataId]) -> Result<Vec<bool>, MetaError> {
        assert!(ids.len() <= DATA_IDS_PER_CALL_MAX, "the caller asks in pages");
        let ids = ids.to_vec();
        self.walk(move |view| query::data::referenced(view, &ids)).await
    }

    /// The data record of each of these data ids; `None` where nothing refers to it. For what `None`
    /// means, see [`Meta::referenced`].
    ///
    /// # Errors
    /// As every query.
    ///
    /// # Panics
    /// On more than [`DATA_IDS_PER_CALL_MAX`].
    pub async fn records_of(&self, ids: &[DataId]) -> Result<Vec<Option<DataRecord>>, MetaError> {
        assert!(ids.len() <= DATA_IDS_PER_CALL_MAX, "the caller asks in pages");
        let ids = ids.to_vec();
        self.walk(move |view| query::data::of(view, &ids)).await
    }

    /// A page of all data records, those of versions and those of parts, of one moment: by
    /// partition and data id, behind `after`. At most `limit` records, and at most
    /// [`DATA_IDS_PER_CALL_MAX`]; an empty page is the end.
    ///
    /// # Errors
    /// As every query.
    pub async fn data_records(
        &self,
        after: Option<DataId>,
        limit: usize,
    ) -> Result<Vec<DataRecord>, MetaError> {
        self.walk(move |view| query::data::records(view, after, limit)).await
    }

    /// The layout as this node has applied it; `None` before the founding.
    pub fn layout(&self) -> Option<Arc<Layout>> {
        let changes = self.0.shared.layout_changes();
        let mut cached = self.0.layout.borrow_mut();
        if cached.0 != changes {
            *cached = (changes, self.0.shared.layout());
        }
        cached.1.clone()
    }

    /// All replicated users and their access keys, of one moment.
    ///
    /// # Errors
    /// As every query.
    pub async fn users(&self) -> Result<Users, MetaError> {
        self.walk(query::user::all).await
    }

    /// The same as this node has applied it: for the boot, which judges by it, as by the layout,
    /// whether it may take over.
    ///
    /// # Errors
    /// [`MetaError::Unreadable`].
    pub async fn users_applied(&self) -> Result<Users, MetaError> {
        let state = self.now(Reading::clone);
        let look = move || query::user::all(&state.database.now(Reach::Drive));
        let looked = self.0.core.blocking(look).await;
        looked.map_err(|error| MetaError::Unreadable(error.to_string()))
    }

    /// Grows with each change of users or access keys. Whoever has read [`Meta::users`] since it had
    /// this value knows all that was answered before it was asked for: one load.
    pub fn users_revision(&self) -> u64 {
        self.0.shared.users_revision()
    }

    /// Log index that this node has applied up to.
    pub fn applied(&self) -> u64 {
        self.0.shared.applied()
    }

    /// This node leads and may answer reads.
    pub fn is_leader(&self) -> bool {
        self.0.shared.leads()
    }

    /// Why the metadata has stopped by itself, if it has: then the node must end.
    pub fn stopped(&self) -> Option<String> {
        self.0.shared.stopped()
    }

    fn owner(&self) -> &Owner {
        self.0.owner.as_ref().expect("called on core 0, which owns the metadata")
    }

    /// The mirrors in use now.
    ///
    /// # Panics
    /// On another core than core 0.
    pub fn mirrors(&self) -> MirrorSet {
        self.owner().mirrors.set()
    }

    /// The metadata mirror on `drive` is lost (its directory is gone, the drive is poisoned). It is
    /// left out, and the set without it recorded; does nothing if it holds no mirror.
    ///
    /// # Errors
    /// [`MetaError::Stopped`] if it was the last one, or the set could not be recorded.
    ///
    /// # Panics
    /// On another core than core 0.
    pub async fn drop_mirror(&self, drive: DriveOrdinal) -> Result<(), MetaError> {
        let left_out = self.owner().mirrors.leave_out(drive).await;
        left_out.map_err(|error| MetaError::Stopped(error.to_string()))
    }

    /// Makes a metadata mirror on `place`, over whatever is there, while everything goes on; the set
    /// with it is recorded when this is done.
    ///
    /// # Errors
    /// It could not be made.
    ///
    /// # Panics
    /// On another core than core 0.
    pub async fn add_mirror(&self, place: &MirrorDirectory) -> Result<(), MetaError> {
        let added = self.owner().mirrors.add(place.place()).await;
        added.map_err(|error| MetaError::Unreadable(error.to_string()))
    }

    /// Looks whether the files of all mirrors are still there, and whether a read has failed on the
    /// one that is read from; what has gone or failed is left out, as by [`Meta::drop_mirror`]. The
    /// last one stays, though its reads fail.
    ///
    /// # Errors
    /// As [`Meta::drop_mirror`].
    ///
    /// # Panics
    /// On another core than core 0.
    pub async fn look_at_mirrors(&self) -> Result<(), MetaError> {
        let looked = self.owner().mirrors.look().await;
        looked.map_err(|error| MetaError::Stopped(error.to_string()))
    }

    /// Makes the mirrors that were opened the set in force, with a higher epoch, and takes commands
    /// and answers reads from here on. Once, after an opening that was no founding, when the node has
    /// judged that it may start; before, every call but [`Meta::layout`]
    /// and [`Meta::users_applied`] gives [`MetaError::NoLeader`].
    ///
    /// # Errors
    /// [`MetaError::Stopped`]: the set could not be recorded.
    ///
    /// # Panics
    /// On another core than core 0.
    pub async fn take_over(&self) -> Result<(), MetaError> {
        // Invariant: recorded before anything of this life can be acknowledged.
        self.record_mirrors().await?;
        let Owner { node, group, .. } = self.owner();
        group.serve(&self.0.core, *node, &self.0.shared);
        Ok(())
    }

    /// Records the mirrors in use, which ends a founding: from here on there is a cluster.
    ///
    /// # Errors
    /// They could not be recorded.
    ///
    /// # Panics
    /// On another core than core 0.
    pub async fn record_mirrors(&self) -> Result<(), MetaError> {
        let recorded = self.owner().mirrors.record_set().await;
        recorded.map_err(|error| MetaError::Stopped(error.to_string()))
    }

    /// How many stored bodies (of versions and of parts) have fewer pieces than it takes to read
    /// them where `is_gone` tells which drives are gone. Reads all data records: not for the way of
    /// a request.
    ///
    /// # Errors
    /// As every query.
    pub async fn count_unreadable(
        &self,
        is_gone: impl Fn(DriveOrdinal) -> bool + Send + 'static,
    ) -> Result<u64, MetaError> {
        let state = self.now(Reading::clone);
        let count =
            move || query::object::unreadable(&state.database.snapshot(Reach::Drive), &is_gone);
        let counted = self.0.core.blocking(count).await;
        counted.map_err(|error| MetaError::Unreadable(error.to_string()))
    }

    /// Makes everything durable beside the log, too. A mirror that fails is left out.
    ///
    /// # Errors
    /// [`MetaError::Stopped`]: no mirror is left, or the set without one could not be recorded.
    ///
    /// # Panics
    /// On another core than core 0.
    pub async fn flush(&self) -> Result<(), MetaError> {
        let flushed = self.owner().mirrors.flush().await;
        flushed.map_err(|error| MetaError::Stopped(error.to_string()))
    }

    /// Flushes and closes the metadata: for draining. Every call after it, on any core, gives
    /// [`MetaError::Stopped`].
    ///
    /// # Panics
    /// On another core than core 0.
    pub fn close(&self) -> LocalBoxFuture<'_, ()> {
        let Owner { mirrors, group, .. } = self.owner();
        // Why boxed: as open_metadata_core.
        Box::pin(async {
            self.0.shared.stop("the node is ending");
            group.stop().await;
            if let Err(error) = mirrors.flush().await {
                tracing::warn!("the metadata could not be flushed at the end: {error}");
            }
            mirrors.close();
        })
    }
}
