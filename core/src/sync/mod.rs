//! Waiting for one another among the tasks of one core. First come, first served: the order is the
//! same in every run of a seed. Nothing here crosses threads.

mod channel;
mod event;
mod oneshot;
mod semaphore;

pub use channel::{Receiver, Sender, channel};
pub use event::Event;
pub use oneshot::{OneshotReceiver, OneshotSender, oneshot};
pub use semaphore::{Permit, Semaphore};

/// The other end is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the other end is gone")]
pub struct Closed;
