//! What one CPU core runs: the seam between Hamster and the machine, and the few types that every
//! crate shares.
//!
//! All of time, randomness, disk, network, threads and the environment come through the handles of
//! [`Core`]. Two backends stand behind them: `uring` (production: glommio plus one raw io_uring per
//! core) and `sim` (one thread, virtual time, seeded). The choice is an enum inside each handle, so
//! that callers carry no type parameter.
//!
//! Only `uring` may name glommio, io-uring or libc. Nothing here knows S3, Raft or Reed–Solomon.

pub mod buffer;
pub mod checksum;
pub mod clock;
pub mod disk;
pub mod entropy;
pub mod environment;
pub mod ids;
pub mod limits;
pub mod map;
pub mod mesh;
pub mod network;
pub mod plant;
pub mod runtime;
pub mod sim;
pub mod sync;
pub mod task;
pub mod units;
pub mod uring;
pub mod worker;

pub use buffer::{Buffer, BufferPool};
pub use clock::{Clock, Instant, WallTime};
pub use disk::{Directory, Disk, File};
pub use entropy::Entropy;
pub use map::{Map, Set};
pub use network::{Listener, Network, Stream};
pub use runtime::Core;
pub use task::{Queue, Task, TaskError, Tasks};
pub use units::ByteCount;
