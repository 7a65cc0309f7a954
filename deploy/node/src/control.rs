//! What the cores of a node tell one another about starting and ending: a service on the mesh.
//!
//! Core 0 boots; the others ask it for the boot and wait. At the end core 0 has every core drain
//! first and close only then, because a core that drains may still need another one's lanes.

use crate::boot::Boot;
use crate::error::NodeError;
use crate::files::OperatorFiles;
use futures_util::future::join_all;
use hamster_core::ids::{CoreIndex, DataId};
use hamster_core::mesh::{Port, UnboundPort};
use hamster_core::sync::Event;
use hamster_core::{Core, Set};
use hamster_net::http::Drain;
use hamster_net::tls::Acceptor;
use hamster_s3::Keyring;
use hamster_shard::drive::{Failure, Superblock};
use hamster_shard::{OpenDrive, Shards};
use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// The metadata core boots, and directs the others.
pub const CORE_ZERO: CoreIndex = CoreIndex::new(0);

/// What one core asks of another.
pub enum Question {
    /// To core 0: the boot, once it is done.
    Boot,
    /// To core 0: this core serves.
    Ready,
    /// To core 0: this core cannot go on; the node must end.
    Failed(NodeError),
    /// Which of these do you read or write?
    Held(Arc<[DataId]>),
    /// From core 0: open this further drive.
    AddDrive(PathBuf, Superblock),
    /// From core 0: from now on go by these files.
    Renew(Arc<OperatorFiles>),
    /// From core 0: take no new requests, answer when the last one is done.
    Drain,
    /// From core 0: end.
    Close,
}

/// What it answers.
pub enum Answer {
    /// To [`Question::Held`].
    Held(Vec<bool>),
    /// To [`Question::Boot`].
    Boot(Arc<Boot>),
    /// To all others.
    Done,
}

/// One core's end of it, not bound yet.
pub type UnboundControl = UnboundPort<Question, Answer>;

/// One core's view of how the node stands. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    port: Port<Question, Answer>,
    state: Rc<State>,
    own: CoreIndex,
    count: u16,
}

#[derive(Default)]
struct State {
    boot: RefCell<Option<Arc<Boot>>>,
    failed: RefCell<Option<NodeError>>,
    ready: RefCell<Set<CoreIndex>>,
    /// What this core's S3 service goes by, if there is one.
    renewable: RefCell<Option<(Keyring, Option<Acceptor>)>>,
    /// What this core reads by.
    shards: RefCell<Option<Shards>>,
    drain: Drain,
    drained: Cell<bool>,
    closing: Cell<bool>,
    changed: Event,
}

impl State {
    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.changed.listen();
            if holds(self) {
                return;
            }
            changed.await;
        }
    }

    async fn answer(&self, core: &Core, from: CoreIndex, question: Question) -> Answer {
        match question {
            Question::Boot => {
                self.until(|state| state.boot.borrow().is_some()).await;
                return Answer::Boot(self.boot.borrow().clone().expect("waited for it"));
            }
            Question::Ready => {
                self.ready.borrow_mut().insert(from);
                self.changed.notify();
            }
            Question::Failed(error) => self.fail(error),
            Question::Renew(files) => self.renew(&files),
            Question::AddDrive(path, superblock) => self.add_drive(core, &path, superblock).await,
            Question::Drain => {
                self.drain.start();
                self.until(|state| state.drained.get()).await;
            }
            Question::Held(data) => {
                self.until(|state| state.shards.borrow().is_some() || state.drained.get()).await;
                let shards = self.shards.borrow().clone();
                return Answer::Held(match shards {
                    Some(shards) => shards.held(&data).await,
                    None => vec![false; data.len()],
                });
            }
            Question::Close => {
                self.closing.set(true);
                self.changed.notify();
            }
        }
        Answer::Done
    }

    async fn add_drive(&self, core: &Core, path: &Path, superblock: Superblock) {
        self.until(|state| state.shards.borrow().is_some() || state.drained.get()).await;
        let Some(shards) = self.shards.borrow().clone() else { return };
        let ordinal = superblock.ordinal;
        match core.disk().directory(path).await {
            Ok(directory) => {
                // Why ignored: a node that ends needs no further drive.
                let _ = shards.add_drive(OpenDrive { directory, superblock }).await;
            }
            Err(error) => {
                let cause = format!("opening its directory: {error}");
                shards.drives().fail(ordinal, Failure::of(&error), &cause);
            }
        }
    }

    fn renew(&self, files: &OperatorFiles) {
        let Some((keyring, acceptor)) = &*self.renewable.borrow() else { return };
        if let Err(error) = files.renew(keyring, acceptor.as_ref()) {
            tracing::error!(%error, "a core could not go by files that could be read");
        }
    }

    fn fail(&self, error: NodeError) {
        // The first reason is the one to tell; what follows follows from it.
        self.failed.borrow_mut().get_or_insert(error);
        self.changed.notify();
    }
}

impl Control {
    /// Binds this core's end.
    pub fn bind(core: &Core, port: UnboundControl) -> Self {
        let state = Rc::new(State::default());
        let answering = Rc::clone(&state);
        let answering_core = core.clone();
        let port = port.bind(core, move |from, question| {
            let (core, state) = (answering_core.clone(), Rc::clone(&answering));
            async move { state.answer(&core, from, question).await }
        });
        Self { port, state, own: core.index(), count: core.count() }
    }

    /// The switch that ends this core's service.
    pub fn drain(&self) -> &Drain {
        &self.state.drain
    }

    /// Core 0's boot; `None` if there will be none.
    pub async fn boot(&self) -> Option<Arc<Boot>> {
        match self.port.call(CORE_ZERO, Question::Boot).await {
            Ok(Answer::Boot(boot)) => Some(boot),
            _ => None,
        }
    }

    /// On core 0: the boot is done.
    pub fn booted(&self, boot: Arc<Boot>) {
        *self.state.boot.borrow_mut() = Some(boot);
        self.state.changed.notify();
    }

    /// This core serves.
    pub async fn ready(&self) {
        // Why ignored: a core 0 that has ended is no reason to go on or to stop; its loss is seen
        // where something is asked of it.
        let _ = self.port.call(CORE_ZERO, Question::Ready).await;
    }

    /// This core cannot go on.
    pub async fn failed(&self, error: NodeError) {
        tracing::error!(%error, "a core cannot go on");
        let _ = self.port.call(CORE_ZERO, Question::Failed(error)).await;
    }

    /// On core 0: resolves once every core serves or one has failed.
    pub async fn all_ready(&self) {
        let count = usize::from(self.count);
        let holds =
            |state: &State| state.ready.borrow().len() == count || state.failed.borrow().is_some();
        self.state.until(holds).await;
    }

    /// On core 0: resolves once a core has failed.
    pub async fn any_failed(&self) {
        self.state.until(|state| state.failed.borrow().is_some()).await;
    }

    /// On core 0: why a core failed, if one did.
    pub fn take_failure(&self) -> Option<NodeError> {
        self.state.failed.borrow_mut().take()
    }

    /// This core's service goes by these, which can be renewed while it runs.
    pub fn keep(&self, keyring: Keyring, acceptor: Option<Acceptor>) {
        *self.state.renewable.borrow_mut() = Some((keyring, acceptor));
    }

    /// On core 0: has every core, itself included, open a further drive.
    pub async fn add_drive(&self, path: PathBuf, superblock: Superblock) {
        self.ask_all(|| Question::AddDrive(path.clone(), superblock.clone())).await;
    }

    /// On core 0: has every core, itself included, go by `files` from now on.
    pub async fn renew_all(&self, files: Arc<OperatorFiles>) {
        self.ask_all(|| Question::Renew(Arc::clone(&files))).await;
    }

    /// This core reads by these from now on.
    pub fn reads_by(&self, shards: Shards) {
        *self.state.shards.borrow_mut() = Some(shards);
        self.state.changed.notify();
    }

    /// Which of these does any core read or write?
    pub async fn held(&self, data: Vec<DataId>) -> Vec<bool> {
        let data: Arc<[DataId]> = data.into();
        let cores = (0..self.count).map(CoreIndex::new);
        let asked = cores.map(|core| self.port.call(core, Question::Held(Arc::clone(&data))));
        let mut held = vec![false; data.len()];
        for answer in join_all(asked).await {
            // A core that has ended reads nothing.
            if let Ok(Answer::Held(there)) = answer {
                held.iter_mut().zip(there).for_each(|(held, there)| *held |= there);
            }
        }
        held
    }

    /// This core's service has ended.
    pub fn drained(&self) {
        tracing::debug!(core = %self.own, "drained");
        self.state.drained.set(true);
        self.state.changed.notify();
    }

    /// Resolves once core 0 has said to end.
    pub async fn closing(&self) {
        self.state.until(|state| state.closing.get()).await;
    }

    /// On core 0: has every core, itself included, drain.
    pub async fn drain_all(&self) {
        self.ask_all(|| Question::Drain).await;
    }

    async fn ask_all(&self, question: impl Fn() -> Question) {
        let cores = (0..self.count).map(CoreIndex::new);
        // Why ignored: a core that has ended has nothing left to do.
        join_all(cores.map(|core| self.port.call(core, question()))).await;
    }

    /// On core 0: has every core, itself included, end.
    pub async fn close_all(&self) {
        for core in (0..self.count).rev().map(CoreIndex::new) {
            let _ = self.port.call(core, Question::Close).await;
        }
    }
}
