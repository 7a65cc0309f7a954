//! Why a command refused or failed: one line with the reason and the remedy.

use hamster_core::ByteCount;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A refusal or failure of a node command. The display is what the operator reads.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A command or flag of later work.
    #[error("`{0}` is not in this version; `hamster help` and `--help` list what is")]
    NotInThisVersion(String),
    /// A drive cannot be replaced; the text says why and what to do.
    #[error("not replaced: {0}")]
    NotReplaced(String),
    /// The running node refused a command, with these words.
    #[error("{0}")]
    Refused(String),
    /// A scrub found bodies with too few good shards.
    #[error(
        "{0} objects or parts have too few good shards (the log names them); bring back drives that \
         are out of service and scrub again, or write them anew"
    )]
    BeyondRepair(u64),
    /// A scrub could not rebuild all that is missing.
    #[error(
        "{0} objects or parts lack shards for which no drive has a place; free space, or replace the \
         drives that are out of service: `hamster drive replace`"
    )]
    NotRepaired(u64),
    /// SIGTERM or SIGINT came before the command was done.
    #[error("told to stop before it was done")]
    Interrupted,
    /// The kernel lacks what the node cannot do without; the text names the remedy.
    #[error("{0}")]
    Kernel(String),
    /// No root credentials: there are no default ones.
    #[error(
        "no credentials: export HAMSTER_ACCESS_KEY_ID and HAMSTER_SECRET_ACCESS_KEY, \
         or give --credentials FILE with a root user"
    )]
    NoCredentials,
    /// The credentials are there but unusable; the text names the remedy.
    #[error("credentials: {0}")]
    Credentials(String),
    /// The master keys cannot be used, or are not those that are needed; the text names the remedy.
    #[error("master key: {0}")]
    MasterKey(String),
    /// A command about users or keys cannot be done; the text says why and what to do.
    #[error("{0}")]
    Users(String),
    /// Another process holds a directory.
    #[error("{}: another process is using it; stop that one first", .0.display())]
    Locked(PathBuf),
    /// A directory holds something that is not Hamster's.
    #[error("{}: holds {what}; give an empty directory or one of this cluster", path.display())]
    Foreign {
        /// Which directory.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// A directory was written by a newer version.
    #[error("{}: written by a newer Hamster (format {format}); run that version", path.display())]
    NewerFormat {
        /// Which directory.
        path: PathBuf,
        /// Its format version.
        format: u32,
    },
    /// `init` found a drive of a cluster.
    #[error("{}: already belongs to a cluster; run `hamster serve`, or give an empty directory", .0.display())]
    AlreadyFounded(PathBuf),
    /// A command was given a directory that is not there.
    #[error("{}: no such directory; name a data directory of the node with --data-dir", .0.display())]
    NoDataDirectory(PathBuf),
    /// `serve` found no founded drive at all.
    #[error("no data directory is founded yet; run `hamster init` with the same --data-dir first")]
    NotFounded,
    /// The same directory, or two directories of the same drive, were given.
    #[error("{} and {} are the same drive; give each drive once", .0.display(), .1.display())]
    SameDrive(PathBuf, PathBuf),
    /// More drives are absent than the data survives.
    #[error(
        "{absent} of {total} drives are absent and the data survives {survives}; \
         mount them and name their directories: {missing}"
    )]
    TooManyAbsent {
        /// Drives that were not found.
        absent: usize,
        /// Drives of this node.
        total: usize,
        /// Absent drives that could be survived.
        survives: usize,
        /// Which ones.
        missing: String,
    },
    /// More directories than the node has drives, empty or missing ones among them.
    #[error(
        "{given} data directories for a node of {drives} drive(s), and drives cannot be added in \
         this version; leave out those that hold none: {empty}"
    )]
    SurplusDrives {
        /// How many were given.
        given: usize,
        /// Drives of this node.
        drives: usize,
        /// The directories that hold no drive.
        empty: String,
    },
    /// No drive with a current copy of the metadata is present.
    #[error("no current copy of the metadata is present: {0}")]
    NoMetadata(String),
    /// More drives than a node carries.
    #[error("{given} data directories; a node takes at most {most}")]
    TooManyDrives {
        /// How many were given.
        given: usize,
        /// How many a node takes.
        most: usize,
    },
    /// A flag's value does not fit.
    #[error("{flag}: {reason}")]
    Flag {
        /// Which flag.
        flag: &'static str,
        /// Reason and remedy.
        reason: String,
    },
    /// The memory bound is too small to serve with.
    // Why not in the largest unit: rounded there, the least could read as what was given.
    #[error(
        "--memory {}MiB is too little for {cores} core(s); give at least {}MiB",
        given.get() >> 20,
        least.align_up(ByteCount::mib(1)).get() >> 20
    )]
    TooLittleMemory {
        /// As given.
        given: ByteCount,
        /// Cores to serve with.
        cores: u16,
        /// What would do.
        least: ByteCount,
    },
    /// A socket could not be opened.
    #[error("cannot listen on {address} ({source}); give another address with {flag}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Which flag names it.
        flag: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// No node answers.
    #[error("no node answers at {0}; start it with `hamster serve`, or name another with --addr")]
    NoAnswer(SocketAddr),
    /// A file or directory could not be read or written.
    #[error("{}: {doing}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file's content does not verify.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Reason and remedy.
        reason: String,
    },
    /// The metadata store refused or stopped.
    #[error("metadata: {0}")]
    Metadata(String),
    /// The shard store refused to open.
    #[error("drives: {0}")]
    Shards(String),
    /// TLS material is unusable.
    #[error("certificates: {0}")]
    Tls(String),
    /// A core could not be started.
    #[error("cannot start: {0}")]
    Runtime(String),
}

impl NodeError {
    /// A failed operation on `path`.
    pub fn file(path: impl Into<PathBuf>, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, doing, source }
    }
}
