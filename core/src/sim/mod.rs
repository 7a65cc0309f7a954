//! The simulator's backend: one thread, virtual time, seeded scheduling, disks and networks in
//! memory that fail as told.

pub mod clock;
pub mod disk;
pub mod network;
pub mod runtime;
pub mod task;
pub mod worker;
