//! Runs tasks and timers of all cores of a world on one thread, in an order drawn from the seed.

use super::fault::{Fault, Tally};
use super::seed::{Concern, Happened, Streams, Trace};
use crate::entropy::Entropy;
use crate::environment::Signal;
use crate::ids::CoreIndex;
use crate::limits::SIMULATED_POLLS_MAX;
use crate::runtime::Core;
use crate::sync::Event;
use crossbeam::queue::SegQueue;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

/// A poll takes a virtual time below this, so that a busy loop cannot stop the clock.
const POLL_NANOS_MAX: u64 = 1000;

/// One start of a node (or the world itself). What it owns ends with it.
pub(crate) struct Boot {
    pub alive: Cell<bool>,
    /// Its cores, by index. Emptied at the end: cores and their handles refer to each other.
    pub cores: RefCell<Vec<Core>>,
    /// What its process was sent and has not taken.
    pub signals: RefCell<VecDeque<Signal>>,
    pub signalled: Event,
    /// Its process stands still.
    pub paused: Cell<bool>,
    /// What waits for it to go on.
    held: RefCell<Held>,
    /// How much longer each poll of a core takes than it should, and until when the last one does.
    slow: RefCell<BTreeMap<CoreIndex, Slow>>,
    /// How much longer the work of workers of a name takes, in nanoseconds.
    pub slow_work: RefCell<BTreeMap<String, u64>>,
}

#[derive(Default)]
struct Held {
    tasks: Vec<TaskId>,
    acts: Vec<Act>,
}

#[derive(Clone, Copy, Default)]
struct Slow {
    nanos: u64,
    busy_until: u64,
}

impl Boot {
    pub fn new() -> Rc<Self> {
        Rc::new(Self {
            alive: Cell::new(true),
            cores: RefCell::default(),
            signals: RefCell::default(),
            signalled: Event::default(),
            paused: Cell::new(false),
            held: RefCell::default(),
            slow: RefCell::default(),
            slow_work: RefCell::default(),
        })
    }
}

pub(crate) type TaskId = u64;
pub(crate) type TimerId = (u64, u64);
type BoxedFuture = Pin<Box<dyn Future<Output = ()>>>;
type Payload = Box<dyn Any + Send>;

pub(crate) struct Executor {
    seed: u64,
    streams: Streams,
    ready: Arc<SegQueue<TaskId>>,
    now: Cell<u64>,
    polls: Cell<u64>,
    trace: Trace,
    state: RefCell<State>,
    panic: RefCell<Option<Payload>>,
    panics_expected: Cell<bool>,
    /// Of tasks that could run, the newest does.
    newest_first: Cell<bool>,
    struck: Tally,
}

#[derive(Default)]
struct State {
    /// Names tasks and timers, never twice.
    number_next: u64,
    runnable: Vec<TaskId>,
    tasks: BTreeMap<TaskId, Slot>,
    timers: BTreeMap<TimerId, Timer>,
    /// Cancelled tasks. Dropped between polls: a drop may call back into whoever cancelled.
    ended: Vec<Slot>,
}

struct Slot {
    boot: Rc<Boot>,
    core: Option<Core>,
    wake: Arc<TaskWake>,
    /// Taken out while it is polled.
    future: Option<BoxedFuture>,
}

struct TaskWake {
    id: TaskId,
    queued: AtomicBool,
    ready: Arc<SegQueue<TaskId>>,
}

impl Wake for TaskWake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.ready.push(self.id);
        }
    }
}

enum Timer {
    Wake(Waker),
    /// A task of a slow core may run.
    Run(TaskId),
    Act(Act),
}

/// Something that happens by itself, whether or not a task still waits for it.
struct Act {
    boot: Rc<Boot>,
    /// Under way in a device: may still happen when the node crashes before it has completed.
    in_device: bool,
    work: Box<dyn FnOnce()>,
}

impl Executor {
    pub fn new(seed: u64) -> Rc<Self> {
        Rc::new(Self {
            seed,
            streams: Streams::new(seed),
            ready: Arc::new(SegQueue::new()),
            now: Cell::new(0),
            polls: Cell::new(0),
            trace: Trace::default(),
            state: RefCell::default(),
            panic: RefCell::new(None),
            panics_expected: Cell::new(false),
            newest_first: Cell::new(false),
            struck: Tally::default(),
        })
    }

    pub fn now(&self) -> u64 {
        self.now.get()
    }

    pub fn entropy(&self, concern: Concern) -> &Entropy {
        self.streams.of(concern)
    }

    /// A number in `[low, high)` from the stream of `concern`.
    pub fn between(&self, concern: Concern, low: u64, high: u64) -> u64 {
        low + self.entropy(concern).below(high - low)
    }

    pub fn note(&self, happened: Happened, subject: u64) {
        self.trace.fold(self.now(), happened, subject);
    }

    /// A fault has struck at `place`.
    pub fn strike(&self, fault: Fault, place: &str) {
        self.note(Happened::Struck, fault as u64);
        self.struck.count(fault, place);
    }

    pub fn struck(&self) -> super::fault::Struck {
        self.struck.all()
    }

    /// Whether something that happens so many times in a million happens now. Draws nothing for
    /// what never does.
    pub fn chance(&self, per_million: u32) -> bool {
        per_million > 0 && self.entropy(Concern::Faults).below(1_000_000) < u64::from(per_million)
    }

    pub fn run_newest_first(&self, newest_first: bool) {
        self.newest_first.set(newest_first);
    }

    /// The process of `boot` stands still, or goes on.
    pub fn pause(&self, boot: &Rc<Boot>, paused: bool) {
        boot.paused.set(paused);
        if paused {
            return;
        }
        let Held { tasks, acts } = boot.held.take();
        self.state.borrow_mut().runnable.extend(tasks);
        for act in acts {
            self.act(self.now(), act);
        }
    }

    /// Each poll of a core takes so much longer from now on.
    pub fn slow_down(&self, boot: &Boot, core: CoreIndex, nanos: u64) {
        boot.slow.borrow_mut().entry(core).or_default().nanos = nanos;
    }

    pub fn trace_hash(&self) -> u64 {
        self.trace.hash()
    }

    /// Starts a task, unless its owner has ended.
    pub fn spawn(&self, boot: &Rc<Boot>, core: Option<Core>, future: BoxedFuture) -> TaskId {
        let mut state = self.state.borrow_mut();
        let id = state.number();
        let wake = Arc::new(TaskWake {
            id,
            queued: AtomicBool::new(false),
            ready: Arc::clone(&self.ready),
        });
        wake.wake_by_ref();
        let slot = Slot { boot: Rc::clone(boot), core, wake, future: Some(future) };
        if boot.alive.get() {
            state.tasks.insert(id, slot);
        } else {
            state.ended.push(slot);
        }
        id
    }

    /// Ends a task before its next poll.
    pub fn cancel(&self, id: TaskId) {
        let mut state = self.state.borrow_mut();
        if let Some(slot) = state.tasks.remove(&id) {
            state.ended.push(slot);
        }
    }

    pub fn wake_at(&self, deadline: u64, waker: Waker) -> TimerId {
        self.state.borrow_mut().timer(deadline, Timer::Wake(waker))
    }

    pub fn forget_timer(&self, id: TimerId) {
        let timer = self.state.borrow_mut().timers.remove(&id);
        drop(timer);
    }

    /// Has `work` happen at `time`, if `boot` lives until then.
    pub fn act_at(&self, time: u64, boot: &Rc<Boot>, work: impl FnOnce() + 'static) {
        self.act(time, Act { boot: Rc::clone(boot), in_device: false, work: Box::new(work) });
    }

    /// As [`Executor::act_at`], in a device: if `boot` ends first, it may happen all the same.
    pub fn act_in_device(&self, time: u64, boot: &Rc<Boot>, work: impl FnOnce() + 'static) {
        self.act(time, Act { boot: Rc::clone(boot), in_device: true, work: Box::new(work) });
    }

    fn act(&self, time: u64, act: Act) {
        if act.boot.alive.get() {
            self.state.borrow_mut().timer(time, Timer::Act(act));
        }
    }

    /// A task or work panicked: the run ends, unless panics are expected.
    pub fn panicked(&self, payload: Payload) {
        if !self.panics_expected.get() {
            self.stop(payload);
        }
    }

    /// The run ends with this panic.
    pub fn stop(&self, payload: Payload) {
        self.panic.borrow_mut().get_or_insert(payload);
    }

    pub fn expect_panics(&self) {
        self.panics_expected.set(true);
    }

    /// Runs until `done`.
    pub fn run_until(&self, done: &Cell<bool>) {
        while !done.get() {
            self.step();
            if let Some(payload) = self.panic.borrow_mut().take() {
                eprintln!("simulation: seed {}, {} ns of virtual time", self.seed, self.now());
                std::panic::resume_unwind(payload);
            }
        }
    }

    fn step(&self) {
        let ended = std::mem::take(&mut self.state.borrow_mut().ended);
        ended.into_iter().for_each(Slot::end);
        let mut state = self.state.borrow_mut();
        state.runnable.extend(std::iter::from_fn(|| self.ready.pop()));
        if !state.runnable.is_empty() {
            let id = self.draw(&mut state.runnable);
            let may_run = self.may_run(&mut state, id);
            drop(state);
            if may_run {
                self.poll(id);
            }
        } else if let Some(&(deadline, _)) = state.timers.keys().next() {
            drop(state);
            self.now.set(self.now().max(deadline));
        } else {
            let tasks = state.tasks.len();
            panic!("deadlock (seed {}): {tasks} tasks wait, and nothing can wake any", self.seed);
        }
        self.fire_timers();
    }

    /// Takes the task to run next.
    fn draw(&self, runnable: &mut Vec<TaskId>) -> TaskId {
        let count = runnable.len() as u64;
        let drawn = match self.newest_first.get() {
            true if count > 1 => {
                self.strike(Fault::TaskReorder, "runnable");
                count - 1
            }
            _ => self.entropy(Concern::Scheduling).below(count),
        };
        runnable.swap_remove(usize::try_from(drawn).expect("below a length"))
    }

    /// Whether a task that was drawn may run now; if not, it does when it may.
    fn may_run(&self, state: &mut State, id: TaskId) -> bool {
        let Some(slot) = state.tasks.get(&id) else { return false };
        let boot = Rc::clone(&slot.boot);
        if boot.paused.get() {
            boot.held.borrow_mut().tasks.push(id);
            return false;
        }
        let Some(core) = slot.core.as_ref().map(Core::index) else { return true };
        let mut slow = boot.slow.borrow_mut();
        let Some(slow) = slow.get_mut(&core).filter(|slow| slow.nanos > 0) else { return true };
        if slow.busy_until > self.now() {
            state.timer(slow.busy_until, Timer::Run(id));
            return false;
        }
        slow.busy_until = self.now() + slow.nanos;
        self.strike(Fault::SlowCore, "poll");
        true
    }

    fn poll(&self, id: TaskId) {
        let mut state = self.state.borrow_mut();
        let Some(slot) = state.tasks.get_mut(&id) else { return };
        slot.wake.queued.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&slot.wake));
        let core = slot.core.clone();
        let mut future = slot.future.take().expect("a task is polled by one");
        drop(state);
        self.polls.set(self.polls.get() + 1);
        assert!(self.polls.get() < SIMULATED_POLLS_MAX, "runs away (seed {})", self.seed);
        let nanos = self.between(Concern::Scheduling, 1, POLL_NANOS_MAX);
        self.now.set(self.now() + nanos);
        self.note(Happened::Polled, id);
        let former = Core::set_current(core);
        let ready = future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut state = self.state.borrow_mut();
        let slot = match state.tasks.get_mut(&id) {
            Some(slot) if !ready => {
                slot.future = Some(future);
                None
            }
            Some(_) => state.tasks.remove(&id),
            // It was cancelled while it ran.
            None => None,
        };
        drop(state);
        drop(slot);
        Core::set_current(former);
    }

    fn fire_timers(&self) {
        loop {
            let mut state = self.state.borrow_mut();
            let Some(entry) = state.timers.first_entry() else { return };
            if entry.key().0 > self.now() {
                return;
            }
            let timer = entry.remove();
            drop(state);
            match timer {
                Timer::Wake(waker) => waker.wake(),
                Timer::Run(id) => self.state.borrow_mut().runnable.push(id),
                // Why not what is in a device: it goes on.
                Timer::Act(act) if act.boot.paused.get() && !act.in_device => {
                    let boot = Rc::clone(&act.boot);
                    boot.held.borrow_mut().acts.push(act);
                }
                Timer::Act(act) => (act.work)(),
            }
        }
    }

    /// Ends everything that `boot` owns. Of what its devices have under way, some still happens.
    pub fn end(&self, boot: &Rc<Boot>) {
        boot.alive.set(false);
        self.note(Happened::Crashed, 0);
        drop(boot.held.take());
        let mut state = self.state.borrow_mut();
        let of_boot = |slot: &Slot| Rc::ptr_eq(&slot.boot, boot);
        let tasks: Vec<Slot> =
            state.tasks.extract_if(.., |_, slot| of_boot(slot)).map(|(_, slot)| slot).collect();
        let acts: Vec<Timer> = state
            .timers
            .extract_if(
                ..,
                |_, timer| matches!(timer, Timer::Act(act) if Rc::ptr_eq(&act.boot, boot)),
            )
            .map(|(_, timer)| timer)
            .collect();
        drop(state);
        for timer in acts {
            if let Timer::Act(Act { in_device: true, work, .. }) = timer
                && self.entropy(Concern::Disk).below(2) == 0
            {
                work();
            }
        }
        tasks.into_iter().for_each(Slot::end);
        let ended = std::mem::take(&mut self.state.borrow_mut().ended);
        ended.into_iter().for_each(Slot::end);
        boot.cores.take();
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.number_next += 1;
        self.number_next
    }

    fn timer(&mut self, time: u64, timer: Timer) -> TimerId {
        let id = (time, self.number());
        self.timers.insert(id, timer);
        id
    }
}

impl Slot {
    /// Drops the task's future on its core.
    fn end(self) {
        let former = Core::set_current(self.core.clone());
        drop(self);
        Core::set_current(former);
    }
}
