//! What one core can do with bytes in its cache: copying, hashing, coding, encrypting.

use super::Line;
use super::windows::float;
use crate::clock;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest;
use bytes::Bytes;
use hamster_core::checksum::Crc64;
use hamster_core::limits::{CHUNK_BYTES_MAX, SLICE_BYTES};
use hamster_core::{Buffer, BufferPool, ByteCount, Entropy};
use hamster_shard::code::{Encoder, Restorer};
use md5::{Digest, Md5};
use std::hint::black_box;
use std::time::Duration;

/// Time for one kind of work.
const TIME: Duration = Duration::from_millis(300);
/// One window holds at least this much work: the clock's own cost vanishes.
const WINDOW: Duration = Duration::from_micros(500);
/// The profile measured.
const DATA: u8 = 4;
/// See [`DATA`].
const PARITY: u8 = 2;

/// Instruction sets whose absence explains a slow line.
const INSTRUCTIONS: [&str; 6] = ["sha_ni", "aes", "vaes", "gfni", "avx2", "avx512f"];

/// As the kernel tells it: the model, and which of [`INSTRUCTIONS`] it has.
pub fn name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
    };
    let flags: Vec<&str> = field("flags").split_ascii_whitespace().collect();
    let (has, lacks): (Vec<&str>, Vec<&str>) =
        INSTRUCTIONS.into_iter().partition(|wanted| flags.contains(wanted));
    format!("{}; has {}; lacks {}", field("model name"), has.join(" "), lacks.join(" "))
}

/// All of it.
pub fn measure() -> Vec<Line> {
    let chunk = vec![0x5a_u8; CHUNK_BYTES_MAX.as_usize()];
    let mut lines =
        vec![copy("memcpy 1 MiB (cache)", 1 << 20), copy("memcpy 64 MiB (memory)", 64 << 20)];
    lines.push(time("MD5, one stream", chunk.len(), || {
        black_box(Md5::digest(black_box(&chunk)));
    }));
    lines.push(time("SHA-256", chunk.len(), || {
        black_box(digest::digest(&digest::SHA256, black_box(&chunk)));
    }));
    lines.push(time("CRC-64/NVME", chunk.len(), || {
        black_box(Crc64::of(black_box(&chunk)));
    }));
    lines.push(encrypt(chunk));
    lines.extend(code());
    lines
}

fn copy(what: &str, bytes: usize) -> Line {
    let from = vec![1u8; bytes];
    let mut to = vec![0u8; bytes];
    time(what, bytes, || black_box(&mut to[..]).copy_from_slice(black_box(&from)))
}

fn encrypt(mut chunk: Vec<u8>) -> Line {
    let key = UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("a key of 32 bytes");
    let key = LessSafeKey::new(key);
    time("AES-256-GCM, 64 KiB chunks", chunk.len(), || {
        let nonce = Nonce::assume_unique_for_key([1; 12]);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), black_box(&mut chunk));
        let _ = black_box(tag.expect("the chunk is short"));
    })
}

/// Encoding and restoring as the product does both, on slices as long as its own.
fn code() -> [Line; 2] {
    let slices = u64::from(DATA + PARITY) + 1;
    let pool = BufferPool::new(ByteCount::new(slices * SLICE_BYTES.get()));
    let entropy = Entropy::seeded(1);
    let slice = || pool.try_take(SLICE_BYTES).expect("within the budget");
    let mut data: Vec<Buffer> = (0..DATA).map(|_| slice()).collect();
    data.iter_mut().for_each(|slice| entropy.fill(slice));
    let mut parity: Vec<Buffer> = (0..PARITY).map(|_| slice()).collect();
    let (encoder, length) = (Encoder::default(), SLICE_BYTES.as_usize());
    let bytes = usize::from(DATA) * length;
    let encode = time("Reed-Solomon 4+2 encode, 256 KiB slices", bytes, || {
        encoder.encode(black_box(&data), black_box(&mut parity), length);
    });
    // The worst case: two data slices are lost, both parity slices stand in.
    let shards = (0..).zip(data.into_iter().chain(parity).map(Buffer::freeze));
    let survivors: Vec<(u8, Bytes)> = shards.skip(usize::from(PARITY)).collect();
    let (restorer, mut output) = (Restorer::default(), slice());
    let decode = time("Reed-Solomon 4+2 decode, 2 data slices lost", bytes, || {
        for lost in 0..PARITY {
            restorer.restore(DATA, PARITY, lost, black_box(&survivors), black_box(&mut output));
        }
    });
    [encode, decode]
}

/// Repeats `work` on `bytes` for a while, in windows.
fn time(what: &str, bytes: usize, mut work: impl FnMut()) -> Line {
    let mut repeat = |rounds: u64| {
        let start = clock::now();
        for _ in 0..rounds {
            work();
        }
        clock::now().since(start)
    };
    repeat(2);
    let mut rounds = 1;
    while repeat(rounds) < WINDOW {
        rounds *= 2;
    }
    let end = clock::now() + TIME;
    let mut seconds = Vec::new();
    while clock::now() < end {
        seconds.push(repeat(rounds).as_secs_f64() / float(rounds));
    }
    seconds.sort_unstable_by(f64::total_cmp);
    let bytes = float(u64::try_from(bytes).expect("usize fits in 64 bits"));
    let rate = |seconds: Option<&f64>| seconds.map_or(0.0, |seconds| bytes / seconds / 1e9);
    Line {
        what: what.to_owned(),
        unit: "GB/s",
        best: rate(seconds.first()),
        median: rate(seconds.get(seconds.len() / 2)),
        p50_us: None,
        p99_us: None,
    }
}
