//! The simulator's backend: one thread, virtual time, seeded scheduling, disks and networks in
//! memory that fail as told.
//!
//! A test of one core is `sim::run(seed, |core| async move { … })`, with [`Node::of`] for the faults
//! of its drives; a [`World`] has many nodes, which crash and start again. The same
//! seed and the same binary give the same trace ([`World::trace_hash`]). Nothing here reads a clock,
//! a file or a socket of the machine.

pub mod clock;
pub mod disk;
mod executor;
pub mod fault;
pub mod network;
pub mod runtime;
mod seed;
pub mod signal;
pub mod task;
pub mod worker;
mod world;

pub use disk::{DiskControl, Failure, Image, Operation};
pub use fault::Fault;
pub use network::Link;
pub use world::{Node, World};

use crate::runtime::Core;

/// Runs `main` on the only core of the only node of a new world, until it ends.
///
/// # Panics
/// If any task panics, if nothing can go on before `main` has ended, or if it runs away.
pub fn run<T: 'static, F: Future<Output = T> + 'static>(
    seed: u64,
    main: impl FnOnce(Core) -> F,
) -> T {
    let world = World::new(seed);
    let core = world.node(1).core(0);
    world.run_on(&core, main(core.clone()))
}
