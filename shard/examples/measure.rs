//! What this crate does on real drives, one core: `measure DIRECTORY [SECONDS]`. Makes six drives
//! below the directory and leaves them there.

use bytes::Bytes;
use hamster_core::ids::{ClusterUuid, DataId, DriveOrdinal, DriveUuid, NodeId};
use hamster_core::uring::runtime::{RuntimeConfig, available_cpus, run};
use hamster_core::{Core, Queue, mesh};
use hamster_shard::drive::{self, Inspection, MirrorSet, Superblock};
use hamster_shard::{DriveTable, Location, OpenDrive, Plan, ReadMemory, Shards, open};
use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const DRIVES: u32 = 6;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let root = PathBuf::from(arguments.next().expect("a directory"));
    let seconds: u64 = arguments.next().map_or(3, |text| text.parse().expect("seconds"));
    let cpus = available_cpus().expect("some");
    let main = move |core: Core| {
        let root = root.clone();
        async move { measure(core, &root, Duration::from_secs(seconds)).await }
    };
    run(RuntimeConfig::new(cpus[..1].to_vec()), main).expect("runs");
}

async fn start(core: &Core, root: &Path) -> (Shards, Arc<DriveTable>) {
    let mut drives = Vec::new();
    for number in 0..DRIVES {
        let path = root.join(format!("d{number}"));
        let directory = core.disk().create_directory(&path).await.expect("made");
        let superblock = Superblock {
            cluster: ClusterUuid::from_bytes([1; 16]),
            drive: DriveUuid::random(core.entropy()),
            ordinal: DriveOrdinal::new(number),
            node: NodeId::new(1),
            incarnation: 1,
            mirrors: MirrorSet::default(),
        };
        if drive::inspect(&directory).await.expect("readable") == Inspection::Empty {
            drive::format(&directory, &superblock).await.expect("formatted");
        }
        let (superblock, lock) = drive::lock(&directory).await.expect("ours");
        std::mem::forget(lock);
        drives.push(OpenDrive { directory, superblock });
    }
    let table = Arc::new(DriveTable::new((0..DRIVES).map(DriveOrdinal::new), []));
    let port = mesh::ports(1).remove(0);
    let before = core.clock().now();
    let shards = open(core, drives, Arc::clone(&table), port, 1, ReadMemory::default())
        .await
        .expect("opens");
    println!("opened in {:?}", core.clock().now().since(before));
    (shards, table)
}

/// Runs `connections` loops of `work` for a while; prints rate and figures per second.
async fn load<F: Future<Output = u64> + 'static>(
    core: &Core,
    name: &str,
    connections: u32,
    time: Duration,
    work: impl Fn() -> F + Clone + 'static,
) {
    let (done, bytes) = (Rc::new(Cell::new(0_u64)), Rc::new(Cell::new(0_u64)));
    let start = core.clock().now();
    let end = start + time;
    let tasks: Vec<_> = (0..connections)
        .map(|_| {
            let (core_, work) = (core.clone(), work.clone());
            let (done, bytes) = (Rc::clone(&done), Rc::clone(&bytes));
            core.spawn(Queue::Requests, async move {
                while core_.clock().now() < end {
                    let moved = work().await;
                    bytes.set(bytes.get() + moved);
                    done.set(done.get() + 1);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    let seconds = core.clock().now().since(start).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    let (done, bytes) = (done.get() as f64 / seconds, bytes.get() as f64 / seconds / 1e6);
    println!("{name:32} c={connections:<3} {done:10.0}/s {bytes:9.1} MB/s");
}

fn plan(shards: &Shards, k: u8, m: u8) -> Plan {
    let core = Core::current();
    let data = DataId::random_in(shards.owned_partition(), core.entropy());
    let start = u32::try_from(core.entropy().below(u64::from(DRIVES))).expect("few");
    let targets = (0..u32::from(k + m)).map(|shard| DriveOrdinal::new((start + shard) % DRIVES));
    Plan { data, k, m, slice_bytes: 256 << 10, targets: targets.collect() }
}

async fn put_large(shards: Shards, body: Bytes) -> Location {
    let mut writer = shards.writer(plan(&shards, 4, 2));
    for piece in body.chunks(64 << 10) {
        writer.write(piece).await.expect("live");
    }
    writer.finish().await.expect("live").into_location()
}

async fn get(shards: Shards, location: Rc<Location>) -> u64 {
    let mut reader = shards.read(location, 0..u64::MAX);
    let mut length = 0;
    while let Some(bytes) = reader.next().await {
        length += bytes.expect("readable").len() as u64;
    }
    length
}

async fn measure(core: Core, root: &Path, time: Duration) {
    let (shards, table) = start(&core, root).await;
    let small = Bytes::from(vec![7; 4096]);
    let large = Bytes::from(vec![9; 1 << 20]);
    let first = shards.write_small(plan(&shards, 1, 2), small.clone()).await.expect("live");
    let first_large = put_large(shards.clone(), large.clone()).await;

    let figures = |name: &str| {
        let status = table.status();
        let sum = |of: fn(&drive::DriveStatus) -> u64| status.iter().map(of).sum::<u64>();
        println!(
            "  {name}: {} syncs, {} writes, {} reads, {} used, {} preallocated",
            sum(|one| one.syncs),
            sum(|one| one.writes),
            sum(|one| one.reads),
            hamster_core::ByteCount::new(sum(|one| one.used.get())),
            hamster_core::ByteCount::new(sum(|one| one.preallocated.get())),
        );
    };
    for connections in [1, 64, 256] {
        let (handle, body) = (shards.clone(), small.clone());
        load(&core, "PUT 4 KiB 1+2", connections, time, move || {
            let (handle, body) = (handle.clone(), body.clone());
            async move {
                handle.write_small(plan(&handle, 1, 2), body).await.expect("live");
                4096
            }
        })
        .await;
        figures("after");
    }
    let written = Rc::new(RefCell::new(vec![Rc::new(first_large)]));
    for connections in [1, 64] {
        let (handle, body, written) = (shards.clone(), large.clone(), Rc::clone(&written));
        load(&core, "PUT 1 MiB 4+2", connections, time, move || {
            let (handle, body, written) = (handle.clone(), body.clone(), Rc::clone(&written));
            async move {
                let location = put_large(handle, body).await;
                written.borrow_mut().push(Rc::new(location));
                1 << 20
            }
        })
        .await;
        figures("after");
    }
    let hot = Rc::new(first.into_location());
    let handle = shards.clone();
    load(&core, "GET 4 KiB cached", 1, time, move || get(handle.clone(), Rc::clone(&hot))).await;
    let (handle, hot) = (shards.clone(), Rc::clone(&written.borrow()[0]));
    load(&core, "GET 1 MiB cached", 1, time, move || get(handle.clone(), Rc::clone(&hot))).await;
    for connections in [1, 16, 64] {
        let (handle, written, next) = (shards.clone(), Rc::clone(&written), Rc::new(Cell::new(0)));
        load(&core, "GET 1 MiB scan", connections, time, move || {
            let written = written.borrow();
            next.set((next.get() + 1) % written.len());
            get(handle.clone(), Rc::clone(&written[next.get()]))
        })
        .await;
    }
    table.fail(DriveOrdinal::new(0), drive::Failure::Lost, "for the measurement");
    table.fail(DriveOrdinal::new(3), drive::Failure::Lost, "for the measurement");
    for connections in [1, 16] {
        let (handle, written, next) = (shards.clone(), Rc::clone(&written), Rc::new(Cell::new(0)));
        load(&core, "GET 1 MiB scan, 2 drives lost", connections, time, move || {
            let written = written.borrow();
            next.set((next.get() + 1) % written.len());
            get(handle.clone(), Rc::clone(&written[next.get()]))
        })
        .await;
    }
    figures("at the end");
    println!("cache: {:?}", shards.cache_figures());
}
