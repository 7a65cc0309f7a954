//! Where each record lies: keys whose byte order is the order in which the records are wanted.
//!
//! A key begins with one byte for its space. Numbers are big-endian; commit sequences of versions
//! are inverted, so that the newest comes first. An object key that something follows is escaped,
//! so that the order of its bytes is kept; one at the end is raw.

use crate::record::{Sequence, SettingKind, UploadId};
use hamster_core::ids::{BucketId, DataId, NodeId};

/// The spaces. Their numbers are on disk.
mod space {
    pub const APPLIED: u8 = 0x01;
    pub const MEMBERSHIP: u8 = 0x02;
    pub const COUNTERS: u8 = 0x03;
    pub const LAYOUT: u8 = 0x04;
    pub const BOOTS: u8 = 0x05;
    pub const SESSION: u8 = 0x06;
    pub const BUCKET_BY_NAME: u8 = 0x10;
    pub const BUCKET: u8 = 0x11;
    pub const SETTING: u8 = 0x12;
    pub const VERSION: u8 = 0x20;
    pub const HEAD: u8 = 0x21;
    pub const CURRENT: u8 = 0x22;
    pub const DATA: u8 = 0x30;
    pub const DEAD: u8 = 0x31;
    pub const UPLOAD: u8 = 0x40;
    pub const PART: u8 = 0x41;
    pub const COMPLETED: u8 = 0x42;
    pub const OUTLIVED: u8 = 0x43;
    pub const USER: u8 = 0x50;
    pub const ACCESS_KEY: u8 = 0x51;
    pub const USER_BY_NAME: u8 = 0x52;
    pub const KEY_OF_USER: u8 = 0x53;
}

/// Keys from one (inclusive) to another (exclusive).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeyRange {
    pub from: Vec<u8>,
    pub to: Vec<u8>,
}

impl KeyRange {
    /// All keys that begin with `prefix`, which is not all 0xff.
    pub(crate) fn of_prefix(prefix: Vec<u8>) -> Self {
        let to = behind(&prefix);
        Self { from: prefix, to }
    }
}

/// The least key greater than all that begin with `prefix`.
pub(crate) fn behind(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return end;
        }
    }
    unreachable!("every key begins with its space, which is below 0xff")
}

struct Builder(Vec<u8>);

impl Builder {
    fn new(space: u8) -> Self {
        let mut bytes = Vec::with_capacity(64);
        bytes.push(space);
        Self(bytes)
    }

    fn number(mut self, number: u64) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn sequence(mut self, sequence: Sequence) -> Self {
        self.0.extend(sequence.index.to_be_bytes());
        self.0.extend(sequence.position.to_be_bytes());
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// A key that something follows: NUL becomes 00 ff, the end is 00 00, so that a key comes before
    /// every longer one that begins with it.
    fn escaped(mut self, key: &str) -> Self {
        for byte in key.bytes() {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(0xff);
            }
        }
        self.0.extend([0, 0]);
        self
    }

    fn in_bucket(space: u8, bucket: BucketId) -> Self {
        Self::new(space).number(bucket.get())
    }
}

/// Position of the log entry applied last.
pub(crate) fn applied() -> Vec<u8> {
    vec![space::APPLIED]
}

/// The membership of the Raft group as applied.
pub(crate) fn membership() -> Vec<u8> {
    vec![space::MEMBERSHIP]
}

/// The cluster's counters.
pub(crate) fn counters() -> Vec<u8> {
    vec![space::COUNTERS]
}

/// The layout.
pub(crate) fn layout() -> Vec<u8> {
    vec![space::LAYOUT]
}

/// How often `node` has started.
pub(crate) fn boots(node: NodeId) -> Vec<u8> {
    Builder::new(space::BOOTS).number(node.get()).0
}

/// A slot of the session of `node`.
pub(crate) fn session(node: NodeId, slot: u8) -> Vec<u8> {
    Builder::new(space::SESSION).number(node.get()).raw(&[slot]).0
}

/// The bucket that has this name now.
pub(crate) fn bucket_by_name(name: &str) -> Vec<u8> {
    Builder::new(space::BUCKET_BY_NAME).raw(name.as_bytes()).0
}

/// All buckets by their names.
pub(crate) fn buckets() -> KeyRange {
    KeyRange::of_prefix(vec![space::BUCKET_BY_NAME])
}

/// All buckets behind the name `after`.
pub(crate) fn buckets_behind(after: &str) -> KeyRange {
    let from = Builder::new(space::BUCKET_BY_NAME).raw(after.as_bytes()).raw(&[0]).0;
    KeyRange { from, to: vec![space::BUCKET_BY_NAME + 1] }
}

/// A bucket.
pub(crate) fn bucket(bucket: BucketId) -> Vec<u8> {
    Builder::in_bucket(space::BUCKET, bucket).0
}

/// A setting of a bucket.
pub(crate) fn setting(bucket: BucketId, kind: SettingKind) -> Vec<u8> {
    Builder::in_bucket(space::SETTING, bucket).raw(&[kind.number()]).0
}

/// A version.
pub(crate) fn version(bucket: BucketId, key: &str, sequence: Sequence) -> Vec<u8> {
    let newest_first = Sequence::new(!sequence.index, !sequence.position);
    Builder::in_bucket(space::VERSION, bucket).escaped(key).sequence(newest_first).0
}

/// All versions of a key, newest first.
pub(crate) fn versions(bucket: BucketId, key: &str) -> KeyRange {
    KeyRange::of_prefix(Builder::in_bucket(space::VERSION, bucket).escaped(key).0)
}

/// The versions of all keys that begin with `prefix`, by key, newest first.
pub(crate) fn versions_with_prefix(bucket: BucketId, prefix: &str) -> KeyRange {
    KeyRange::of_prefix(open_escaped(space::VERSION, bucket, prefix))
}

/// The object key of a version's row.
pub(crate) fn key_of_version(row: &[u8]) -> Option<String> {
    let (escaped, _sequence) = row.get(1 + 8..)?.split_last_chunk::<12>()?;
    let mut key = Vec::with_capacity(escaped.len());
    let mut rest = escaped.strip_suffix(&[0, 0])?;
    while let Some((byte, behind)) = rest.split_first() {
        key.push(*byte);
        rest = if *byte == 0 { behind.strip_prefix(&[0xff])? } else { behind };
    }
    String::from_utf8(key).ok()
}

/// All versions of a bucket.
pub(crate) fn versions_of_bucket(bucket: BucketId) -> KeyRange {
    KeyRange::of_prefix(Builder::in_bucket(space::VERSION, bucket).0)
}

/// The head of a key.
pub(crate) fn head(bucket: BucketId, key: &str) -> Vec<u8> {
    Builder::in_bucket(space::HEAD, bucket).raw(key.as_bytes()).0
}

/// The row of a key in the current index.
pub(crate) fn current(bucket: BucketId, key: &str) -> Vec<u8> {
    Builder::in_bucket(space::CURRENT, bucket).raw(key.as_bytes()).0
}

/// The rows of the current index whose keys begin with `prefix`.
pub(crate) fn current_with_prefix(bucket: BucketId, prefix: &str) -> KeyRange {
    KeyRange::of_prefix(current(bucket, prefix))
}

/// The object key of a row of the current index.
pub(crate) fn key_of_current(row: &[u8]) -> Option<&str> {
    std::str::from_utf8(row.get(1 + 8..)?).ok()
}

/// A data record. A data id begins with its partition, so this is the order `partition, data id`.
pub(crate) fn data(data: DataId) -> Vec<u8> {
    Builder::new(space::DATA).raw(&data.bytes()).0
}

/// A data id that died at `sequence`.
pub(crate) fn dead(sequence: Sequence, data: DataId) -> Vec<u8> {
    Builder::new(space::DEAD).sequence(sequence).raw(&data.bytes()).0
}

/// The dead queue in the order of the deaths: behind a row, or all of it.
pub(crate) fn dead_behind(after: Option<(Sequence, DataId)>) -> KeyRange {
    let mut range = KeyRange::of_prefix(vec![space::DEAD]);
    if let Some((sequence, data)) = after {
        range.from = [dead(sequence, data).as_slice(), &[0]].concat();
    }
    range
}

/// When the data id of a row of the dead queue died.
pub(crate) fn sequence_of_dead(row: &[u8]) -> Option<Sequence> {
    let (index, rest) = row.get(1..)?.split_first_chunk()?;
    let (position, _data) = rest.split_first_chunk()?;
    Some(Sequence::new(u64::from_be_bytes(*index), u32::from_be_bytes(*position)))
}

/// The data records behind that of a data id, or all of them.
pub(crate) fn data_behind(after: Option<DataId>) -> KeyRange {
    let mut range = KeyRange::of_prefix(vec![space::DATA]);
    if let Some(after) = after {
        range.from = [data(after).as_slice(), &[0]].concat();
    }
    range
}

/// An open upload.
pub(crate) fn upload(bucket: BucketId, key: &str, upload: UploadId) -> Vec<u8> {
    Builder::in_bucket(space::UPLOAD, bucket).escaped(key).sequence(upload.0).0
}

/// All open uploads of one key.
pub(crate) fn uploads_of_key(bucket: BucketId, key: &str) -> KeyRange {
    KeyRange::of_prefix(Builder::in_bucket(space::UPLOAD, bucket).escaped(key).0)
}

/// The open uploads whose keys begin with `prefix`.
pub(crate) fn uploads_with_prefix(bucket: BucketId, prefix: &str) -> KeyRange {
    KeyRange::of_prefix(open_escaped(space::UPLOAD, bucket, prefix))
}

/// An escaped prefix without the end mark: what begins with it begins with `prefix`.
fn open_escaped(space: u8, bucket: BucketId, prefix: &str) -> Vec<u8> {
    let mut open = Builder::in_bucket(space, bucket).escaped(prefix).0;
    open.truncate(open.len() - 2);
    open
}

/// A part of an open or completed upload.
pub(crate) fn part(upload: UploadId, number: u16) -> Vec<u8> {
    Builder::new(space::PART).sequence(upload.0).raw(&number.to_be_bytes()).0
}

/// The parts of an upload by number.
pub(crate) fn parts(upload: UploadId) -> KeyRange {
    KeyRange::of_prefix(Builder::new(space::PART).sequence(upload.0).0)
}

/// A completed upload.
pub(crate) fn completed(upload: UploadId) -> Vec<u8> {
    Builder::new(space::COMPLETED).sequence(upload.0).0
}

/// A place for a completed upload whose version is gone.
pub(crate) fn outlived(place: u64) -> Vec<u8> {
    Builder::new(space::OUTLIVED).number(place).0
}

/// The user with this canonical id.
pub(crate) fn user(id: &str) -> Vec<u8> {
    Builder::new(space::USER).raw(id.as_bytes()).0
}

/// The user who has this name now.
pub(crate) fn user_by_name(name: &str) -> Vec<u8> {
    Builder::new(space::USER_BY_NAME).raw(name.as_bytes()).0
}

/// All users by their ids.
pub(crate) fn users() -> KeyRange {
    KeyRange::of_prefix(vec![space::USER])
}

/// An access key.
pub(crate) fn access_key(id: &str) -> Vec<u8> {
    Builder::new(space::ACCESS_KEY).raw(id.as_bytes()).0
}

/// All users, then all access keys: in one scan, so that they are of one moment.
pub(crate) fn users_and_keys() -> KeyRange {
    KeyRange { from: vec![space::USER], to: vec![space::ACCESS_KEY + 1] }
}

/// Whether a row is a user's or an access key's.
pub(crate) fn is_of_users(row: &[u8]) -> bool {
    matches!(row.first(), Some(&(space::USER | space::ACCESS_KEY)))
}

/// Whether a row of [`users_and_keys`] is an access key's.
pub(crate) fn is_access_key(row: &[u8]) -> bool {
    row.first() == Some(&space::ACCESS_KEY)
}

/// The place of an access key among those of its user.
pub(crate) fn key_of_user(user: &str, access_key: &str) -> Vec<u8> {
    Builder::new(space::KEY_OF_USER).escaped(user).raw(access_key.as_bytes()).0
}

/// The places of all access keys of a user.
pub(crate) fn keys_of_user(user: &str) -> KeyRange {
    KeyRange::of_prefix(Builder::new(space::KEY_OF_USER).escaped(user).0)
}

/// Everything.
pub(crate) fn all() -> KeyRange {
    KeyRange { from: vec![], to: vec![0xff] }
}

#[cfg(test)]
mod tests;
