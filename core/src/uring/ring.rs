//! One io_uring of one core: its queues, and what completions do to the slots.
//!
//! Called by `driver` (turns) and by `request`, `multishot`, `network` and `disk` (entries). Rules:
//! * A slot is freed by the final completion of its request only; until then it owns the memory.
//!   Dropping a future marks its slot as orphan, and cancels what can be cancelled.
//! * Entries that name sockets, closes included, leave in one FIFO: a `close(2)` beside the ring
//!   could let the number be reused while an older entry that names it still waits. The order also
//!   makes a cancel harmless whose slot was taken again: the new entry stands behind it.
//! * Nothing is dropped or woken while the state is borrowed: both may come back here.

use super::lock::Locks;
use super::receive_buffers::{BUFFER_BYTES, ReceiveBuffers};
use super::slot::{Accept, Arrival, Once, Receive, Receiving, Slot, Slots};
use super::system;
use crate::clock::Instant;
use crate::limits;
use io_uring::{IoUring, cqueue, opcode, squeue::Entry, types};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::task::Waker;
use std::time::Duration;

/// `user_data` of requests whose completion tells nothing: cancels, closes.
const NOBODY: u64 = u64::MAX;
/// `user_data` of the driver's timer.
const TIMER: u64 = u64::MAX - 1;

/// When the kernel runs the second half of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskRun {
    /// Only inside our own enter (Linux 6.1).
    Deferred,
    /// At any system call of ours (Linux 5.19).
    Cooperative,
    /// Whenever it likes, by interrupting us.
    Interrupting,
}

/// The ring of one core. It belongs to the thread that made it.
pub(super) struct Ring {
    state: RefCell<State>,
}

/// Fields drop in order: the ring before the memory that it knows.
pub(super) struct State {
    uring: IoUring,
    pub(super) buffers: ReceiveBuffers,
    pub(super) slots: Slots,
    /// Entries for which the submission queue had no room.
    backlog: VecDeque<Entry>,
    /// Disk entries beyond the bound, in order.
    disk_waiting: VecDeque<Entry>,
    disk_in_flight: usize,
    task_run: TaskRun,
    /// Set while the driver sleeps: a new entry wakes it.
    driver: Option<Waker>,
    timer_at: Option<Instant>,
    timer: Box<types::Timespec>,
    /// No request may start any more.
    closing: bool,
    /// The kernel has done what was queued.
    ended: bool,
    enter_failures: u32,
    /// Registered files: locks, which stay as long as the kernel works for this ring.
    locks_held: u32,
    /// To wake and to drop once nothing is borrowed.
    woken: Vec<Waker>,
    finished: Vec<Once>,
}

impl Ring {
    /// A ring for the calling thread, which must be pinned already.
    ///
    /// # Errors
    /// The kernel refuses: see [`probe`](super::probe).
    pub(super) fn new() -> io::Result<Self> {
        let (uring, task_run) = build(limits::RING_ENTRIES)?;
        let buffers = ReceiveBuffers::register(&uring)?;
        uring.submitter().register_files_sparse(limits::DIRECTORY_LOCKS_MAX)?;
        Ok(Self {
            state: RefCell::new(State {
                uring,
                buffers,
                slots: Slots::default(),
                backlog: VecDeque::new(),
                disk_waiting: VecDeque::new(),
                disk_in_flight: 0,
                task_run,
                driver: None,
                timer_at: None,
                timer: Box::default(),
                closing: false,
                ended: false,
                enter_failures: 0,
                locks_held: 0,
                woken: Vec::new(),
                finished: Vec::new(),
            }),
        })
    }

    /// The state, for a short look: no await, no drop of foreign values, no wake inside.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.borrow_mut())
    }

    /// Queues `entry` for the kernel, in order.
    pub(super) fn queue(&self, entry: Entry) {
        let mut state = self.state.borrow_mut();
        state.queue(entry);
        let driver = state.driver.take();
        drop(state);
        driver.into_iter().for_each(Waker::wake);
    }

    /// Closes `descriptor` behind every entry that was queued so far.
    pub(super) fn close(&self, descriptor: RawFd) {
        if self.with(|state| state.ended) {
            // Nothing is queued any more, nor ever handed over.
            system::close(descriptor);
        } else {
            self.queue(close_entry(descriptor));
        }
    }

    /// Asks the kernel to end the request of slot `index` early.
    pub(super) fn cancel(&self, index: usize) {
        self.queue(cancel_entry(index));
    }

    /// Starts a request with one result; its slot.
    pub(super) fn start(&self, entry: Entry, once: Once) -> usize {
        let mut state = self.state.borrow_mut();
        let disk = once.file.is_some();
        let refused = state.closing.then_some(-libc::ECANCELED);
        let index = state.slots.insert(Slot::Once(Once { result: refused, ..once }));
        if refused.is_some() {
            return index;
        }
        let entry = entry.user_data(index as u64);
        if disk && state.disk_in_flight == limits::DISK_REQUESTS_IN_FLIGHT_MAX {
            state.disk_waiting.push_back(entry);
            return index;
        }
        state.disk_in_flight += usize::from(disk);
        state.queue(entry);
        let driver = state.driver.take();
        drop(state);
        driver.into_iter().for_each(Waker::wake);
        index
    }

    /// Holds every lock of `locks` until the kernel is done with the ring's last request.
    pub(super) fn hold(&self, locks: &Locks) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        let seen = usize::try_from(state.locks_held).expect("a small limit");
        for lock in locks.since(seen) {
            let files = [lock.as_raw_fd()];
            state.uring.submitter().register_files_update(state.locks_held, &files)?;
            state.locks_held += 1;
        }
        Ok(())
    }

    /// Has the kernel signal `eventfd` for completions, while [`Ring::signals`] is on.
    pub(super) fn register_eventfd(&self, eventfd: RawFd) -> io::Result<()> {
        self.state.borrow().uring.submitter().register_eventfd(eventfd)
    }

    /// Turns the signals of completions on or off: a flag in memory shared with the kernel.
    pub(super) fn signals(&self, on: bool) {
        let mut state = self.state.borrow_mut();
        let queue = state.uring.completion();
        if on { queue.enable_eventfd() } else { queue.disable_eventfd() }
    }

    /// The driver goes to sleep: the next entry wakes `driver`.
    pub(super) fn set_driver(&self, driver: Option<Waker>) {
        let former = std::mem::replace(&mut self.state.borrow_mut().driver, driver);
        drop(former);
    }

    /// Anything to do without sleeping? The driver's last look before it sleeps.
    pub(super) fn has_work(&self) -> bool {
        let mut state = self.state.borrow_mut();
        if !state.backlog.is_empty() || !state.uring.completion().is_empty() {
            return true;
        }
        let queue = state.uring.submission();
        !queue.is_empty() || queue.taskrun() || queue.cq_overflow()
    }

    /// Has a completion come at `deadline` at the latest, to end the driver's sleep. An earlier one
    /// that is armed already will do: the driver looks again.
    pub(super) fn wake_at(&self, deadline: Instant) {
        let mut state = self.state.borrow_mut();
        if state.timer_at.is_some_and(|armed| armed <= deadline) {
            return;
        }
        if state.timer_at.is_some() {
            state.queue(opcode::TimeoutRemove::new(TIMER).build().user_data(NOBODY));
        }
        state.timer_at = Some(deadline);
        *state.timer = Duration::from_nanos(deadline.nanos()).into();
        // Why boot time: a node that slept must find its leases expired.
        let flags = types::TimeoutFlags::ABS | types::TimeoutFlags::BOOTTIME;
        let timer: *const types::Timespec = &raw const *state.timer;
        state.queue(opcode::Timeout::new(timer).flags(flags).build().user_data(TIMER));
    }

    /// One round: hands entries to the kernel, takes completions, wakes their owners. Returns how
    /// many completions there were.
    pub(super) fn turn(&self) -> usize {
        self.turn_waiting(None)
    }

    /// As [`Ring::turn`], asleep in the kernel until a completion or for `wait`.
    pub(super) fn turn_waiting(&self, wait: Option<Duration>) -> usize {
        let mut state = self.state.borrow_mut();
        state.enter(wait);
        let count = state.reap();
        let mut woken = std::mem::take(&mut state.woken);
        let mut finished = std::mem::take(&mut state.finished);
        drop(state);
        finished.clear();
        woken.drain(..).for_each(Waker::wake);
        let mut state = self.state.borrow_mut();
        state.woken = woken;
        state.finished = finished;
        count
    }

    /// Refuses new requests, cancels all and waits until the kernel holds none of our memory, for
    /// `patience` at most. Returns the slots still live: their memory is never freed.
    pub(super) fn shut_down(&self, patience: Duration) -> usize {
        const STEP: Duration = Duration::from_millis(10);
        self.with(|state| {
            state.closing = true;
            let all = types::CancelBuilder::any().all();
            state.queue(opcode::AsyncCancel2::new(all).build().user_data(NOBODY));
            state.drop_waiting_disk_requests();
        });
        let mut left = patience.as_millis() / STEP.as_millis();
        while left > 0 && self.with(|state| state.in_kernel()) > 0 {
            self.turn_waiting(Some(STEP));
            left -= 1;
        }
        // Closes may still be queued.
        self.turn();
        self.with(|state| {
            state.ended = true;
            state.in_kernel()
        })
    }

    /// (slots in use, receive buffers that are not with the kernel).
    pub(super) fn books(&self) -> (usize, u16) {
        self.with(|state| (state.slots.live(), state.buffers.out()))
    }
}

impl State {
    /// Queues `entry` behind all others.
    pub(super) fn queue(&mut self, entry: Entry) {
        // SAFETY: what the entry points to belongs to its slot (or is the timer's box), which lives
        // until the final completion.
        let queued =
            self.backlog.is_empty() && unsafe { self.uring.submission().push(&entry) }.is_ok();
        if !queued {
            self.backlog.push_back(entry);
        }
    }

    /// No request may start any more.
    pub(super) fn closing(&self) -> bool {
        self.closing
    }

    /// Hands entries to the kernel and runs its deferred work.
    fn enter(&mut self, wait: Option<Duration>) {
        let (length, pending) = {
            let mut queue = self.uring.submission();
            while let Some(entry) = self.backlog.front() {
                // SAFETY: as in `queue`.
                if unsafe { queue.push(entry) }.is_err() {
                    break;
                }
                self.backlog.pop_front();
            }
            queue.sync();
            (queue.len(), queue.taskrun() || queue.cq_overflow())
        };
        let entered = if let Some(wait) = wait {
            let timespec = types::Timespec::from(wait);
            let arguments = types::SubmitArgs::new().timespec(&timespec);
            self.uring.submitter().submit_with_args(1, &arguments)
        } else if length > 0 || pending {
            let length = u32::try_from(length).expect("the queue's size is a u32");
            // Why GETEVENTS with nothing to wait for: it submits and runs deferred work in one call.
            let flags = if self.task_run == TaskRun::Deferred || pending { 1 } else { 0 };
            // SAFETY: no argument block.
            unsafe { self.uring.submitter().enter::<libc::sigset_t>(length, 0, flags, None) }
        } else {
            return;
        };
        match entered {
            Ok(_) => self.enter_failures = 0,
            Err(error) => self.enter_failed(&error),
        }
    }

    /// The kernel took nothing: try again next round, and after many rounds shed what waits.
    fn enter_failed(&mut self, error: &io::Error) {
        match error.raw_os_error() {
            // EBUSY: completions must be taken first, which comes next.
            Some(libc::ETIME | libc::EINTR | libc::EBUSY) => {}
            Some(libc::EAGAIN | libc::ENOMEM) => {
                self.enter_failures += 1;
                if self.enter_failures < limits::RING_ENTER_RETRIES_MAX {
                    return;
                }
                self.enter_failures = 0;
                tracing::warn!("io_uring takes no requests: {error}; those waiting fail");
                let (closes, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.backlog)
                    .into_iter()
                    .partition(|entry| entry.get_user_data() >= TIMER);
                self.backlog.extend(closes);
                for entry in others {
                    self.complete(entry.get_user_data(), -libc::EAGAIN, 0);
                }
            }
            _ => panic!("io_uring_enter was given a wrong argument: {error}"),
        }
    }

    /// Takes every completion that is there.
    fn reap(&mut self) -> usize {
        let mut count = 0;
        loop {
            let completion = self.uring.completion().next();
            let Some(completion) = completion else { break };
            count += 1;
            self.complete(completion.user_data(), completion.result(), completion.flags());
        }
        count
    }

    fn complete(&mut self, user_data: u64, result: i32, flags: u32) {
        match user_data {
            NOBODY => return,
            TIMER => {
                // A removed timer completes as cancelled: another has taken its place.
                if result != -libc::ECANCELED {
                    self.timer_at = None;
                }
                return;
            }
            _ => {}
        }
        let index = usize::try_from(user_data).expect("an index of the slots");
        let last = match self.slots.slot(index) {
            Slot::Free => unreachable!("completion of a free slot"),
            Slot::Once(_) => {
                self.complete_once(index, result);
                false
            }
            Slot::Receive(_) => self.complete_receive(index, result, flags),
            Slot::Accept(_) => self.complete_accept(index, result, flags),
        };
        if last {
            self.slots.remove(index);
        }
    }

    fn complete_once(&mut self, index: usize, result: i32) {
        let once = self.slots.once(index);
        once.result = Some(result);
        self.woken.extend(once.waker.take());
        let (orphan, disk) = (once.orphan, once.file.is_some());
        if disk {
            match self.disk_waiting.pop_front() {
                Some(entry) => self.queue(entry),
                None => self.disk_in_flight -= 1,
            }
        }
        if orphan && let Slot::Once(once) = self.slots.remove(index) {
            self.finished.push(once);
        }
    }

    /// Returns whether the slot is done for.
    fn complete_receive(&mut self, index: usize, result: i32, flags: u32) -> bool {
        let more = cqueue::more(flags);
        let buffer = cqueue::buffer_select(flags);
        let Self { slots, buffers, .. } = self;
        let receive = slots.receive(index);
        if buffer.is_some() {
            buffers.taken();
        }
        let former = if more {
            None
        } else {
            Some(std::mem::replace(&mut receive.receiving, Receiving::Idle))
        };
        if receive.orphan {
            buffer.into_iter().for_each(|buffer| buffers.give_back(buffer));
            return !more;
        }
        let arrival = arrival(receive, former, result, buffer);
        if !matches!(arrival, Some(Arrival::Provided { .. })) {
            // The end of the stream, or an error, may name a buffer too.
            buffer.into_iter().for_each(|buffer| buffers.give_back(buffer));
        }
        receive.arrivals.extend(arrival);
        let pause = receive.arrivals.len() >= limits::RECEIVE_BUFFERS_PER_CONNECTION_MAX
            && matches!(receive.receiving, Receiving::Multishot);
        if pause {
            receive.receiving = Receiving::Pausing;
            receive.flooded = true;
        }
        self.woken.extend(receive.waker.take());
        if pause {
            self.queue(cancel_entry(index));
        }
        false
    }

    /// Returns whether the slot is done for.
    fn complete_accept(&mut self, index: usize, result: i32, flags: u32) -> bool {
        let more = cqueue::more(flags);
        let accept = self.slots.accept(index);
        accept.armed = more;
        if accept.orphan {
            if result >= 0 {
                // Accepted, and nobody will take it.
                self.queue(close_entry(result));
            }
            return !more;
        }
        if result != -libc::ECANCELED || !accept.pausing {
            accept.arrivals.push_back(result);
        }
        // Also when a pause has come to its end: whoever has taken all meanwhile waits, and arms it again.
        self.woken.extend(accept.waker.take());
        let waiting = accept.arrivals.len();
        if more && !accept.pausing && waiting >= limits::ACCEPTED_CONNECTIONS_WAITING_MAX {
            accept.pausing = true;
            self.queue(cancel_entry(index));
        }
        false
    }

    /// Slots whose memory the kernel may still touch.
    fn in_kernel(&mut self) -> usize {
        self.slots.in_kernel()
    }

    /// Fails the disk requests that were never handed over.
    fn drop_waiting_disk_requests(&mut self) {
        for entry in std::mem::take(&mut self.disk_waiting) {
            self.disk_in_flight += 1;
            self.complete(entry.get_user_data(), -libc::ECANCELED, 0);
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        if state.slots.in_kernel() > 0 {
            // Closing the ring ends its requests only later: their memory must stay for good.
            std::mem::forget(std::mem::take(&mut state.slots));
            state.buffers.leak();
        }
    }
}

/// What a completion brings to the task that receives; `former` is what the kernel has ended.
fn arrival(
    receive: &mut Receive,
    former: Option<Receiving>,
    result: i32,
    buffer: Option<u16>,
) -> Option<Arrival> {
    let length = usize::try_from(result).unwrap_or(0);
    match (former, buffer) {
        (Some(Receiving::Own(memory)), _) if length > 0 => Some(Arrival::Own { memory, length }),
        (former, Some(buffer)) if length > 0 => {
            if matches!(former, Some(Receiving::Single)) && length < BUFFER_BYTES {
                receive.flooded = false;
            }
            Some(Arrival::Provided { buffer, length })
        }
        (Some(Receiving::Pausing), _) if result == -libc::ECANCELED => None,
        _ if result == -libc::ENOBUFS => {
            receive.starved = true;
            None
        }
        _ if result == 0 => Some(Arrival::End),
        _ => Some(Arrival::Failed(-result)),
    }
}

/// The best ring that the kernel has.
pub(super) fn build(entries: u32) -> io::Result<(IoUring, TaskRun)> {
    let builder = || {
        let mut builder = IoUring::builder();
        builder.setup_cqsize(entries * limits::RING_COMPLETIONS_PER_ENTRY).setup_clamp();
        builder
    };
    let deferred =
        builder().setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag().build(entries);
    if let Ok(uring) = deferred {
        return Ok((uring, TaskRun::Deferred));
    }
    if let Ok(uring) = builder().setup_coop_taskrun().setup_taskrun_flag().build(entries) {
        return Ok((uring, TaskRun::Cooperative));
    }
    Ok((builder().build(entries)?, TaskRun::Interrupting))
}

fn cancel_entry(index: usize) -> Entry {
    opcode::AsyncCancel::new(index as u64).build().user_data(NOBODY)
}

pub(super) fn close_entry(descriptor: RawFd) -> Entry {
    opcode::Close::new(types::Fd(descriptor)).build().user_data(NOBODY)
}

impl Accept {
    pub(super) fn new() -> Self {
        Self { waker: None, arrivals: VecDeque::new(), armed: false, pausing: false, orphan: false }
    }
}
