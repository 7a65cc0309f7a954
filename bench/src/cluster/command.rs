//! Runs a program to its end, within bounds.

use crate::clock;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Between two looks whether it has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A program that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The command line, for messages.
    pub line: String,
    /// Exit code; `None`: by a signal.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Finished {
    /// # Panics
    /// It failed.
    #[track_caller]
    pub fn assert_ok(&self) {
        let Self { line, code, stdout, stderr } = self;
        assert_eq!(*code, Some(0), "{line}\n-- stdout:\n{stdout}\n-- stderr:\n{stderr}");
    }
}

/// Runs `command` for `patience` at most; then it is killed, which is no exit code.
///
/// # Panics
/// It cannot be started.
pub fn run(command: &mut Command, patience: Duration) -> Finished {
    let line = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{line}: {error}"));
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let deadline = clock::now() + patience;
    std::thread::scope(|scope| {
        // Why threads: a program that fills one pipe would wait for its reader for ever.
        let stdout = scope.spawn(|| read_all(&mut out));
        let stderr = scope.spawn(|| read_all(&mut err));
        let code = loop {
            if let Some(status) = child.try_wait().expect("a child of this process") {
                break status.code();
            }
            if clock::now() > deadline {
                // It may have ended this moment: then there is nothing to kill.
                let _ = child.kill();
                let _ = child.wait();
                eprintln!("{line}: killed after {patience:?}");
                break None;
            }
            clock::sleep(LOOK_AGAIN);
        };
        let stdout = stdout.join().expect("reading does not panic");
        let stderr = stderr.join().expect("reading does not panic");
        Finished { line, code, stdout, stderr }
    })
}

fn read_all(from: &mut Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What came before a failure is all there is to show.
        let _ = from.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
