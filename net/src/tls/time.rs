//! The wall clock as rustls wants it: shareable between threads, which core's clock is not.

use hamster_core::Clock;
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A core's wall clock and where rustls reads it. Refreshed before each handshake: certificates and
/// session tickets need no better.
#[derive(Clone)]
pub struct Wall {
    clock: Clock,
    read: Arc<ReadWall>,
}

/// Seconds since the epoch, as of the last refresh.
#[derive(Debug)]
struct ReadWall(AtomicU64);

impl Wall {
    pub fn of(clock: &Clock) -> Self {
        let secs = clock.wall().secs();
        Self { clock: clock.clone(), read: Arc::new(ReadWall(AtomicU64::new(secs))) }
    }

    pub fn refresh(&self) {
        self.read.0.store(self.clock.wall().secs(), Ordering::Relaxed);
    }

    pub fn provider(&self) -> Arc<dyn TimeProvider> {
        Arc::clone(&self.read) as Arc<dyn TimeProvider>
    }
}

impl TimeProvider for ReadWall {
    fn current_time(&self) -> Option<UnixTime> {
        let secs = Duration::from_secs(self.0.load(Ordering::Relaxed));
        Some(UnixTime::since_unix_epoch(secs))
    }
}
