//! An HTTP server that answers every request alike, to measure what the backend costs: compare with
//! the figures in `deploy/docs/adr/0001-raw-ring-inside-glommio.md`.
//!
//! `hello [port] [seconds] [cpu] [file]`: with a file (64 MiB, made if need be) each request reads
//! 4 KiB of it first, at random. Drive it with `taskset -c 1 wrk -t1 -c64 -d5 http://127.0.0.1:PORT/`.

use bytes::Bytes;
use hamster_core::uring::runtime::{RuntimeConfig, books, run};
use hamster_core::{ByteCount, Core, File, Queue, Stream};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const HEAD_END: &[u8] = b"\r\n\r\n";
const FILE_BYTES: ByteCount = ByteCount::mib(64);
const BLOCK: ByteCount = ByteCount::kib(4);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u16| match arguments.next() {
        Some(text) => text.parse::<u16>().expect("a number"),
        None => default,
    };
    let (port, seconds, cpu) = (number(9100), number(6), number(0));
    let file = arguments.next().map(PathBuf::from);
    let config = RuntimeConfig::new(vec![usize::from(cpu)]);
    let served = run(config, move |core| {
        let file = file.clone();
        async move {
            serve(core, port, Duration::from_secs(u64::from(seconds)), file).await.expect("serve");
        }
    });
    served.expect("the runtime runs");
}

async fn serve(core: Core, port: u16, duration: Duration, path: Option<PathBuf>) -> io::Result<()> {
    let file = match path {
        Some(path) => Some(open(&core, &path).await?),
        None => None,
    };
    let mut listener = core.network().listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    let accepting = core.clone();
    core.spawn(Queue::Requests, async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (core, file) = (accepting.clone(), file.clone());
            accepting.spawn(Queue::Requests, async move {
                // A client that leaves is no error here.
                drop(connection(&core, stream, file).await);
            });
        }
    });
    core.clock().sleep(duration).await;
    println!("{:?}", books(&core));
    Ok(())
}

async fn open(core: &Core, path: &Path) -> io::Result<File> {
    let directory = core.disk().create_directory(path.parent().unwrap_or(Path::new("."))).await?;
    let name = path.file_name().and_then(|name| name.to_str()).expect("a file's name");
    match directory.open(name).await {
        Ok(file) => Ok(file),
        Err(_) => directory.create(name, FILE_BYTES, true).await,
    }
}

async fn connection(core: &Core, stream: Stream, file: Option<File>) -> io::Result<()> {
    let mut tail: Vec<u8> = Vec::new();
    while let Some(received) = stream.receive().await? {
        let requests = if tail.is_empty() {
            count_heads(&received, &mut tail)
        } else {
            let mut joined = std::mem::take(&mut tail);
            joined.extend_from_slice(&received);
            count_heads(&joined, &mut tail)
        };
        drop(received);
        for _ in 0..requests {
            if let Some(file) = &file {
                let block = core.entropy().below(FILE_BYTES.get() / BLOCK.get());
                let buffer = core.buffers().take(BLOCK).await;
                let (_, length) = file.read_at(block * BLOCK.get(), buffer).await;
                assert_eq!(length?, BLOCK.as_usize());
            }
        }
        match requests {
            0 => {}
            1 => stream.send(Bytes::from_static(ANSWER)).await?,
            many => stream.send(Bytes::from(ANSWER.repeat(many))).await?,
        }
    }
    Ok(())
}

/// How many request heads end in `bytes`; what follows the last goes to `tail`.
fn count_heads(bytes: &[u8], tail: &mut Vec<u8>) -> usize {
    let (mut from, mut count) = (0, 0);
    while let Some(at) = bytes[from..].windows(HEAD_END.len()).position(|window| window == HEAD_END)
    {
        from += at + HEAD_END.len();
        count += 1;
    }
    tail.extend_from_slice(&bytes[from..]);
    count
}
