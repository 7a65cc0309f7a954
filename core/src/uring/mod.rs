//! The production backend: glommio plus one raw io_uring per core, for network and hot disk I/O.

pub mod clock;
pub mod disk;
pub mod network;
pub mod runtime;
pub mod task;
pub mod worker;
