//! Every bound of the product, in one place. A bound that is not here does not exist.
//!
//! Names end in their unit and qualifier. The memory bound of a core is their sum: the node prints
//! it at boot.

use crate::units::ByteCount;
use std::time::Duration;

// ---- layout -------------------------------------------------------------------------------------

/// Fixed hash buckets of the cluster. Part of every data id: can never change.
pub const PARTITIONS: u16 = 4096;
/// Lanes of a node: partitions are dealt to lanes round robin, lanes to cores by a table.
pub const LANES_PER_NODE: u16 = 256;
/// CPU cores that one node uses.
pub const CORES_MAX: u16 = 256;
/// Drives of one node.
pub const DRIVES_PER_NODE_MAX: usize = 64;
/// Drives that a process gets to know: those of its start and those that replace others.
pub const DRIVES_KNOWN_MAX: usize = 2 * DRIVES_PER_NODE_MAX;
/// Data slices of the widest profile.
pub const DATA_SLICES_MAX: u8 = 16;
/// Parity slices of the widest profile.
pub const PARITY_SLICES_MAX: u8 = 8;

// ---- buffers and disk ---------------------------------------------------------------------------

/// Address, offset and length of direct I/O are multiples of this.
pub const BLOCK_BYTES: ByteCount = ByteCount::kib(4);
/// The smallest and the largest buffer of the pool; sizes between are powers of two.
pub const BUFFER_BYTES_MIN: ByteCount = ByteCount::kib(4);
/// See [`BUFFER_BYTES_MIN`].
pub const BUFFER_BYTES_MAX: ByteCount = ByteCount::mib(4);
/// Buffer memory of one core, when the node is given no other bound.
pub const BUFFER_POOL_BYTES_DEFAULT: ByteCount = ByteCount::mib(512);
/// Read cache of one core (a part of no other bound), when the node is given no other bound.
pub const READ_CACHE_BYTES_DEFAULT: ByteCount = ByteCount::mib(256);
/// What a cached entry takes besides its bytes.
pub const CACHE_ENTRY_OVERHEAD_BYTES: ByteCount = ByteCount::new(256);
/// Names that the read cache of one core remembers after their bytes left it.
pub const CACHE_GHOSTS_MAX: usize = 64 * 1024;
/// Disk requests that one core keeps in flight; more wait their turn.
pub const DISK_REQUESTS_IN_FLIGHT_MAX: usize = 1024;
/// Threads of the process for blocking work.
pub const BLOCKING_THREADS: usize = 16;
/// How long a directory's former owner may take to let go of its lock.
pub const DIRECTORY_LOCK_WAIT: Duration = Duration::from_secs(5);
/// Locks of directories that one process takes in its life.
pub const DIRECTORY_LOCKS_MAX: u32 = 1024;

// ---- ring ---------------------------------------------------------------------------------------

/// Entries that one core hands to its ring at a time; more wait.
pub const RING_ENTRIES: u32 = 1024;
/// Completions the ring keeps per entry (the kernel keeps more at a price, and loses none).
pub const RING_COMPLETIONS_PER_ENTRY: u32 = 8;
/// Rounds in a row in which the ring may take nothing before requests that wait are failed.
pub const RING_ENTER_RETRIES_MAX: u32 = 1000;
/// How long a core that ends waits for the kernel to let go of its memory.
pub const RING_SHUTDOWN_WAIT: Duration = Duration::from_secs(10);
/// Rounds that the tasks of a core that ends have to run into their end.
pub const SHUTDOWN_ROUNDS: usize = 64;

// ---- shards -------------------------------------------------------------------------------------

/// Bodies up to this are stored as 1+m full copies, one record each.
pub const SMALL_BODY_BYTES_MAX: ByteCount = ByteCount::kib(128);
/// One slice of a stripe of a large body.
pub const SLICE_BYTES: ByteCount = ByteCount::kib(256);
/// Slices are powers of two between these.
pub const SLICE_BYTES_MIN: ByteCount = ByteCount::kib(4);
/// See [`SLICE_BYTES_MIN`].
pub const SLICE_BYTES_MAX: ByteCount = ByteCount::mib(1);
/// The checksum (and later encryption) unit of stored bytes; never spans slices.
pub const CHUNK_BYTES_MAX: ByteCount = ByteCount::kib(64);
/// Payload of one run of a large shard.
pub const RUN_PAYLOAD_BYTES_MAX: ByteCount = ByteCount::mib(2);
/// A small segment: written once up front, recycled whole.
pub const SMALL_SEGMENT_BYTES: ByteCount = ByteCount::mib(64);
/// A bulk segment: fallocated, sealed, punched.
pub const BULK_SEGMENT_BYTES: ByteCount = ByteCount::mib(256);
/// The shortest segment: a drive's are at most a 64th of it.
pub const SEGMENT_BYTES_MIN: ByteCount = ByteCount::mib(4);
/// Retired small segments that a drive keeps for their next use; more are removed.
pub const SPARE_SEGMENTS_PER_DRIVE_MAX: usize = 4;
/// Segments that one core keeps open for reading on each drive.
pub const SEGMENT_FILES_OPEN_MAX: usize = 256;
/// Small records that one write takes (memory of one core, for each drive).
pub const SMALL_BATCH_BYTES_MAX: ByteCount = ByteCount::mib(1);
/// Runs of large bodies that are written side by side before a sync.
pub const BULK_BATCH_RUNS_MAX: usize = 32;
/// Appends that wait for one drive on one core.
pub const APPENDS_WAITING_MAX: usize = 4096;
/// Stripes being filled, encoded and written, all bodies of one core together.
pub const WRITE_BYTES_IN_FLIGHT_MAX: ByteCount = ByteCount::mib(256);
/// Stripes being read and waiting to be taken, all bodies of one core together.
pub const READ_BYTES_IN_FLIGHT_MAX: ByteCount = ByteCount::mib(256);
/// A read of a drive that takes longer than this beyond what is usual there is overtaken by reads of
/// other drives: never before the first, never long after the second.
pub const READ_PATIENCE_MIN: Duration = Duration::from_millis(5);
/// See [`READ_PATIENCE_MIN`].
pub const READ_PATIENCE_MAX: Duration = Duration::from_millis(200);
/// A drive that takes so many times as long as the others is not read where they suffice.
pub const READ_SLOWNESS_MAX: u32 = 4;
/// A read that has not come after this never will.
pub const READ_WAIT_MAX: Duration = Duration::from_secs(30);
/// Reads that one core has under way on one drive; more wait or go elsewhere. Why a sixteenth of
/// [`DISK_REQUESTS_IN_FLIGHT_MAX`]: drives that hang leave the others room.
pub const READS_PER_DRIVE_MAX: usize = DISK_REQUESTS_IN_FLIGHT_MAX / 16;
/// What one of them may hold in memory; a longer one counts as several.
pub const READ_SLOT_BYTES: ByteCount = ByteCount::kib(256);
/// The part (one in so many) of the memory for reads in flight that reads of one drive may hold.
pub const READ_MEMORY_DRIVES: u64 = 16;
/// The largest stripe: the widest profile with the longest slices.
pub const STRIPE_BYTES_MAX: ByteCount = ByteCount::mib(24);
/// Stripes of one body on their way to the drives.
pub const WRITER_STRIPES_IN_FLIGHT_MAX: usize = 2;
/// How far a damaged segment is searched for the next run.
pub const RESYNC_BYTES_MAX: ByteCount = ByteCount::mib(16);
/// A drive that has not done in this time what takes milliseconds hangs: it leaves service.
pub const DRIVE_ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Who waits for a drive looks this often whether it is still in service.
pub const DRIVE_LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// The dead queue is looked at this often.
pub const RECLAIM_INTERVAL: Duration = Duration::from_secs(1);
/// Dead bodies that are freed together.
pub const RECLAIM_BATCH_BODIES: usize = 256;
/// Segments worth compacting are looked for this often.
pub const COMPACTION_INTERVAL: Duration = Duration::from_secs(1);
/// A segment is compacted when nothing in it has died for so long: what dies soon anyway is not
/// written again.
pub const COMPACTION_QUIET: Duration = Duration::from_secs(10);
/// It is not waited for if dead bytes exceed live ones by so many segments.
pub const COMPACTION_WASTE_SEGMENTS: u64 = 4;
/// Nor if less than this part (one in so many) of the drive is free.
pub const COMPACTION_FREE_PART: u64 = 8;
/// A segment that could not be compacted is tried again after this.
pub const COMPACTION_RETRY_INTERVAL: Duration = Duration::from_secs(60);
/// What compaction reads and writes again at a time.
pub const COMPACTION_BATCH_BYTES: ByteCount = ByteCount::mib(1);
/// What nothing refers to is looked for this often.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);
/// The first time so long after the start.
pub const SWEEP_DELAY: Duration = Duration::from_secs(60);
/// Runs of a drive that a sweep looks at together.
pub const SWEEP_PAGE_RUNS: usize = 1024;
/// It rests so long then.
pub const SWEEP_PAUSE: Duration = Duration::from_millis(5);
/// A scrub of every byte begins so long after the last one ended.
pub const SCRUB_INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// What it reads on one node, if nobody asked for it.
pub const SCRUB_BYTES_PER_SECOND: ByteCount = ByteCount::mib(32);
/// What repair rebuilds on one node.
pub const REPAIR_BYTES_PER_SECOND: ByteCount = ByteCount::mib(512);
/// A drive that is out of service for so long is not waited for: what it held is rebuilt on others.
pub const REPAIR_DELAY: Duration = Duration::from_secs(600);
/// Whether there is something to repair is looked at this often.
pub const SCRUB_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Bodies on which one core's scrub holds leases.
pub const SCRUB_PAGE_BODIES: usize = 32;
/// A read looks a run up again so many times, when compaction has moved it meanwhile.
pub const RUN_MOVES_MAX: usize = 3;
/// Blocks of index tables that one core keeps, all drives together.
pub const INDEX_CACHE_BYTES: ByteCount = ByteCount::mib(32);
/// Entries of a segment that are kept in memory until a table of the index is made of them.
pub const INDEX_STRETCH_ENTRIES_MAX: usize = 16 * 1024;
/// Tables of about one size that a drive's index has before they are merged.
pub const INDEX_TABLES_PER_TIER: usize = 8;
/// Entries that a merge moves before other tasks of the core get their turn.
pub const INDEX_MERGE_ENTRIES_PER_TURN: u64 = 512;
/// Entries that merges move for each entry that comes in, if more and more come: as many as an entry is
/// moved in its life, and some.
pub const INDEX_MERGE_STRETCHES_PER_STRETCH: u64 = 8;
/// Stretches that wait for the keeper of a drive's index.
pub const INDEX_STRETCHES_WAITING_MAX: usize = 64;
/// Runs that recovery hands to a lane's owner at once.
pub const RECOVERED_RUNS_PER_CALL: usize = 1024;
/// Checksums of chunks that the index keeps of one run; a run with more is read with its footer.
pub const TABLE_ENTRY_CHUNKS_MAX: usize = 16;
/// The Bloom filter of one table, in memory while the table is written.
pub const TABLE_FILTER_BYTES_MAX: ByteCount = ByteCount::mib(16);
/// What a table is written by, and read by from front to back.
pub const TABLE_STEP_BYTES: ByteCount = ByteCount::kib(256);
/// The manifest of a drive's index: 34 bytes for each of its segments.
pub const MANIFEST_BYTES_MAX: ByteCount = ByteCount::mib(16);
/// Presence and space of a drive are looked at this often.
pub const DRIVE_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Free space of a drive below which it takes no new object bytes: room for deletes and metadata.
pub const DRIVE_HEADROOM_BYTES_MIN: ByteCount = ByteCount::mib(512);

// ---- network ------------------------------------------------------------------------------------

/// Connections of one core; more are accepted and closed at once.
pub const CONNECTIONS_PER_CORE_MAX: usize = 8192;
/// Provided receive buffers of one core, shared by its connections.
pub const RECEIVE_BUFFERS: u16 = 512;
/// One provided receive buffer.
pub const RECEIVE_BUFFER_BYTES: ByteCount = ByteCount::kib(64);
/// Receive buffers that one connection may hold unread before its receive is paused.
pub const RECEIVE_BUFFERS_PER_CONNECTION_MAX: usize = 4;
/// One receive into memory of its own, when the shared buffers have run out.
pub const RECEIVE_STARVED_BYTES: ByteCount = ByteCount::kib(8);
/// Connections that wait on one listener's queue in the kernel.
pub const LISTEN_BACKLOG: i32 = 4096;
/// Accepted connections that nobody has taken yet, before accepting is paused.
pub const ACCEPTED_CONNECTIONS_WAITING_MAX: usize = 256;
/// Request line and headers together (S3: 8 KiB of headers; SDKs send presigned URLs of a few KiB).
pub const HEAD_BYTES_MAX: ByteCount = ByteCount::kib(32);
/// Headers of one request.
pub const HEADERS_MAX: usize = 128;
/// A connection without a request is closed after this.
pub const IDLE_CONNECTION_TIMEOUT: Duration = Duration::from_secs(120);
/// A request head must be complete this long after its first byte.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// A body that brings no byte for this long is given up.
pub const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// A client that takes no byte of a response for this long is given up.
pub const SEND_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Deadlines of connections are looked at this often: none is later than that by more.
pub const DEADLINE_SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// Chunk extensions and trailers of one chunked body, which nobody reads.
pub const CHUNK_OVERHEAD_BYTES_MAX: usize = 8192;
/// One send: the peer must take this much within [`SEND_IDLE_TIMEOUT`].
pub const SEND_BYTES_MAX: ByteCount = ByteCount::mib(1);
/// What is read and dropped of a body that nobody wants, or before closing a connection, so that
/// the peer gets to see the answer.
pub const UNREAD_BYTES_MAX: ByteCount = ByteCount::kib(256);
/// See [`UNREAD_BYTES_MAX`].
pub const UNREAD_TIMEOUT: Duration = Duration::from_secs(2);
/// Connections over [`CONNECTIONS_PER_CORE_MAX`] that are being told so; more are just closed.
pub const CONNECTIONS_REFUSED_MAX: usize = 64;
/// After a failed accept (out of descriptors) the next one waits this long.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The cluster's certificate authority is valid this long.
pub const AUTHORITY_LIFETIME: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
/// A node's certificate is valid this long.
pub const NODE_CERTIFICATE_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// In-flight requests have this long to finish once the node drains.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

// ---- mesh ---------------------------------------------------------------------------------------

/// Requests that one core may have unanswered at one other core.
pub const MESH_CREDIT_PER_PAIR: usize = 256;

// ---- metadata -----------------------------------------------------------------------------------

/// Commands of one proposal (they share one log entry and one sync).
pub const PROPOSAL_COMMANDS_MAX: usize = 256;
/// Encoded size of one proposal.
pub const PROPOSAL_BYTES_MAX: ByteCount = ByteCount::mib(1);
/// After a proposal of so many commands the next waits half as long as that one took, for others to
/// come along ...
pub const BUSY_PROPOSAL_COMMANDS: usize = 8;
/// ... and at most so long.
pub const BUSY_PROPOSAL_WAIT_MAX: Duration = Duration::from_millis(2);
/// Commands that wait for a proposal on one node; more are answered `503 SlowDown`.
pub const COMMANDS_WAITING_MAX: usize = 8192;
/// Proposals that one node has in the log unanswered.
pub const PROPOSALS_IN_FLIGHT_MAX: usize = 4;
/// Proposals of a node whose outcomes are kept for a repetition; more than are ever in flight.
pub const SESSION_PROPOSALS_KEPT: u8 = 16;
/// Log entries kept in memory for apply and replication.
pub const LOG_ENTRIES_CACHED_MAX: usize = 1024;
/// Their encoded size.
pub const LOG_CACHE_BYTES_MAX: ByteCount = ByteCount::mib(16);
/// A node that opens its metadata must lead after this, or it does not start.
pub const LEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// The state is flushed and the log before it purged each time it has grown by so many entries.
pub const LOG_ENTRIES_BETWEEN_FLUSHES: u64 = 4096;
/// Log entries that stay behind a purge.
pub const LOG_ENTRIES_KEPT: u64 = 256;
/// Batches that a mirror's state may lag behind the first one's before apply waits.
pub const MIRROR_BATCHES_BEHIND_MAX: usize = 64;
/// Memory of the log database for writes.
pub const METADATA_LOG_BUFFER_BYTES: ByteCount = ByteCount::mib(32);
/// Memory tables of the state database: one in use, the others on their way to the drive.
pub const METADATA_STATE_BUFFERS_MAX: i32 = 3;
/// One memory table of the state database.
pub const METADATA_STATE_BUFFER_BYTES: ByteCount = ByteCount::mib(64);
/// Block cache of the state database, filters and indexes within it.
pub const METADATA_CACHE_BYTES: ByteCount = ByteCount::mib(256);
/// Flushes and compactions of all metadata databases at a time: those that nobody waits for (of deleted
/// rows) leave room for those that writes wait for.
pub const METADATA_BACKGROUND_JOBS: i32 = 4;
/// Reads of metadata that one core has on threads at a time: the others wait for their turn.
pub const METADATA_READS_PER_CORE_MAX: usize = 4;
/// Files that each metadata database keeps open.
pub const METADATA_OPEN_FILES_MAX: i32 = 512;
/// Deleted rows that a scan on a core passes over between two rows; behind more, it goes on on a thread.
pub const TOMBSTONES_PER_STEP_MAX: u64 = 100;
/// Deleted rows that a scan passes over before its range is compacted: a few milliseconds' worth.
pub const TOMBSTONES_PASSED_MAX: u64 = 20_000;
/// Stamps of the rows of the state, 8 bytes each (see `recall` in `hamster-meta`).
pub const RECALL_STAMPS: usize = 1 << 16;
/// Objects whose metadata one core remembers.
pub const RECALL_OBJECTS_MAX: usize = 1 << 16;
/// Buckets that one core remembers.
pub const RECALL_BUCKETS_MAX: usize = 1 << 10;
/// Key and rows of a remembered object; one with more is looked up each time.
pub const RECALL_ENTRY_BYTES_MAX: ByteCount = ByteCount::kib(1);
/// Completed uploads that are remembered for a repeated Complete although their versions are gone.
pub const UPLOADS_OUTLIVED_MAX: u64 = 10_000;
/// Data ids that one page, one question whether they are referenced or one Bury holds.
pub const DATA_IDS_PER_CALL_MAX: usize = 1024;
/// A block of rows of a snapshot is closed when it holds so much.
pub const SNAPSHOT_BLOCK_BYTES: ByteCount = ByteCount::kib(256);
/// A frame of a snapshot; a longer one is refused unread. A row is no longer than a proposal.
pub const SNAPSHOT_FRAME_BYTES_MAX: ByteCount = ByteCount::mib(4);
/// Metadata mirrors of a node: never more, whatever m and the drives.
pub const METADATA_MIRRORS_MAX: usize = 3;

// ---- S3 -----------------------------------------------------------------------------------------

/// The shortest and the longest bucket name (S3: 3 and 63).
pub const BUCKET_NAME_BYTES_MIN: usize = 3;
/// See [`BUCKET_NAME_BYTES_MIN`].
pub const BUCKET_NAME_BYTES_MAX: usize = 63;
/// An object key, in bytes of UTF-8 (S3: 1,024).
pub const KEY_BYTES_MAX: usize = 1024;
/// A single PUT or part (S3: 5 GiB).
pub const PUT_BYTES_MAX: ByteCount = ByteCount::gib(5);
/// An object (S3: 5 TiB).
pub const OBJECT_BYTES_MAX: ByteCount = ByteCount::gib(5 * 1024);
/// Every part but the last (S3: 5 MiB).
pub const PART_BYTES_MIN: ByteCount = ByteCount::mib(5);
/// Parts of an upload (S3: 10,000).
pub const PARTS_MAX: u16 = 10_000;
/// Keys, uploads or parts on one page of a listing (S3: 1,000).
pub const LIST_PAGE_MAX: usize = 1000;
/// Deletions of one DeleteObjects that are under way at once: dozens of such requests fit into
/// [`COMMANDS_WAITING_MAX`].
pub const DELETIONS_AT_ONCE_MAX: usize = 100;
/// Keys of one DeleteObjects (S3: 1,000).
pub const DELETE_OBJECTS_MAX: usize = 1000;
/// An XML request body (S3: 1 MiB for Complete and DeleteObjects; 10,000 parts fit in 2 MiB).
pub const XML_BODY_BYTES_MAX: ByteCount = ByteCount::mib(2);
/// Tags of one object (S3: 10).
pub const OBJECT_TAGS_MAX: usize = 10;
/// Tags of one bucket (S3: 50).
pub const BUCKET_TAGS_MAX: usize = 50;
/// Characters of a tag's key (S3: 128).
pub const TAG_KEY_CHARS_MAX: usize = 128;
/// Characters of a tag's value (S3: 256).
pub const TAG_VALUE_CHARS_MAX: usize = 256;
/// A setting of a bucket as it is put: its CORS rules, its tags (S3: 64 KiB).
pub const SETTING_BYTES_MAX: ByteCount = ByteCount::kib(64);
/// CORS rules of one bucket (S3: 100).
pub const CORS_RULES_MAX: usize = 100;
/// Characters of a CORS rule's ID (S3: 255).
pub const CORS_RULE_ID_CHARS_MAX: usize = 255;
/// Elements within one another in an XML request body: the deepest request of S3 needs five.
pub const XML_DEPTH_MAX: usize = 8;
/// A line of the aws-chunked coding: a chunk's size and signature, or a trailer.
pub const CHUNK_LINE_BYTES_MAX: usize = 1024;
/// Trailers behind an aws-chunked body, all lines together.
pub const TRAILER_BYTES_MAX: usize = 8192;
/// Bytes hashed before other tasks of the core get their turn.
pub const HASH_STRETCH_BYTES_MAX: usize = 64 << 10;
/// A user's secret, at least: shorter ones can be guessed.
pub const SECRET_KEY_BYTES_MIN: usize = 8;
/// User metadata of an object, names and values together (S3: 2 KiB).
pub const USER_METADATA_BYTES_MAX: usize = 2048;
/// Content-Type and its kind of an object, names and values together (S3: 8 KiB with all else).
pub const SYSTEM_METADATA_BYTES_MAX: usize = 8192;
/// Clock skew of a signed request (S3: 15 minutes).
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(15 * 60);
/// Lifetime of a presigned URL (S3: 7 days).
pub const PRESIGNED_LIFETIME_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Requests that one core works on at once; more are answered `503 SlowDown`.
pub const REQUESTS_PER_CORE_MAX: usize = 2048;
/// Names and values of a form's fields before its file (S3: 20 KB).
pub const FORM_FIELDS_BYTES_MAX: usize = 20 << 10;
/// Fields of a form before its file.
pub const FORM_FIELDS_MAX: usize = 128;
/// All that comes before a form's file, boundaries and the parts' headers among it.
pub const FORM_HEAD_BYTES_MAX: usize = 64 << 10;
/// The headers of one part of a form.
pub const FORM_PART_HEAD_BYTES_MAX: usize = 4096;
/// The boundary of a form (RFC 2046: 70).
pub const FORM_BOUNDARY_BYTES_MAX: usize = 70;
/// What comes before a form's file must be here this long after the request's head.
pub const FORM_HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Forms whose signature one core has not read yet; more are answered `503 SlowDown`.
pub const FORM_HEADS_PER_CORE_MAX: usize = 256;
/// What is read of a form's head before it is looked at.
pub const FORM_STEP_BYTES: usize = 4096;
/// Policies of forms are good for this long after they were signed by version 4 (S3: 7 days).
pub const FORM_SIGNATURE_LIFETIME_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Buckets of one cluster.
pub const BUCKETS_MAX: usize = 100_000;
/// Buckets that a page of ListBuckets may be asked to have (S3: 10,000).
pub const BUCKETS_PER_PAGE_MAX: usize = 10_000;
/// Replicated users of one cluster.
pub const USERS_MAX: usize = 1000;
/// Access keys of one replicated user.
pub const KEYS_PER_USER_MAX: usize = 16;
/// The name of a user (IAM: 64).
pub const USER_NAME_BYTES_MAX: usize = 64;
/// A sealed secret, as it is stored.
pub const SEALED_SECRET_BYTES_MAX: usize = 256;
/// Master keys of one file: the one that seals, and former ones.
pub const MASTER_KEYS_MAX: usize = 16;
/// The name of a master key.
pub const MASTER_KEY_NAME_BYTES_MAX: usize = 64;

// ---- node ---------------------------------------------------------------------------------------

/// How often the node looks whether a drive has left service.
pub const DRIVE_WATCH_INTERVAL: Duration = Duration::from_millis(250);
/// Each step of a node's end has this long beyond the requests in flight.
pub const END_TIMEOUT: Duration = Duration::from_secs(5);
/// A file that the operator names: credentials, certificates.
pub const OPERATOR_FILE_BYTES_MAX: ByteCount = ByteCount::mib(4);
/// A path that a command names (Linux: 4,096).
pub const PATH_BYTES_MAX: usize = 4096;
/// What a command about users and keys says.
pub const ADMIN_REQUEST_BYTES_MAX: usize = 4096;
/// What a node answers to a command.
pub const ADMIN_ANSWER_BYTES_MAX: ByteCount = ByteCount::mib(16);

// ---- simulator ----------------------------------------------------------------------------------

/// Room of a simulated drive that a test gives no other.
pub const SIMULATED_DRIVE_BYTES: ByteCount = ByteCount::gib(64);
/// Polls after which a simulation has run away (a quarter of a minute): something waits for what
/// never comes.
pub const SIMULATED_POLLS_MAX: u64 = 100_000_000;
/// Bytes under way or unread in one direction of a simulated connection.
pub const SIMULATED_WINDOW_BYTES: ByteCount = ByteCount::kib(256);
/// Connections of a simulated listener that wait to be accepted; more are refused.
pub const SIMULATED_BACKLOG_CONNECTIONS: usize = 1024;
