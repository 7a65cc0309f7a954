//! What concerns a whole process: signals, descriptors, being killed. Without a test harness, whose
//! threads would not block the signals and would have descriptors of their own.

use hamster_core::environment::{Signal, signals};
use hamster_core::uring::runtime::{RuntimeConfig, available_cpus, run};
use hamster_core::{ByteCount, Core, Queue};
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const CHILD: &str = "write-and-wait-for-the-end";

fn main() {
    let mut arguments = std::env::args().skip(1);
    if let (Some(CHILD), Some(path)) = (arguments.next().as_deref(), arguments.next()) {
        return write_for_ever(PathBuf::from(path));
    }
    let facts: [(&str, fn()); 4] = [
        ("a_signal_reaches_the_core_that_listens", signal_reaches_the_core),
        ("cores_that_end_leave_no_descriptors", cores_leave_no_descriptors),
        ("the_lock_of_a_killed_owner_is_free_soon", lock_of_a_killed_owner),
        // Why the last: the signals stay pending.
        ("signals_that_come_late_do_not_kill_the_process", late_signals_kill_nobody),
    ];
    for (name, fact) in facts {
        fact();
        println!("test {name} ... ok");
    }
}

fn config() -> RuntimeConfig {
    RuntimeConfig::new(vec![available_cpus().expect("the kernel says")[0]])
}

fn signal_reaches_the_core() {
    let main = |core| async move {
        let mut signals = signals(&core).expect("descriptors");
        for (name, expected) in
            [("-HUP", Signal::Reload), ("-TERM", Signal::Stop), ("-INT", Signal::Stop)]
        {
            let own = std::process::id().to_string();
            let killed = Command::new("kill").args([name, &own]).status();
            assert!(killed.expect("kill runs").success());
            assert_eq!(signals.next().await.expect("open"), expected);
        }
    };
    run(config(), main).expect("no panic");
}

fn late_signals_kill_nobody() {
    run(config(), |_core| async {}).expect("no panic");
    for signal in ["-TERM", "-HUP", "-INT"] {
        let own = std::process::id().to_string();
        let killed = Command::new("kill").args([signal, &own]).status();
        assert!(killed.expect("kill runs").success());
    }
}

fn cores_leave_no_descriptors() {
    // Ends in the middle of everything: a listener, connections, a send that is blocked, a sleep.
    let busy = |core: Core| async move {
        let mut listener = core.network().listen((Ipv4Addr::LOCALHOST, 0).into()).expect("listen");
        let near = core.network().connect(listener.address()).await.expect("connect");
        let (far, _) = listener.accept().await.expect("accept");
        core.spawn(Queue::Requests, async move { listener.accept().await.map(drop) });
        core.spawn(Queue::Background, async move { near.send(vec![0; 64 << 20].into()).await });
        assert!(far.receive().await.expect("open").is_some());
        let clock = core.clock().clone();
        core.spawn(Queue::Latency, async move {
            clock.sleep(std::time::Duration::from_secs(3600)).await;
            drop(far);
        });
        core.tasks().yield_now().await;
    };
    let descriptors = || std::fs::read_dir("/proc/self/fd").expect("/proc").count();
    run(config(), busy).expect("no panic");
    let before = descriptors();
    for _ in 0..5 {
        run(config(), busy).expect("no panic");
    }
    // Threads that end let go of their last descriptor in their own time.
    let settled = (0..1_000_000).any(|_| {
        std::thread::yield_now();
        descriptors() <= before
    });
    assert!(settled, "{} descriptors, {before} before", descriptors());
}

/// Locks the directory and writes to a file in it until the process is killed.
fn write_for_ever(path: PathBuf) {
    let main = move |core: Core| {
        let path = path.clone();
        async move {
            let directory = core.disk().directory(&path).await.expect("open");
            let _lock = directory.lock().await.expect("lock").expect("free");
            let size = ByteCount::mib(4);
            let file = directory.create("file", size, false).await.expect("create");
            println!("locked");
            std::io::stdout().flush().expect("a pipe");
            loop {
                let buffer = core.buffers().take(size).await;
                file.write_at(0, buffer).await.1.expect("write");
            }
        }
    };
    run(config(), main).expect("no panic");
}

fn lock_of_a_killed_owner() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let mut owner = start_owner(place.path());
    let mut line = String::new();
    BufReader::new(owner.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    assert_eq!(line.trim(), "locked");
    owner.kill().expect("it runs");
    let path = place.path().to_owned();
    let main = move |core: Core| {
        let path = path.clone();
        async move {
            let directory = core.disk().directory(&path).await.expect("open");
            assert!(directory.lock().await.expect("lock").is_some());
        }
    };
    run(config(), main).expect("no panic");
    owner.wait().expect("it ran");
}

fn start_owner(path: &Path) -> Child {
    let own = std::env::current_exe().expect("its path");
    let mut command = Command::new(own);
    command.arg(CHILD).arg(path).stdout(Stdio::piped());
    command.spawn().expect("the test binary runs")
}
