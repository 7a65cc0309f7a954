//! The production backend: glommio plus one raw io_uring per core, for network and hot disk I/O.
//!
//! `ring` and its kin (`slot`, `receive_buffers`, `request`, `multishot`) own what the kernel may
//! touch; `driver` moves entries and completions; the rest are the handles of the seam. Nothing
//! here knows what the bytes mean. See `deploy/docs/adr/0001-raw-ring-inside-glommio.md`.

pub mod clock;
pub mod disk;
pub mod environment;
pub mod network;
pub mod probe;
pub mod runtime;
pub mod task;
pub mod worker;

mod address;
mod directory;
mod driver;
mod inbox;
mod lock;
mod multishot;
mod receive_buffers;
mod request;
mod ring;
mod slot;
mod system;
mod timer;

/// What the kernel, and the ring once it closes, say of what was given up.
pub(crate) const CANCELED: i32 = libc::ECANCELED;
