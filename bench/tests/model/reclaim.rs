//! Reclaim on a lone node: two cores, one drive, a few data ids. The rules that the code must
//! follow; each has a bug in `plant.rs` that shows what happens without it.
//!
//! 1. A look-up is pinned on its core before it reads the state and becomes a lease in the step
//!    that ends it. A core answers "which of these are held?" only when the look-ups that began
//!    before the question have ended. No waiting time does this: a look-up may go to the disk.
//! 2. The reclaimer takes its page from the applied state, then asks every core, then frees what
//!    none holds. What is held stays in the queue.
//! 3. The sweep begins after this boot's number is applied. It frees what no core holds (so its
//!    writer is done), then no version names (so none ever will), and then again no core holds, upon
//!    a question as in rule 1 (so who read the state before is done).
//! 4. Apply refuses every command of an older boot, and applies no proposal twice.
//! 5. Data are given up by their coordinator only if they were never proposed; their writer holds
//!    them until their append is in the index. A sweep frees them.
//! 6. Bury is proposed after the free is durable. Of a small run no free is durable before its
//!    segment is recycled: so the sweep visits the runs of *all* boots.
//! 7. A copy is durable before the index moves to it. (If the original was freed meanwhile, the copy is
//!    an orphan, which the sweep frees.)
//! 8. A segment is recycled when it is sealed, every append to it is durable and indexed, no copy
//!    is under way and the index points nowhere into it; its header with the next generation is
//!    durable before it is written.
//! 9. A reader checks the name of what it read and looks the index up again if it is another's.
//!    With this, recycling needs no waiting time.
//! 10. A writer appends only while a whole segment is free, even if the active one has room:
//!     compaction may need it after a crash that brings originals of copies back.
//!
//! Not here: several drives (a row is buried when all of its drives have freed it or have left the
//! layout for good), repair and moves (the places they leave go through the dead queue: rules 1-3,
//! 6).

use crate::drive::{Cell, Class, DATA_IDS, Data, Drive, Place, Run, SEGMENTS, SLOTS};
use crate::metadata::{Command, KEYS, Metadata, Proposal, Set};
use crate::node::{CORES, Copy, Node, Phase, Put, Reader, Reclaimer};
use crate::plant::Plant;
use crate::scope::Scope;
use stateright::{Model, Property};
use std::collections::BTreeSet;

/// More steps than the background needs from any state of a scope.
const SETTLING_STEPS_MAX: usize = 200;

pub struct Reclaim {
    pub scope: Scope,
    pub plant: Option<Plant>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    metadata: Metadata,
    /// Proposed, not yet applied; in any order, and they outlive the process.
    proposals: BTreeSet<Proposal>,
    drive: Drive,
    node: Node,
    left: Left,
    broken: Option<Broken>,
}

/// What may still happen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Left {
    deletes: u8,
    gets: u8,
    crashes: u8,
    repeats: u8,
}

/// What a GET must never meet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Broken {
    FoundNothing,
    ServedWrong,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Append(Data),
    Keep(Data),
    GiveUp(Data),
    Propose(Data),
    Delete { key: usize },
    Sync { segment: usize },
    Apply { proposal: Proposal, again: bool },
    LookUp { core: usize, key: usize },
    Lease { core: usize },
    FindPlace { core: usize },
    Read { core: usize },
    Finish { core: usize },
    TakePage,
    Ask { core: usize },
    FreePage,
    Bury,
    CopyRun(Copy),
    MoveIndex,
    Recycle { segment: usize },
    SyncHeader { segment: usize },
    SweepAsk(Data),
    SweepFree,
    Crash { kept: u8 },
    Recover { last_wins: bool },
    Boot,
}

impl Reclaim {
    fn is(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    /// What clients and bad luck do.
    fn outside(&self, state: &State, actions: &mut Vec<Action>) {
        let State { metadata, node, left, .. } = state;
        if node.phase != Phase::Down && left.crashes > 0 {
            let unsynced = state.drive.pending().len();
            actions.extend((0..1 << unsynced).map(|kept| Action::Crash { kept }));
        }
        if left.repeats > 0 {
            let repeat = |&proposal| Action::Apply { proposal, again: true };
            actions.extend(state.proposals.iter().map(repeat));
        }
        if node.phase != Phase::Serving {
            return;
        }
        let next = self.scope.uploads.iter().find(|put| node.puts[put.data] == Put::Idle);
        if let Some(next) = next
            && state.drive.next_place(self.reserve(&state.drive)).is_some()
        {
            actions.push(Action::Append(next.data));
        }
        for data in 0..DATA_IDS {
            match node.puts[data] {
                Put::Appending { leaving: false, .. } => actions.push(Action::GiveUp(data)),
                Put::Written => actions.extend([Action::GiveUp(data), Action::Propose(data)]),
                Put::Proposed if self.is(Plant::GiveUpProposed) => {
                    actions.push(Action::GiveUp(data));
                }
                _ => {}
            }
        }
        if left.deletes > 0 {
            actions.push(Action::Delete { key: 0 });
        }
        for core in 0..CORES {
            match node.readers[core] {
                Reader::Idle if left.gets > 0 => {
                    let stored = (0..KEYS).filter(|&key| metadata.current[key].is_some());
                    actions.extend(stored.map(|key| Action::LookUp { core, key }));
                }
                Reader::Idle => {}
                Reader::LookedUp { .. } => actions.push(Action::Lease { core }),
                Reader::Leased { .. } => {
                    actions.extend([Action::FindPlace { core }, Action::Finish { core }]);
                }
                Reader::Placed { .. } => actions.push(Action::Read { core }),
            }
        }
    }

    /// What the node does by itself.
    fn background(&self, state: &State, actions: &mut Vec<Action>) {
        let State { drive, node, .. } = state;
        let apply = |&proposal| Action::Apply { proposal, again: false };
        actions.extend(state.proposals.iter().map(apply));
        match node.phase {
            Phase::Down => {
                return actions
                    .extend([false, true].map(|last_wins| Action::Recover { last_wins }));
            }
            Phase::Booting => {
                actions.push(Action::Boot);
                if self.is(Plant::SweepBeforeBoot) {
                    self.sweep(state, actions);
                }
                return;
            }
            Phase::Serving => {}
        }
        for segment in 0..SEGMENTS {
            if drive.is_dirty(segment) {
                actions.push(Action::Sync { segment });
            }
            if drive.segments[segment].header < drive.segments[segment].generation {
                actions.push(Action::SyncHeader { segment });
            }
        }
        for data in 0..DATA_IDS {
            if let Put::Appending { place, .. } = node.puts[data]
                && drive.is_durable(place)
            {
                actions.push(Action::Keep(data));
            }
        }
        self.sweep(state, actions);
        self.reclaim(state, actions);
        if self.scope.class == Class::Small {
            self.compact(state, actions);
        }
    }

    fn sweep(&self, state: &State, actions: &mut Vec<Action>) {
        let State { drive, node, metadata, .. } = state;
        if let Some(data) = node.doomed {
            // The question is answered when the look-ups that have read the state have ended.
            let is_it = |reader: &Reader| matches!(*reader, Reader::LookedUp { data: of, .. } if of == data);
            if !node.readers.iter().any(is_it) || self.is(Plant::SweepIgnoresReaders) {
                actions.push(Action::SweepFree);
            }
            return;
        }
        // Whether no version names it is asked in the step itself; of the others nothing comes.
        let is_candidate = |&data: &Data| {
            let Some(run) = node.index[data].and_then(|place| drive.run_at(place)) else {
                return false;
            };
            let is_written = matches!(node.puts[data], Put::Written | Put::Proposed);
            let is_visited = !self.is(Plant::SweepLastBootOnly) || run.boot + 1 == metadata.boot;
            let is_free = !is_written || self.is(Plant::SweepIgnoresWriters);
            is_visited && is_free && !metadata.is_current(data)
        };
        actions.extend((0..DATA_IDS).filter(is_candidate).map(Action::SweepAsk));
    }

    fn reclaim(&self, state: &State, actions: &mut Vec<Action>) {
        match state.node.reclaimer {
            Reclaimer::Idle if state.metadata.dead.is_empty() => {}
            Reclaimer::Idle => actions.push(Action::TakePage),
            Reclaimer::Asking { answered, .. } => {
                for (core, (reader, answered)) in
                    state.node.readers.iter().zip(answered).enumerate()
                {
                    let is_looking_up = matches!(reader, Reader::LookedUp { before: true, .. });
                    if !answered && (!is_looking_up || self.is(Plant::LeaseAfterWait)) {
                        actions.push(Action::Ask { core });
                    }
                }
                if answered == [true; CORES] || self.is(Plant::FreeWithoutAsking) {
                    actions.push(Action::FreePage);
                }
            }
            Reclaimer::Freed { rows } => {
                if self.is_free_durable(state, rows) || self.is(Plant::BuryBeforeDurable) {
                    actions.push(Action::Bury);
                }
            }
            Reclaimer::Burying => {}
        }
    }

    /// For a small run nothing durable says that it is freed: the sweep of the next boot, which
    /// visits every run of every older boot, finds it again.
    fn is_free_durable(&self, state: &State, rows: Set) -> bool {
        self.scope.class == Class::Small
            || !state.drive.scan().iter().any(|(_, run)| rows.contains(run.data))
    }

    fn compact(&self, state: &State, actions: &mut Vec<Action>) {
        let State { drive, node, .. } = state;
        if let Some(copy) = node.copy {
            if drive.is_durable(copy.to) || self.is(Plant::IndexBeforeDurable) {
                actions.push(Action::MoveIndex);
            }
            return;
        }
        for segment in (0..SEGMENTS).filter(|&segment| drive.is_sealed(segment)) {
            if !state.is_settled(segment) && !self.is(Plant::RecycleUnsettled) {
                continue;
            }
            let live = state.live(segment);
            match live.first() {
                None => actions.push(Action::Recycle { segment }),
                Some(&(data, from)) if live.len() < SLOTS => {
                    if let Some(to) = drive.next_place(0) {
                        actions.push(Action::CopyRun(Copy { data, from, to }));
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// Free segments that a writer leaves to compaction.
    fn reserve(&self, drive: &Drive) -> usize {
        let is_planted = self.is(Plant::RoomWithoutReserve) && drive.with_room().is_some();
        if is_planted || self.scope.class == Class::Bulk { 0 } else { 1 }
    }

    fn free(&self, state: &mut State, data: Data) {
        let place = state.node.index[data].take();
        if let (Some(place), Class::Bulk) = (place, self.scope.class) {
            state.drive.punch(place);
        }
    }

    fn step(&self, state: &mut State, action: Action) {
        match action {
            Action::Append(_)
            | Action::Keep(_)
            | Action::GiveUp(_)
            | Action::Propose(_)
            | Action::Delete { .. } => self.write(state, action),
            Action::Apply { proposal, again } => self.apply(state, proposal, again),
            Action::LookUp { .. }
            | Action::Lease { .. }
            | Action::FindPlace { .. }
            | Action::Read { .. }
            | Action::Finish { .. } => self.read(state, action),
            Action::TakePage | Action::Ask { .. } | Action::FreePage | Action::Bury => {
                self.work_page(state, action);
            }
            Action::Sync { segment } => state.drive.sync(segment),
            Action::CopyRun(_)
            | Action::MoveIndex
            | Action::Recycle { .. }
            | Action::SyncHeader { .. } => self.move_runs(state, action),
            Action::SweepAsk(data) => state.node.doomed = Some(data),
            Action::SweepFree => {
                let mut leases = state.node.readers.iter().filter_map(|reader| reader.lease());
                if let Some(data) = state.node.doomed.take()
                    && (!leases.any(|leased| leased == data) || self.is(Plant::SweepIgnoresReaders))
                {
                    self.free(state, data);
                }
            }
            Action::Crash { kept } => {
                state.left.crashes -= 1;
                state.drive.crash(kept);
                state.node.crash();
            }
            Action::Recover { last_wins } => {
                state.drive.recover();
                for (place, run) in state.drive.scan() {
                    let entry = &mut state.node.index[run.data];
                    if entry.is_none() || last_wins {
                        *entry = Some(place);
                    }
                }
                state.node.phase = Phase::Booting;
            }
            Action::Boot => {
                state.metadata.boot += 1;
                state.node.phase = Phase::Serving;
            }
        }
    }

    fn write(&self, state: &mut State, action: Action) {
        let boot = state.metadata.boot;
        match action {
            Action::Append(data) => {
                if let Some(place) = state.drive.next_place(self.reserve(&state.drive)) {
                    state.drive.append(place, data, boot);
                    state.node.puts[data] = Put::Appending { place, leaving: false };
                }
            }
            Action::Keep(data) => {
                if let Put::Appending { place, leaving } = state.node.puts[data] {
                    state.node.index[data] = Some(place);
                    state.node.puts[data] = if leaving { Put::Over } else { Put::Written };
                }
            }
            Action::GiveUp(data) => {
                state.node.puts[data] = match state.node.puts[data] {
                    Put::Appending { place, .. } => Put::Appending { place, leaving: true },
                    _ => Put::Over,
                };
            }
            Action::Propose(data) => {
                let upload = self.scope.uploads.iter().find(|upload| upload.data == data);
                if let Some(&crate::scope::Upload { key, only_if_new, .. }) = upload {
                    let command = Command::Commit { key, data, only_if_new };
                    state.proposals.insert(Proposal { boot, command });
                    state.node.puts[data] = Put::Proposed;
                }
            }
            Action::Delete { key } => {
                state.left.deletes -= 1;
                state.proposals.insert(Proposal { boot, command: Command::Delete { key } });
            }
            _ => unreachable!("not a writer's step"),
        }
    }

    fn apply(&self, state: &mut State, proposal: Proposal, again: bool) {
        if again {
            state.left.repeats -= 1;
        } else {
            state.proposals.remove(&proposal);
        }
        if state.metadata.accepts(proposal, self.plant) {
            state.metadata.apply(proposal.command);
        }
        match proposal.command {
            Command::Commit { data, .. } if state.node.puts[data] == Put::Proposed => {
                state.node.puts[data] = Put::Over;
            }
            Command::Bury { .. }
                if proposal.boot == state.metadata.boot
                    && state.node.reclaimer == Reclaimer::Burying =>
            {
                state.node.reclaimer = Reclaimer::Idle;
            }
            _ => {}
        }
    }

    fn read(&self, state: &mut State, action: Action) {
        let State { metadata, drive, node, left, broken, .. } = state;
        match action {
            Action::LookUp { core, key } => {
                if let Some(data) = metadata.current[key] {
                    left.gets -= 1;
                    node.readers[core] = Reader::LookedUp { data, before: false };
                }
            }
            Action::Lease { core } => {
                if let Reader::LookedUp { data, .. } = node.readers[core] {
                    node.readers[core] = Reader::Leased { data };
                }
            }
            Action::FindPlace { core } => {
                if let Reader::Leased { data } = node.readers[core] {
                    match node.index[data] {
                        Some(place) => node.readers[core] = Reader::Placed { data, place },
                        None => *broken = Some(Broken::FoundNothing),
                    }
                }
            }
            Action::Read { core } => {
                if let Reader::Placed { data, place } = node.readers[core] {
                    let is_right = drive.run_at(place).is_some_and(|run| run.data == data);
                    if !is_right && self.is(Plant::ServeUnverified) {
                        *broken = Some(Broken::ServedWrong);
                    }
                    // Right: it may read on. Wrong, by name: it looks the index up again.
                    node.readers[core] = Reader::Leased { data };
                }
            }
            Action::Finish { core } => node.readers[core] = Reader::Idle,
            _ => unreachable!("not a reader's step"),
        }
    }

    fn work_page(&self, state: &mut State, action: Action) {
        let node = &mut state.node;
        match (action, node.reclaimer) {
            (Action::TakePage, _) => {
                let (page, held) = (state.metadata.dead, Set::default());
                node.reclaimer = Reclaimer::Asking { page, held, answered: [false; CORES] };
                for reader in &mut node.readers {
                    if let Reader::LookedUp { before, .. } = reader {
                        *before = true;
                    }
                }
            }
            (Action::Ask { core }, Reclaimer::Asking { page, held, mut answered }) => {
                answered[core] = true;
                let held = held.with(Set::of(node.readers[core].lease()));
                node.reclaimer = Reclaimer::Asking { page, held, answered };
            }
            (Action::FreePage, Reclaimer::Asking { page, held, .. }) => {
                let rows = page.without(held);
                node.reclaimer =
                    if rows.is_empty() { Reclaimer::Idle } else { Reclaimer::Freed { rows } };
                rows.iter().for_each(|data| self.free(state, data));
            }
            (Action::Bury, Reclaimer::Freed { rows }) => {
                node.reclaimer = Reclaimer::Burying;
                let command = Command::Bury { rows };
                state.proposals.insert(Proposal { boot: state.metadata.boot, command });
            }
            _ => unreachable!("not a step of the reclaimer"),
        }
    }

    fn move_runs(&self, state: &mut State, action: Action) {
        let State { drive, node, .. } = state;
        match action {
            Action::CopyRun(copy) => {
                if let Some(run) = drive.run_at(copy.from) {
                    drive.append(copy.to, run.data, run.boot);
                    node.copy = Some(copy);
                }
            }
            Action::MoveIndex => {
                if let Some(Copy { data, to, .. }) = node.copy.take() {
                    node.index[data] = Some(to);
                }
            }
            Action::Recycle { segment } => {
                let segment = &mut drive.segments[segment];
                segment.tail = 0;
                if !self.is(Plant::RecycleSameGeneration) {
                    segment.generation += 1;
                }
                if !self.is(Plant::RecycleBeforeHeader) {
                    segment.header = segment.generation;
                }
            }
            Action::SyncHeader { segment } => {
                drive.segments[segment].header = drive.segments[segment].generation;
            }
            _ => unreachable!("not a step of compaction"),
        }
    }

    /// Lets the node alone until it has nothing left to do.
    fn settle(&self, state: &State) -> Option<State> {
        let mut state = state.clone();
        let mut actions = Vec::new();
        for _ in 0..SETTLING_STEPS_MAX {
            actions.clear();
            self.background(&state, &mut actions);
            let Some(&action) = actions.first() else {
                return Some(state);
            };
            self.step(&mut state, action);
        }
        None
    }
}

impl State {
    fn new(scope: &Scope) -> Self {
        let mut drive = Drive::new();
        let mut node = Node { phase: Phase::Serving, ..Node::down() };
        let mut current = [None; KEYS];
        for stored in scope.stored {
            drive.append(stored.place, stored.data, 1);
            node.puts[stored.data] = Put::Over;
            if let Some(key) = stored.key {
                current[key] = Some(stored.data);
                node.index[stored.data] = Some(stored.place);
            }
        }
        (0..SEGMENTS).for_each(|segment| drive.sync(segment));
        let is_full = |&segment: &usize| drive.segments[segment].tail == SLOTS;
        if drive.active.is_some_and(|segment| is_full(&segment)) {
            drive.active = None;
        }
        let Scope { deletes, gets, crashes, repeats, .. } = *scope;
        Self {
            metadata: Metadata { boot: 1, current, dead: Set::default(), decided: Set::default() },
            proposals: BTreeSet::new(),
            drive,
            node,
            left: Left { deletes, gets, crashes, repeats },
            broken: None,
        }
    }

    /// Whether every append to `segment` is durable and indexed.
    fn is_settled(&self, segment: usize) -> bool {
        let is_in =
            |put: &Put| matches!(put, Put::Appending { place, .. } if place.segment == segment);
        !self.drive.is_dirty(segment) && !self.node.puts.iter().any(is_in)
    }

    /// The runs in `segment` that the index points to.
    fn live(&self, segment: usize) -> Vec<(Data, Place)> {
        let entries = self.node.index.iter().enumerate();
        let entries = entries.filter_map(|(data, place)| Some((data, (*place)?)));
        entries.filter(|(_, place)| place.segment == segment).collect()
    }

    /// Whether a crash now would leave `data` on the drive, and a GET now would find it.
    fn is_stored(&self, data: Data) -> bool {
        let is_it = |run: Run| run.data == data;
        let is_durable = self.drive.scan().iter().any(|&(_, run)| is_it(run));
        let place = self.node.index[data];
        let is_found = place.is_some_and(|place| self.drive.run_at(place).is_some_and(is_it));
        is_durable && (is_found || self.node.phase == Phase::Down)
    }

    /// Whether no client has anything under way.
    fn is_idle(&self) -> bool {
        let is_under_way =
            |put: &Put| matches!(put, Put::Appending { leaving: false, .. } | Put::Written);
        self.node.readers == [Reader::Idle; CORES] && !self.node.puts.iter().any(is_under_way)
    }

    /// Whether nothing but current versions takes room.
    fn is_clean(&self, class: Class) -> bool {
        let current = Set::of(self.metadata.current.into_iter().flatten());
        let indexed = Set::of((0..DATA_IDS).filter(|&data| self.node.index[data].is_some()));
        let is_waste = |segment: usize| {
            let slots = self.drive.segments[segment].slots;
            match class {
                Class::Small => self.drive.is_sealed(segment) && self.live(segment).len() < SLOTS,
                Class::Bulk => slots.iter().any(|slot| match slot.durable {
                    Cell::Run(run) => !current.contains(run.data),
                    Cell::Empty | Cell::Punched => false,
                }),
            }
        };
        indexed == current && self.metadata.dead.is_empty() && !(0..SEGMENTS).any(is_waste)
    }

    /// Data ids that a commit on its way names, if it would take effect.
    fn coming(&self, plant: Option<Plant>) -> impl Iterator<Item = Data> {
        let accepted = move |proposal: &&Proposal| self.metadata.accepts(**proposal, plant);
        self.proposals.iter().filter(accepted).filter_map(|proposal| match proposal.command {
            Command::Commit { data, .. } => Some(data),
            Command::Delete { .. } | Command::Bury { .. } => None,
        })
    }
}

impl Model for Reclaim {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(&self.scope)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.is_none() {
            self.background(state, actions);
            self.outside(state, actions);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        self.step(&mut next, action);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("a current version keeps its bytes", |_, state: &State| {
                state.metadata.current.iter().flatten().all(|&data| state.is_stored(data))
            }),
            Property::always("a reader finds the right bytes", |_, state: &State| {
                state.broken.is_none()
            }),
            Property::always("a leased data id keeps its bytes", |_, state: &State| {
                let mut leases = state.node.readers.iter().filter_map(|reader| reader.lease());
                leases.all(|data| state.is_stored(data))
            }),
            Property::always(
                "what a commit may still name is not freed",
                |model, state: &State| state.coming(model.plant).all(|data| state.is_stored(data)),
            ),
            Property::always("a buried row was freed durably", |model, state: &State| {
                let buried = state.proposals.iter().filter_map(|proposal| match proposal.command {
                    Command::Bury { rows } => Some(rows),
                    Command::Commit { .. } | Command::Delete { .. } => None,
                });
                buried.into_iter().all(|rows| model.is_free_durable(state, rows))
            }),
            Property::always("nothing leaks for good", |model, state: &State| {
                let settled = || model.settle(state);
                !state.is_idle()
                    || settled().is_some_and(|settled| settled.is_clean(model.scope.class))
            }),
            Property::sometimes("a dead version is leased", |_, state: &State| {
                let mut leases = state.node.readers.iter().filter_map(|reader| reader.lease());
                leases.any(|data| state.metadata.dead.contains(data))
            }),
            Property::sometimes("a reader holds an outdated place", |_, state: &State| {
                state.node.readers.iter().any(|reader| match *reader {
                    Reader::Placed { data, place } => {
                        state.drive.run_at(place).is_some_and(|run| run.data != data)
                    }
                    _ => false,
                })
            }),
            Property::sometimes("a commit is too old", |_, state: &State| {
                state.proposals.iter().any(|proposal| {
                    matches!(proposal.command, Command::Commit { .. })
                        && proposal.boot < state.metadata.boot
                })
            }),
            Property::sometimes("a crash leaves two copies", |_, state: &State| {
                let found = state.drive.scan();
                let ids = Set::of(found.iter().map(|(_, run)| run.data));
                state.node.phase == Phase::Down && ids.iter().count() < found.len()
            }),
            Property::sometimes("a run is freed while it is being copied", |_, state: &State| {
                state.node.copy.is_some_and(|copy| state.node.index[copy.data].is_none())
            }),
            Property::sometimes(
                "the sweep finds a run that was buried or orphaned",
                |_, state: &State| state.node.doomed.is_some(),
            ),
        ]
    }
}
