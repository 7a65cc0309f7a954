//! Taking a new mirror in while the node serves, and noticing that one was removed.

use super::Mirrors;
use super::current::Current;
use super::seed::{self, Place, Seeded};
use super::write::Mirror;
use crate::state::{Database, ReadError};
use futures_util::future::join_all;
use std::io;
use std::sync::Arc;

impl Mirrors {
    /// Makes a mirror at `place`, over whatever is there, and uses it from then on: most of it is
    /// copied while the others are written to, the rest while writes wait for a moment.
    ///
    /// # Errors
    /// It could not be made, or the set could not be recorded (then the metadata has stopped).
    pub(crate) async fn add(&self, place: Place) -> io::Result<()> {
        let _alone = self.0.copying.acquire(1).await;
        self.0.seeding.set(true);
        let added = self.copy_and_join(place).await;
        self.0.seeding.set(false);
        added
    }

    /// Whether a mirror is being made: the log must not be purged meanwhile.
    pub(crate) fn is_seeding(&self) -> bool {
        self.0.seeding.get()
    }

    async fn copy_and_join(&self, place: Place) -> io::Result<()> {
        let (storage, first) = (self.0.storage.clone(), self.first()?);
        let source = first.source();
        let shared = Arc::clone(&self.0.shared);
        let copied = self.0.core.blocking(move || {
            let go_on = || shared.stopped().is_none();
            let made = seed::copy(&storage, &source.log, &source.state, &place, &go_on)?;
            catch_up(source.read_in()?, made)
        });
        let made = copied.await.map_err(io::Error::other)?;
        // Nothing is written from here to the record. Invariant: whoever holds several of these took
        // them in this order.
        let _log = self.0.log_write.acquire(1).await;
        let _set = self.0.changing.acquire(1).await;
        let _state = self.0.state_write.acquire(1).await;
        let first = self.first()?;
        let source = first.source();
        let finished = self.0.core.blocking(move || {
            let made = catch_up(source.read_in()?, made)?;
            // Why: the log may be purged as far as the other states were flushed before.
            made.state.flush().map_err(|error| ReadError::Failed(error.to_string()))?;
            Ok::<_, ReadError>(made)
        });
        let made = finished.await.map_err(io::Error::other)?;
        tracing::info!("the metadata is mirrored on {} from now on", made.place.drive);
        self.start(made);
        self.advance().await
    }

    /// Leaves out mirrors whose files were removed, and the one that a query could not read, if
    /// there is another. Why a look: writes to a file that is open succeed when its name has gone;
    /// and queries run on all cores.
    ///
    /// # Errors
    /// As [`Mirrors::leave_out`].
    pub(crate) async fn look(&self) -> io::Result<()> {
        let live = self.0.live.borrow().clone();
        let looks = live.iter().map(|mirror| {
            let (storage, place) = (self.0.storage.clone(), mirror.place.clone());
            mirror.log_worker.run(move || seed::holds_mirror(&storage, &place))
        });
        let found = join_all(looks).await;
        for (mirror, found) in live.iter().zip(found) {
            if !found {
                tracing::error!("the metadata on {} was removed", mirror.place.drive);
                self.leave_out(mirror.place.drive).await?;
            }
        }
        if let Some(number) = self.0.shared.take_doubted()
            && let Some(doubted) = live.iter().find(|mirror| mirror.number == number)
            && self.0.live.borrow().len() > 1
        {
            tracing::error!("the metadata state on {} cannot be read", doubted.place.drive);
            self.leave_out(doubted.place.drive).await?;
        }
        Ok(())
    }
}

/// The mirror that another one is made of.
struct Source {
    place: Place,
    log: Database,
    state: Database,
    current: Current,
}

impl Mirror {
    fn source(&self) -> Source {
        let (place, current) = (self.place.clone(), self.current);
        Source { place, log: self.log.clone(), state: self.state.clone(), current }
    }
}

impl Source {
    fn read_in(self) -> Result<Seeded, ReadError> {
        seed::read_in(self.place, self.log, self.state, self.current)
    }
}

/// Gives `made` what `first` has more.
fn catch_up(first: Seeded, made: Seeded) -> Result<Seeded, ReadError> {
    let caught_up = seed::catch_up(&first, made)?;
    caught_up.ok_or_else(|| ReadError::Failed("the log has gone on without it".into()))
}
