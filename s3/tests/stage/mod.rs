//! A simulated node that serves S3 from formatted drives, and a client that signs with aws-sigv4.
#![allow(dead_code, reason = "each test binary uses a part")]

pub mod form;
pub mod sign;

use bytes::Bytes;
use hamster_core::ids::{BootNumber, ClusterUuid, DriveOrdinal, DriveUuid, NodeId};
use hamster_core::sim::{DiskControl, Node, World};
use hamster_core::{Core, Entropy, Queue, WallTime, mesh};
use hamster_meta::command::FoundCluster;
use hamster_meta::mirror::MirrorSet;
use hamster_meta::open::MirrorDirectory;
use hamster_meta::record::{Drive, DriveState, Node as NodeRecord, ProfileChoice};
use hamster_meta::state::{Storage, twin::TwinWorld};
use hamster_meta::{Command, Meta, Open, open_metadata_core, open_reader};
use hamster_net::http::client::{Ask, Connection};
use hamster_net::http::{Drain, serve};
use hamster_s3::{Credentials, Keyring, Service, Settings};
use hamster_shard::drive::{self, Superblock};
use hamster_shard::{DriveTable, OpenDrive, ReadMemory};
use sign::{Place, Signing};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

pub const MIB: usize = 1 << 20;
pub const ROOT: (&str, &str) = ("AKIDROOT", "the root's secret");
const NODE: NodeId = NodeId::new(1);
const CLUSTER: ClusterUuid = ClusterUuid::from_bytes([1; 16]);
const USERS: &str = "[[user]]\nid='alice'\nname='Alice'\naccess_key='AKIDALICE'\n\
    secret_key='the secret of alice'\n\
    [[user]]\nid='bob'\nname='Bob'\naccess_key='AKIDBOB'\nsecret_key='the secret of bob'\n";
pub const ALICE: (&str, &str) = ("AKIDALICE", "the secret of alice");
pub const BOB: (&str, &str) = ("AKIDBOB", "the secret of bob");

/// A world with a node that serves.
pub struct Stage {
    pub node: Node,
    client: Core,
    address: SocketAddr,
}

/// Runs `test` beside a node of `cores` cores and `drives` drives.
pub fn on_stage<F: Future<Output = ()> + 'static>(
    seed: u64,
    cores: u16,
    drives: u32,
    test: impl FnOnce(Stage) -> F + 'static,
) {
    let world = World::new(seed);
    let node = world.node(cores);
    let client = world.node(1).core(0);
    world.run(async move {
        let starting = start(node.clone(), drives);
        let address = node.core(0).spawn(Queue::Requests, starting).await.expect("starts");
        test(Stage { node, client, address }).await;
    });
}

fn path(drive: u32) -> PathBuf {
    PathBuf::from(format!("/d{drive}"))
}

fn superblock(drive: u32) -> Superblock {
    Superblock {
        cluster: CLUSTER,
        drive: uuid(drive),
        ordinal: DriveOrdinal::new(drive),
        node: NODE,
        incarnation: 1,
        mirrors: drive::MirrorSet::default(),
    }
}

fn uuid(drive: u32) -> DriveUuid {
    DriveUuid::from_bytes([u8::try_from(drive).expect("few drives"); 16])
}

/// Founds the cluster and serves on every core.
async fn start(node: Node, drives: u32) -> SocketAddr {
    let core = node.core(0);
    for drive in 0..drives {
        let directory = core.disk().create_directory(&path(drive)).await.expect("made");
        drive::format(&directory, &superblock(drive)).await.expect("empty");
    }
    let mut meta_ports = mesh::ports(node.core_count()).into_iter();
    let (meta, readers) = open_metadata_core(
        &core,
        founding(&core, drives).await,
        meta_ports.next().expect("core 0"),
    )
    .await
    .expect("opens");
    found(&meta, drives).await;
    let metas = std::iter::once(meta).chain(
        (1..)
            .zip(meta_ports)
            .map(|(index, port)| open_reader(&node.core(index), readers.clone(), port)),
    );
    let table = Arc::new(DriveTable::new((0..drives).map(DriveOrdinal::new), []));
    let address = SocketAddr::new(node.address(), 9000);
    let mut openings = Vec::new();
    for ((index, meta), port) in (0..).zip(metas).zip(mesh::ports(node.core_count())) {
        let (core, table) = (node.core(index), Arc::clone(&table));
        openings.push(core.clone().spawn(Queue::Requests, async move {
            let mut open = Vec::new();
            for drive in 0..drives {
                let directory = core.disk().directory(&path(drive)).await.expect("there");
                open.push(OpenDrive { directory, superblock: superblock(drive) });
            }
            let shards = hamster_shard::open(&core, open, table, port, 1, ReadMemory::default())
                .await
                .expect("opens");
            let credentials = Credentials::new(Some(ROOT), Some(USERS)).expect("good");
            let settings =
                Settings { region: "us-east-1".to_owned(), domain: None, writer_epoch: 1 };
            let service = Service::new(&core, shards, meta, Keyring::new(credentials), settings);
            let listener = core.network().listen(address).expect("free");
            let serving = serve(core.clone(), listener, None, Rc::new(service), Drain::new());
            core.spawn(Queue::Requests, serving);
        }));
    }
    for opening in openings {
        opening.await.expect("opens");
    }
    address
}

async fn founding(core: &Core, drives: u32) -> Open {
    let mut mirrors = Vec::new();
    for drive in 0..drives.min(3) {
        let directory = core.disk().directory(&path(drive)).await.expect("there");
        let directory = directory.subdirectory("meta").await.expect("made");
        mirrors.push(MirrorDirectory { drive: DriveOrdinal::new(drive), directory });
    }
    Open {
        node: NODE,
        storage: Storage::Twin(TwinWorld::default()),
        founding: true,
        recorded: MirrorSet::default(),
        mirrors,
        record: Box::new(|_| Box::pin(async { Ok(()) })),
    }
}

async fn found(meta: &Meta, drives: u32) {
    let node = NodeRecord {
        id: NODE,
        name: "n1".to_owned(),
        host: "h1".to_owned(),
        zone: "z1".to_owned(),
        address: "10.0.0.1:7946".to_owned(),
        boot: BootNumber::new(0),
    };
    let drives = (0..drives)
        .map(|drive| Drive {
            ordinal: DriveOrdinal::new(drive),
            uuid: uuid(drive),
            node: NODE,
            weight: 1,
            state: DriveState::Live,
            incarnation: 1,
        })
        .collect();
    let found = FoundCluster {
        cluster: CLUSTER,
        name: "test".to_owned(),
        profile: ProfileChoice::Auto,
        node,
        drives,
        root_id: String::new(),
    };
    meta.propose(Command::Found(found)).await.expect("founded");
    meta.propose(Command::Boot { node: NODE }).await.expect("booted");
}

/// Bytes that differ everywhere and follow from a seed.
pub fn body(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Entropy::seeded(seed).fill(&mut bytes);
    bytes
}

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    /// The texts of every element of this name, in order.
    pub fn elements(&self, name: &str) -> Vec<&str> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let behind = self.text().split(&open).skip(1);
        behind.filter_map(|rest| rest.split_once(&close)).map(|(text, _)| text).collect()
    }

    /// Status and code of an error document.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status, self.elements("Code").first().copied().unwrap_or_default())
    }
}

/// A connection whose requests are signed by one user.
pub struct Client {
    core: Core,
    address: SocketAddr,
    connection: Connection,
    user: (&'static str, &'static str),
}

impl Stage {
    pub async fn root(&self) -> Client {
        self.client(ROOT).await
    }

    pub async fn client(&self, user: (&'static str, &'static str)) -> Client {
        let core = self.client.clone();
        let address = self.address;
        let connection = Connection::connect(&core, address, None).await.expect("serves");
        Client { core, address, connection, user }
    }

    pub fn disk(&self, drive: u32) -> DiskControl {
        self.node.disk(path(drive))
    }
}

impl Client {
    /// Sends a signed request.
    pub async fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let signed = self.sign(method, target, headers, body);
        let headers: Vec<_> =
            signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.send_as_is(method, target, &headers, body).await
    }

    /// Sends a request whose headers are all given, but for the host.
    pub async fn send_as_is(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        if !self.connection.is_reusable() {
            let connection = Connection::connect(&self.core, self.address, None).await;
            self.connection = connection.expect("serves");
        }
        let headers: Vec<_> =
            [("host", "hamster")].into_iter().chain(headers.iter().copied()).collect();
        let ask = Ask { method, target, headers: &headers, body: Bytes::copy_from_slice(body) };
        let (answer, body) = self.connection.request(ask, 64 * MIB).await.expect("an answer");
        let headers =
            answer.headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Answer { status: answer.status, headers: headers.collect(), body }
    }

    /// The time by the client's clock.
    pub fn now(&self) -> WallTime {
        self.core.clock().wall()
    }

    pub async fn get(&mut self, target: &str) -> Answer {
        self.send("GET", target, &[], b"").await
    }

    pub async fn put(&mut self, target: &str, body: &[u8]) -> Answer {
        self.send("PUT", target, &[], body).await
    }

    fn sign(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Vec<(String, String)> {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
        let payload = hex::encode(hash);
        let signing =
            Signing { user: self.user, at: self.now(), place: Place::Header, payload: &payload };
        signing.sign(method, target, headers).1
    }
}
