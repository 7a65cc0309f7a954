//! Lanes: who owns which partition on this node, and the index from data id to place.
//!
//! A lane is a set of partitions, the unit of ownership. Only its owner touches its index; other
//! cores ask over the mesh. Look-ups are async, so that the index can live on the drive.

mod index;
mod ownership;

pub(crate) use index::{Index, Placement, RunEntry};
pub(crate) use ownership::Ownership;

use hamster_core::Core;
use hamster_core::ids::{CoreIndex, DataId};
use hamster_core::mesh::{MeshClosed, Port, UnboundPort};
use hamster_core::sync::Event;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

/// What one core asks another about the lanes that it owns. Opaque to everyone else.
pub struct Question(Ask);

enum Ask {
    /// Keep these.
    Insert(Vec<RunEntry>),
    /// Which runs hold bytes of this range of the shards?
    Find(DataId, Range<u64>),
    /// The asking core has handed over everything that its segments hold.
    Recovered,
}

/// The answer to a [`Question`].
pub struct Answer(Vec<RunEntry>);

/// One core's way to the index of every lane. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Lanes {
    ownership: Rc<Ownership>,
    own: Rc<Own>,
    port: Port<Question, Answer>,
}

/// What this core owns.
#[derive(Default)]
struct Own {
    index: RefCell<Index>,
    /// Cores that have read all their segments.
    recovered: Cell<u16>,
    on_recovered: Event,
}

impl Own {
    fn answer(&self, Question(ask): Question) -> Answer {
        match ask {
            Ask::Insert(entries) => self.index.borrow_mut().insert(entries),
            Ask::Find(data, range) => return Answer(self.index.borrow().find(data, range)),
            Ask::Recovered => {
                self.recovered.set(self.recovered.get() + 1);
                self.on_recovered.notify();
            }
        }
        Answer(Vec::new())
    }
}

impl Lanes {
    pub fn bind(core: &Core, port: UnboundPort<Question, Answer>) -> Self {
        let own = Rc::new(Own::default());
        let served = Rc::clone(&own);
        let port = port.bind(core, move |_from, question| {
            let served = Rc::clone(&served);
            async move { served.answer(question) }
        });
        Self { ownership: Rc::new(Ownership::new(core.index(), core.count())), own, port }
    }

    pub fn ownership(&self) -> &Ownership {
        &self.ownership
    }

    /// The runs that hold bytes of `range` of the shards of a data id, on any drive of this node.
    pub async fn find(&self, data: DataId, range: Range<u64>) -> Result<Vec<RunEntry>, MeshClosed> {
        self.ask(self.ownership.owner(data.partition()), Ask::Find(data, range)).await
    }

    /// Has runs kept by whoever owns their lanes.
    pub async fn keep(&self, runs: Vec<RunEntry>) -> Result<(), MeshClosed> {
        let mut by_owner = BTreeMap::<CoreIndex, Vec<RunEntry>>::new();
        for run in runs {
            by_owner.entry(self.ownership.owner(run.data.partition())).or_default().push(run);
        }
        for (owner, runs) in by_owner {
            self.ask(owner, Ask::Insert(runs)).await?;
        }
        Ok(())
    }

    async fn ask(&self, owner: CoreIndex, ask: Ask) -> Result<Vec<RunEntry>, MeshClosed> {
        if owner == self.ownership.own() {
            return Ok(self.own.answer(Question(ask)).0);
        }
        Ok(self.port.call(owner, Question(ask)).await?.0)
    }

    /// Tells every core that this one has handed over everything, and waits until all have.
    pub async fn finish_recovery(&self) -> Result<(), MeshClosed> {
        for core in self.ownership.cores() {
            self.ask(core, Ask::Recovered).await?;
        }
        loop {
            let recovered = self.own.on_recovered.listen();
            if self.own.recovered.get() == self.ownership.core_count() {
                return Ok(());
            }
            recovered.await;
        }
    }
}
