//! What the process is asked for from outside while it runs. Read by the node's assembly and by
//! commands; nothing below them may look here.

use crate::runtime::{Core, CoreBackend};
use crate::{sim, uring};
use std::io;

/// What the process is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// SIGTERM or SIGINT: finish what runs, then exit.
    Stop,
    /// SIGHUP: read certificates and credentials again.
    Reload,
}

/// Signals as they come.
pub struct Signals(SignalsBackend);

enum SignalsBackend {
    Uring(uring::environment::Signals),
    Sim(sim::signal::Signals),
}

/// The signals of this process from now on, for one core to listen to.
///
/// # Errors
/// Out of descriptors.
pub fn signals(core: &Core) -> io::Result<Signals> {
    Ok(Signals(match core.backend() {
        CoreBackend::Uring(handle) => SignalsBackend::Uring(uring::environment::signals(handle)?),
        CoreBackend::Sim(handle) => SignalsBackend::Sim(handle.signals()),
    }))
}

impl Signals {
    /// The next signal.
    ///
    /// # Errors
    /// The core ends.
    pub async fn next(&mut self) -> io::Result<Signal> {
        match &mut self.0 {
            SignalsBackend::Uring(signals) => signals.next().await,
            SignalsBackend::Sim(signals) => Ok(signals.next().await),
        }
    }
}
