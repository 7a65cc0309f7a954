//! What joins the nodes: who listens where, and how long bytes take from one node to another.

use super::connection::{Connection, Stream};
use super::link::{Fate, Link, given_up};
use super::{ECONNREFUSED, EHOSTUNREACH, error};
use crate::limits::SIMULATED_BACKLOG_CONNECTIONS;
use crate::sim::executor::{Boot, Executor};
use crate::sim::fault::Fault;
use crate::sim::seed::Concern;
use crate::sync::{Receiver, Sender, channel, oneshot};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::rc::{Rc, Weak};

/// The first port given to those who ask for none.
const FREE_PORT_FIRST: u16 = 32_768;
/// How long bytes take at least and at most, in nanoseconds: within a node, and between two.
const LOOPBACK_NANOS: Range<u64> = 5_000..30_000;
const WIRE_NANOS: Range<u64> = 40_000..300_000;

type Backlog = Sender<(Stream, SocketAddr)>;

/// The network of a world.
pub(crate) struct Switch {
    pub executor: Rc<Executor>,
    /// The world's own: bytes under way outlive the node that sent them.
    boot: Rc<Boot>,
    /// The nodes there are.
    hosts: RefCell<Vec<IpAddr>>,
    listeners: RefCell<BTreeMap<SocketAddr, Vec<Backlog>>>,
    connections: RefCell<Vec<Weak<Connection>>>,
    port_next: Cell<u16>,
    /// Those that are not without fault.
    links: RefCell<BTreeMap<Route, Link>>,
    /// What waits for a clogged link.
    held: RefCell<BTreeMap<Route, Vec<Sending>>>,
}

/// Puts a packet on the way.
type Sending = Box<dyn FnOnce()>;
/// From one host to another.
type Route = (IpAddr, IpAddr);

impl Switch {
    pub fn new(executor: &Rc<Executor>, boot: &Rc<Boot>) -> Rc<Self> {
        Rc::new(Self {
            executor: Rc::clone(executor),
            boot: Rc::clone(boot),
            hosts: RefCell::default(),
            listeners: RefCell::default(),
            connections: RefCell::default(),
            port_next: Cell::new(FREE_PORT_FIRST),
            links: RefCell::default(),
            held: RefCell::default(),
        })
    }

    /// See [`Link`]. What waited for it is sent now.
    pub fn set_link(&self, from: IpAddr, to: IpAddr, link: Link) {
        self.links.borrow_mut().insert((from, to), link);
        let held = self.held.borrow_mut().remove(&(from, to));
        held.into_iter().flatten().for_each(|send| send());
    }

    /// What becomes of a packet that is sent now, for the first time or again.
    pub(super) fn fate(&self, from: IpAddr, to: IpAddr, attempt: u32) -> Fate {
        let link = self.links.borrow().get(&(from, to)).copied().unwrap_or_default();
        link.fate(&self.executor, attempt, &format!("{from}>{to}"))
    }

    /// Has `send` wait until the link is set anew.
    pub fn hold(&self, from: IpAddr, to: IpAddr, send: impl FnOnce() + 'static) {
        self.held.borrow_mut().entry((from, to)).or_default().push(Box::new(send));
    }

    /// Resets one of the connections that are open.
    pub fn reset_any(self: &Rc<Self>) {
        let open: Vec<_> = self.connections.borrow().iter().filter_map(Weak::upgrade).collect();
        if !open.is_empty() {
            let drawn = self.executor.entropy(Concern::Faults).below(open.len() as u64);
            self.executor.strike(Fault::Reset, "open");
            open[usize::try_from(drawn).expect("below a length")].sever(self);
        }
    }

    pub fn add_host(&self, host: IpAddr) {
        self.hosts.borrow_mut().push(host);
    }

    /// Ends what the process on `host` had open, as its kernel does: peers are told by resets.
    pub fn reset_host(self: &Rc<Self>, host: IpAddr) {
        let connections = self.connections.borrow().clone();
        for connection in connections.iter().filter_map(Weak::upgrade) {
            connection.reset_from(self, host);
        }
        self.listeners.borrow_mut().retain(|address, _| address.ip() != host);
    }

    pub fn free_port(&self) -> u16 {
        let port = self.port_next.get();
        self.port_next.set(port.checked_add(1).unwrap_or(FREE_PORT_FIRST));
        port
    }

    pub fn listen(&self, address: SocketAddr) -> Receiver<(Stream, SocketAddr)> {
        let (sender, backlog) = channel(SIMULATED_BACKLOG_CONNECTIONS);
        self.listeners.borrow_mut().entry(address).or_default().push(sender);
        backlog
    }

    /// A connection from `host` to one of those who listen on `to`.
    pub fn connect(self: &Rc<Self>, host: IpAddr, to: SocketAddr) -> io::Result<Stream> {
        if !self.hosts.borrow().contains(&to.ip()) {
            return Err(error(EHOSTUNREACH));
        }
        let backlog = self.draw_listener(to).ok_or_else(|| error(ECONNREFUSED))?;
        let from = SocketAddr::new(host, self.free_port());
        let connection = Connection::new([host, to.ip()]);
        let mut connections = self.connections.borrow_mut();
        // Now and then is enough: what is left is a few words for each.
        if connections.len().is_power_of_two() {
            connections.retain(|connection| connection.strong_count() > 0);
        }
        connections.push(Rc::downgrade(&connection));
        drop(connections);
        let [stream, accepted] = Stream::pair(self, &connection);
        backlog.try_send((accepted, from)).map_err(|_| error(ECONNREFUSED))?;
        Ok(stream)
    }

    fn draw_listener(&self, address: SocketAddr) -> Option<Backlog> {
        let mut listeners = self.listeners.borrow_mut();
        let backlogs = listeners.get_mut(&address)?;
        backlogs.retain(|backlog| !backlog.is_closed());
        let count = backlogs.len() as u64;
        let drawn = (count > 0).then(|| self.executor.entropy(Concern::Network).below(count))?;
        backlogs.get(usize::try_from(drawn).ok()?).cloned()
    }

    /// How long the next bytes take, in nanoseconds.
    pub fn latency(&self, from: IpAddr, to: IpAddr) -> u64 {
        let nanos = if from == to { LOOPBACK_NANOS } else { WIRE_NANOS };
        self.executor.between(Concern::Network, nanos.start, nanos.end)
    }

    /// Has `work` happen at `time` (not before now).
    pub fn act_at(&self, time: u64, work: impl FnOnce() + 'static) {
        self.executor.act_at(time, &self.boot, work);
    }

    /// Waits as long as a lone packet takes, sent again as often as it must.
    pub async fn pass(&self, from: IpAddr, to: IpAddr) -> io::Result<()> {
        let mut attempt = 0;
        loop {
            let (sender, passed) = oneshot();
            let pass = move || sender.send(()).unwrap_or_default();
            let latency = self.latency(from, to);
            let arrives = match self.fate(from, to, attempt) {
                Fate::Arrives { later, .. } => {
                    self.act_at(self.executor.now() + latency + later, pass);
                    true
                }
                Fate::Again { after } => {
                    self.act_at(self.executor.now() + after, pass);
                    attempt += 1;
                    false
                }
                Fate::Waits => {
                    self.hold(from, to, pass);
                    false
                }
                Fate::Resets => return Err(error(ECONNREFUSED)),
                Fate::GivenUp => return Err(given_up()),
            };
            // An error: the world has ended, and so will the one who waits.
            passed.await.unwrap_or_default();
            if arrives {
                return Ok(());
            }
        }
    }
}
