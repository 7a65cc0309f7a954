//! Waiting for one another among the tasks of one core. First come, first served: the order is the
//! same in every run of a seed. Nothing here crosses threads.

use std::marker::PhantomData;

/// The other end is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the other end is gone")]
pub struct Closed;

/// A value that comes once.
pub fn oneshot<T>() -> (OneshotSender<T>, OneshotReceiver<T>) {
    todo!()
}

/// Gives the value.
pub struct OneshotSender<T>(PhantomData<T>);

impl<T> OneshotSender<T> {
    /// Gives it; handed back if nobody waits any more.
    ///
    /// # Errors
    /// The receiver is gone.
    pub fn send(self, _value: T) -> Result<(), T> {
        todo!()
    }
}

/// Waits for the value: a future.
pub struct OneshotReceiver<T>(PhantomData<T>);

impl<T> Future for OneshotReceiver<T> {
    type Output = Result<T, Closed>;

    fn poll(
        self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        todo!()
    }
}

/// A bounded queue between tasks.
pub fn channel<T>(_capacity: usize) -> (Sender<T>, Receiver<T>) {
    todo!()
}

/// Puts values in.
pub struct Sender<T>(PhantomData<T>);

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        todo!()
    }
}

impl<T> Sender<T> {
    /// Puts `value` in, waiting for room.
    ///
    /// # Errors
    /// The receiver is gone.
    pub async fn send(&self, _value: T) -> Result<(), Closed> {
        todo!()
    }

    /// Puts `value` in if there is room now.
    ///
    /// # Errors
    /// Full, or the receiver is gone: the value comes back.
    pub fn try_send(&self, _value: T) -> Result<(), T> {
        todo!()
    }
}

/// Takes values out.
pub struct Receiver<T>(PhantomData<T>);

impl<T> Receiver<T> {
    /// The next value; `None` when it is empty and every sender is gone.
    pub async fn receive(&mut self) -> Option<T> {
        todo!()
    }

    /// The next value, if there is one now.
    pub fn try_receive(&mut self) -> Option<T> {
        todo!()
    }
}

/// A number of permits. Cheap to clone.
#[derive(Clone)]
pub struct Semaphore(PhantomData<()>);

/// Permits held; given back on drop.
pub struct Permit(PhantomData<()>);

impl Semaphore {
    /// With `permits` to give.
    pub fn new(_permits: usize) -> Self {
        todo!()
    }

    /// Waits for `count` permits.
    pub async fn acquire(&self, _count: usize) -> Permit {
        todo!()
    }

    /// Takes `count` permits if they are there now.
    pub fn try_acquire(&self, _count: usize) -> Option<Permit> {
        todo!()
    }

    /// Permits there now.
    pub fn available(&self) -> usize {
        todo!()
    }
}

/// Something that happens again and again; waiters are told. Cheap to clone.
#[derive(Clone)]
pub struct Event(PhantomData<()>);

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl Event {
    /// Has not happened yet.
    pub fn new() -> Self {
        todo!()
    }

    /// It happens: everyone who waits now goes on.
    pub fn notify(&self) {
        todo!()
    }

    /// A future that resolves at the first `notify` after this call (not after its first poll).
    pub fn listen(&self) -> impl Future<Output = ()> + 'static {
        std::future::pending()
    }
}
