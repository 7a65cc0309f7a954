//! openraft's one-time channel: core's.

use hamster_core::sync::{self, Closed, OneshotReceiver, OneshotSender};
use openraft_rt::{OptionalSend, oneshot};

/// See the module.
pub(crate) struct LocalOneshot;

/// Gives the value.
pub(crate) struct Giver<T>(OneshotSender<T>);

impl oneshot::Oneshot for LocalOneshot {
    type Sender<T: OptionalSend> = Giver<T>;
    type Receiver<T: OptionalSend> = OneshotReceiver<T>;
    type ReceiverError = Closed;

    fn channel<T: OptionalSend>() -> (Giver<T>, OneshotReceiver<T>) {
        let (sender, receiver) = sync::oneshot();
        (Giver(sender), receiver)
    }
}

impl<T: OptionalSend> oneshot::OneshotSender<T> for Giver<T> {
    fn send(self, value: T) -> Result<(), T> {
        self.0.send(value)
    }
}
