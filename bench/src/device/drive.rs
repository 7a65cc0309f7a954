//! What the drive under a directory can do, through the same handles as the product: direct I/O on
//! io_uring, into a file written once up front.

use super::windows::{WINDOW, Windows};
use super::{DeviceError, Line};
use futures_util::future::try_join_all;
use hamster_core::limits::BLOCK_BYTES;
use hamster_core::uring::runtime::{RuntimeConfig, available_cpus, run};
use hamster_core::{ByteCount, Core, Directory, File};
use std::cell::{Cell, RefCell};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// The file measured on.
const NAME: &str = "hamster-bench-device.tmp";
/// Its length.
const FILE_BYTES: ByteCount = ByteCount::gib(1);
/// Windows of one measurement: two seconds.
const WINDOWS: usize = 10;
const LARGE_BYTES: ByteCount = ByteCount::mib(1);
/// Large requests in flight: enough to keep a drive streaming.
const LARGE_DEPTH: u64 = 8;

/// All of it, on a core of its own on the last CPU.
pub fn measure(directory: &Path) -> Result<Vec<Line>, DeviceError> {
    let cpu = available_cpus()?.pop().unwrap_or(0);
    let found: Arc<Mutex<Option<io::Result<Vec<Line>>>>> = Arc::default();
    let (place, path) = (Arc::clone(&found), directory.to_owned());
    run(RuntimeConfig::new(vec![cpu]), move |core| {
        let (place, path) = (Arc::clone(&place), path.clone());
        async move {
            let lines = in_directory(&core, &path).await;
            *place.lock().expect("nobody panics with it") = Some(lines);
        }
    })?;
    let found = found.lock().expect("nobody panics with it").take();
    let found = found.unwrap_or_else(|| Err(io::Error::other("the core ended early")));
    found.map_err(|error| DeviceError::Drive(directory.to_owned(), error))
}

async fn in_directory(core: &Core, path: &Path) -> io::Result<Vec<Line>> {
    let directory = core.disk().directory(path).await?;
    let lines = in_file(core, &directory).await;
    let removed = directory.remove(NAME).await;
    let lines = lines?;
    removed.map(|()| lines)
}

async fn in_file(core: &Core, directory: &Directory) -> io::Result<Vec<Line>> {
    let file = directory.create(NAME, FILE_BYTES, true).await?;
    file.sync().await?;
    let probe = Probe { core, file: &file };
    let mut lines = vec![
        probe.synced_writes("4 KiB append and fdatasync", BLOCK_BYTES, "/s", 1.0).await?,
        probe.synced_writes("1 MiB write and fdatasync each", LARGE_BYTES, "MB/s", MB).await?,
        probe.large_writes().await?,
    ];
    for depth in [1, 32, 64] {
        let what = format!("4 KiB random reads, {depth} in flight");
        lines.push(probe.reads(&what, BLOCK_BYTES, depth, ("/s", 1.0)).await?);
    }
    let what = format!("1 MiB reads, {LARGE_DEPTH} in flight");
    lines.push(probe.reads(&what, LARGE_BYTES, LARGE_DEPTH, ("MB/s", MB)).await?);
    Ok(lines)
}

/// A MiB in MB.
const MB: f64 = 1.048_576;

struct Probe<'a> {
    core: &'a Core,
    file: &'a File,
}

impl Probe<'_> {
    /// One after the other, each made durable before the next.
    async fn synced_writes(
        &self,
        what: &str,
        length: ByteCount,
        unit: &'static str,
        worth: f64,
    ) -> io::Result<Line> {
        let clock = self.core.clock();
        let mut buffer = self.core.buffers().take(length).await;
        self.core.entropy().fill(&mut buffer);
        let mut windows = Windows::new(clock.now(), WINDOWS);
        let mut offset = 0;
        while clock.now() < windows.end() {
            let from = clock.now();
            let (back, written) = self.file.write_at(offset, buffer).await;
            written?;
            self.file.sync().await?;
            windows.add(from, clock.now());
            buffer = back;
            offset = (offset + length.get()) % FILE_BYTES.get();
        }
        Ok(windows.line(what, unit, worth))
    }

    /// Many in flight, one after the other through the file; a sync at the end of each window.
    async fn large_writes(&self) -> io::Result<Line> {
        let clock = self.core.clock();
        let windows = RefCell::new(Windows::new(clock.now(), WINDOWS));
        let end = windows.borrow().end();
        let next = Cell::new(0);
        let writer = async || {
            let mut buffer = self.core.buffers().take(LARGE_BYTES).await;
            self.core.entropy().fill(&mut buffer);
            while clock.now() < end {
                let offset = next.get();
                next.set((offset + LARGE_BYTES.get()) % FILE_BYTES.get());
                let from = clock.now();
                let (back, written) = self.file.write_at(offset, buffer).await;
                written?;
                windows.borrow_mut().add(from, clock.now());
                buffer = back;
            }
            io::Result::Ok(())
        };
        let syncer = async || {
            while clock.now() < end {
                clock.sleep(WINDOW).await;
                self.file.sync().await?;
            }
            io::Result::Ok(())
        };
        let writers = try_join_all((0..LARGE_DEPTH).map(|_| writer()));
        futures_util::future::try_join(writers, syncer()).await?;
        let what = format!("1 MiB writes, {LARGE_DEPTH} in flight, synced 5/s");
        Ok(windows.into_inner().line(&what, "MB/s", MB))
    }

    /// From random places, `depth` in flight.
    async fn reads(
        &self,
        what: &str,
        length: ByteCount,
        depth: u64,
        (unit, worth): (&'static str, f64),
    ) -> io::Result<Line> {
        let clock = self.core.clock();
        let windows = RefCell::new(Windows::new(clock.now(), WINDOWS));
        let end = windows.borrow().end();
        let places = FILE_BYTES.get() / length.get();
        let reader = async || {
            let mut buffer = self.core.buffers().take(length).await;
            while clock.now() < end {
                let offset = self.core.entropy().below(places) * length.get();
                let from = clock.now();
                let (back, read) = self.file.read_at(offset, buffer).await;
                if read? != length.as_usize() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                windows.borrow_mut().add(from, clock.now());
                buffer = back;
            }
            io::Result::Ok(())
        };
        try_join_all((0..depth).map(|_| reader())).await?;
        Ok(windows.into_inner().line(what, unit, worth))
    }
}
