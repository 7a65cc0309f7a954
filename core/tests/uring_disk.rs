//! The production backend's files.

use hamster_core::disk::EntryKind;
use hamster_core::limits::DISK_REQUESTS_IN_FLIGHT_MAX;
use hamster_core::uring::runtime::{Books, RuntimeConfig, available_cpus, books, run};
use hamster_core::{ByteCount, Core, Directory, Queue};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

const BLOCK: ByteCount = ByteCount::kib(4);

fn in_directory<F: Future<Output = ()> + 'static>(
    main: impl Fn(Core, Directory) -> F + Clone + Send + 'static,
) {
    let place = tempfile::tempdir().expect("a temporary directory");
    let cpu = available_cpus().expect("the kernel says")[0];
    let mut config = RuntimeConfig::new(vec![cpu]);
    config.abort_on_panic = false;
    config.buffer_bytes_per_core = ByteCount::mib(64);
    let path = place.path().to_owned();
    let main = move |core: Core| {
        let (main, path) = (main.clone(), path.clone());
        async move {
            let directory = core.disk().directory(&path).await.expect("open");
            main(core, directory).await;
        }
    };
    run(config, main).expect("no panic");
}

#[test]
fn a_new_file_gives_back_what_was_written() {
    in_directory(|core, directory| async move {
        for written in [false, true] {
            let name = format!("file-{written}");
            let file = directory.create(&name, ByteCount::mib(1), written).await.expect("create");
            assert_eq!(file.length().await.expect("length"), ByteCount::mib(1));
            let mut buffer = core.buffers().take(ByteCount::kib(64)).await;
            // Before any write: a new file reads as zeroes, directly.
            buffer.fill(1);
            let (mut buffer, length) = file.read_at(0, buffer).await;
            assert_eq!(length.expect("read"), 64 << 10);
            assert!(buffer.iter().all(|byte| *byte == 0));
            buffer.fill(7);
            let (mut buffer, done) = file.write_at(4096, buffer).await;
            done.expect("write");
            file.sync().await.expect("sync");
            directory.sync().await.expect("sync");
            buffer.fill(0);
            let again = directory.open(&name).await.expect("open");
            let (buffer, length) = again.read_at(4096, buffer).await;
            assert_eq!(length.expect("read"), 64 << 10);
            assert!(buffer.iter().all(|byte| *byte == 7));
            again.punch(4096, ByteCount::kib(64)).await.expect("punch");
            let (buffer, length) = again.read_at(4096, buffer).await;
            assert_eq!(length.expect("read"), 64 << 10);
            assert!(buffer.iter().all(|byte| *byte == 0));
            assert_eq!(again.length().await.expect("length"), ByteCount::mib(1));
        }
    });
}

#[test]
fn a_read_ends_at_the_end_of_the_file() {
    in_directory(|core, directory| async move {
        let file = directory.create("short", BLOCK, true).await.expect("create");
        let buffer = core.buffers().take(ByteCount::kib(16)).await;
        let (buffer, length) = file.read_at(0, buffer).await;
        assert_eq!(length.expect("read"), BLOCK.as_usize());
        let (_, length) = file.read_at(BLOCK.get(), buffer).await;
        assert_eq!(length.expect("read"), 0);
    });
}

#[test]
fn more_requests_than_the_bound_all_complete() {
    in_directory(|core, directory| async move {
        let count = u64::try_from(DISK_REQUESTS_IN_FLIGHT_MAX).expect("small") * 2;
        let file =
            directory.create("wide", ByteCount::new(count * BLOCK.get()), true).await.expect("new");
        let tasks: Vec<_> = (0..count)
            .map(|block| {
                let (core_, file) = (core.clone(), file.clone());
                core.spawn(Queue::Background, async move {
                    let mut buffer = core_.buffers().take(BLOCK).await;
                    buffer.fill(block.to_le_bytes()[0]);
                    let (buffer, done) = file.write_at(block * BLOCK.get(), buffer).await;
                    done.expect("write");
                    let (buffer, length) = file.read_at(block * BLOCK.get(), buffer).await;
                    assert_eq!(length.expect("read"), BLOCK.as_usize());
                    assert!(buffer.iter().all(|byte| *byte == block.to_le_bytes()[0]));
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
    });
}

#[test]
fn dropped_requests_keep_their_buffers_until_they_are_done() {
    in_directory(|core, directory| async move {
        let file = directory.create("file", ByteCount::mib(1), true).await.expect("create");
        for _ in 0..50 {
            let mut buffer = core.buffers().take(BLOCK).await;
            buffer.fill(9);
            // Polled once, then dropped: the request is with the kernel.
            let write = file.write_at(0, buffer);
            let ended = core.clock().until(core.clock().now(), write).await;
            assert!(ended.is_err());
            drop(core.clock().until(core.clock().now(), file.sync()).await);
        }
        while books(&core) != Some(Books { requests: 0, receive_buffers: 0 }) {
            core.clock().sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(core.buffers().lent(), ByteCount::ZERO);
        let buffer = core.buffers().take(BLOCK).await;
        let (buffer, length) = file.read_at(0, buffer).await;
        assert_eq!(length.expect("read"), BLOCK.as_usize());
        assert!(buffer.iter().all(|byte| *byte == 9), "an abandoned write is not cut short");
    });
}

#[test]
fn a_file_cannot_be_made_twice_nor_larger_than_the_disk() {
    in_directory(|_, directory| async move {
        directory.create("file", BLOCK, false).await.expect("create");
        let again = directory.create("file", BLOCK, false).await.err().expect("refused");
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        let huge = directory.create("huge", ByteCount::gib(1 << 20), false).await;
        assert!(huge.is_err());
        let names: Vec<_> = directory.list().await.expect("list");
        assert_eq!(names.len(), 1, "nothing is left of the file that had no space");
    });
}

#[test]
fn a_file_knows_when_its_directory_was_wiped() {
    in_directory(|_, directory| async move {
        let file = directory.create("file", BLOCK, false).await.expect("create");
        assert!(file.is_linked().await.expect("status"));
        directory.rename("file", "other").await.expect("rename");
        assert!(file.is_linked().await.expect("status"));
        directory.remove("other").await.expect("remove");
        assert!(!file.is_linked().await.expect("status"));
    });
}

#[test]
fn entries_are_listed_by_name_and_kind() {
    in_directory(|core, directory| async move {
        directory.create("b", BLOCK, false).await.expect("create");
        directory.replace_small("a", b"small".to_vec()).await.expect("replace");
        let inner = directory.subdirectory("c").await.expect("make");
        let again = directory.subdirectory("c").await.expect("open");
        inner.create("d", BLOCK, false).await.expect("create");
        assert_eq!(again.list().await.expect("list").len(), 1);
        let entries = directory.list().await.expect("list");
        let seen: Vec<_> =
            entries.iter().map(|entry| (entry.name.as_str(), entry.kind, entry.length)).collect();
        let expected = [
            ("a", EntryKind::File, ByteCount::new(5)),
            ("b", EntryKind::File, BLOCK),
            ("c", EntryKind::Directory, ByteCount::ZERO),
        ];
        assert_eq!(seen, expected);
        let space = directory.space().await.expect("space");
        assert!(space.free > ByteCount::ZERO && space.free <= space.total);
        let deep = directory.path().join("x/y/z");
        core.disk().create_directory(&deep).await.expect("make");
        core.disk().create_directory(&deep).await.expect("it is there");
    });
}

#[test]
fn a_small_file_is_replaced_as_a_whole() {
    in_directory(|_, directory| async move {
        assert_eq!(directory.read_small("vote", BLOCK).await.expect("read"), None);
        for content in [&b"first"[..], b"2"] {
            directory.replace_small("vote", content.to_vec()).await.expect("replace");
            let read = directory.read_small("vote", BLOCK).await.expect("read");
            assert_eq!(read.as_deref(), Some(content));
        }
        directory.replace_small("vote", vec![0; 5000]).await.expect("replace");
        assert!(directory.read_small("vote", BLOCK).await.is_err(), "longer than asked for");
        assert_eq!(directory.list().await.expect("list").len(), 1);
    });
}

#[test]
fn a_locked_directory_is_refused_until_its_owner_lets_go() {
    in_directory(|core, directory| async move {
        let lock = directory.lock().await.expect("lock").expect("free");
        let path: PathBuf = directory.path().to_owned();
        let second = core.disk().directory(&path).await.expect("open");
        // The owner lets go while the other waits.
        let waiting = core.spawn(Queue::Requests, async move { second.lock().await });
        core.clock().sleep(Duration::from_millis(20)).await;
        drop(lock);
        let lock = waiting.await.expect("no panic").expect("lock").expect("free now");
        assert!(directory.lock().await.expect("lock").is_none(), "it is held");
        drop(lock);
    });
}

#[test]
fn a_small_file_tells_whether_others_get_at_it() {
    use std::os::unix::fs::PermissionsExt as _;
    in_directory(|_, directory| async move {
        let most = ByteCount::kib(4);
        assert!(directory.read_private("none", most).await.expect("read").is_none());
        directory.replace_small("key", b"secret".to_vec()).await.expect("written");
        let path = directory.path().join("key");
        for (mode, open) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, permissions).expect("own file");
            let file = directory.read_private("key", most).await.expect("read").expect("there");
            assert_eq!((file.content.as_slice(), file.is_open_to_others), (&b"secret"[..], open));
        }
        assert!(directory.read_private("key", ByteCount::new(3)).await.is_err());
    });
}
