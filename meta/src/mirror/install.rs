//! Putting a snapshot in the place of the state, on all mirrors, while the node runs.

use super::Mirrors;
use super::current;
use super::seed::Seeded;
use super::stage::{self, Made, Stage, Staged};
use super::write::Mirror;
use crate::snapshot::{Header, SnapshotError};
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::LocalBoxStream;
use hamster_core::sync::Permit;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

/// A snapshot that was received: it is whole on all mirrors, and not in use.
pub(crate) struct Received {
    header: Header,
    /// None once it was installed.
    made: RefCell<Vec<Made>>,
    /// No mirror is made meanwhile: it would be made of the state that goes.
    _alone: Permit,
}

impl Received {
    /// What it is a snapshot of.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }
}

impl Mirrors {
    /// Receives a snapshot on all mirrors; mirrors that fail meanwhile are left out. To be followed
    /// by [`Mirrors::discard`], whether it is installed or not.
    ///
    /// # Errors
    /// The stream is not whole, or no mirror is left. What was received is removed.
    pub(crate) async fn receive(
        &self,
        mut chunks: LocalBoxStream<'_, io::Result<Vec<u8>>>,
    ) -> Result<Received, SnapshotError> {
        let alone = self.0.copying.acquire(1).await;
        let live = self.0.live.borrow().clone();
        let places = live.iter().map(|mirror| (mirror.place.clone(), mirror.current)).collect();
        let (core, storage) = (&self.0.core, self.0.storage.clone());
        let mut stage = core.blocking(move || Stage::begin(&storage, places)).await?;
        while let Some(chunk) = chunks.next().await {
            let take = move || match chunk {
                Ok(chunk) => stage.take(&chunk),
                Err(error) => Err(stage.abandon(SnapshotError::Lost(error.to_string()))),
            };
            stage = core.blocking(take).await?;
        }
        let Staged { header, made, lost } = core.blocking(move || stage.end()).await?;
        let received = Received { header, made: RefCell::new(made), _alone: alone };
        for (drive, what) in lost {
            self.note_failure("state", drive, &io::Error::other(what));
            if let Err(error) = self.leave_out(drive).await {
                self.discard(&received).await;
                return Err(SnapshotError::Stopped(error.to_string()));
            }
        }
        Ok(received)
    }

    /// Removes what was received and not installed.
    pub(crate) async fn discard(&self, received: &Received) {
        let (storage, made) = (self.0.storage.clone(), received.made.take());
        self.0.core.blocking(move || stage::discard(&storage, made)).await;
    }

    /// Puts what was received in the place of the states of all mirrors and has readers go there.
    /// A mirror that fails is left out, and the set without it recorded when this is done.
    ///
    /// # Errors
    /// No mirror is left, or the set cannot be recorded: the metadata has stopped.
    pub(crate) async fn install(&self, received: &Received) -> io::Result<()> {
        let former = self.swap(&received.made).await?;
        // Why behind the others: reads of the former states may be under way; they see that they
        // were late, and read again.
        let live = self.0.live.borrow().clone();
        let current = |former: &Mirror| {
            let now = live.iter().find(|mirror| mirror.place.drive == former.place.drive)?;
            Some((former.place.clone(), former.state.clone(), now.current))
        };
        let left: Vec<_> = former.iter().filter_map(|former| current(former)).collect();
        drop(former);
        let storage = self.0.storage.clone();
        let clear = move || {
            for (place, state, current) in left {
                state.retire();
                drop(state);
                if let Err(error) = current::clear(&storage, &place.path, &current) {
                    tracing::warn!("the former state on {} stays: {error}", place.drive);
                }
            }
        };
        self.0.core.blocking(clear).await;
        Ok(())
    }

    /// Gives the mirrors as they were before.
    async fn swap(&self, received: &RefCell<Vec<Made>>) -> io::Result<Vec<Rc<Mirror>>> {
        // Invariant: whoever holds several of these took them in this order.
        let _log = self.0.log_write.acquire(1).await;
        let _set = self.0.changing.acquire(1).await;
        let _state = self.0.state_write.acquire(1).await;
        let former = self.0.live.borrow().clone();
        let swaps = former.iter().map(|mirror| {
            let mut received = received.borrow_mut();
            let at = received.iter().position(|made| made.place.drive == mirror.place.drive);
            let made = at.map(|at| received.swap_remove(at));
            let (storage, log) = (self.0.storage.clone(), mirror.log.clone());
            mirror.log_worker.run(move || -> io::Result<Seeded> {
                let made = made.ok_or_else(|| io::Error::other("it has not got the snapshot"))?;
                made.swap(&storage, &log)?;
                made.seeded(log).map_err(io::Error::other)
            })
        });
        let swapped = join_all(swaps.collect::<Vec<_>>()).await;
        let mut live = Vec::new();
        for (mirror, swapped) in former.iter().zip(swapped) {
            match swapped {
                Ok(seeded) => live.push(self.renew(mirror, seeded)),
                Err(error) => self.note_failure("state", mirror.place.drive, &error),
            }
        }
        let all = live.len() == former.len();
        self.0.live.replace(live);
        if all {
            let first = self.first()?;
            self.0.shared.read_from(first.number, &first.state);
        } else {
            self.advance().await?;
        }
        Ok(former)
    }
}
