//! Nodes as an operator runs them: the real binary, real directories, real signals.
//!
//! Called by the end-to-end tests. A node is stopped by its process id when its handle is dropped,
//! also in a panic, and by the kernel if the whole test program dies.

mod command;
mod port;

pub use command::{Finished, run};

use crate::client::Client;
use crate::clock;
use crate::sign::Credentials;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A node must serve this long after its start.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// A node must be gone this long after SIGTERM: its own bound on draining, and some.
const STOP_PATIENCE: Duration = Duration::from_secs(60);
/// Any other command of the product.
const COMMAND_PATIENCE: Duration = Duration::from_secs(60);
/// For the answer of a node that speaks TLS to what is none.
const TLS_PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Of a node's log, shown with a failure.
const LOG_LINES_SHOWN: usize = 60;

/// The first root key of every node under test.
pub fn root() -> Credentials {
    Credentials { access_key: "hamster".to_owned(), secret_key: "keep-this-one-secret".to_owned() }
}

/// One node, running or not.
pub struct Node {
    binary: PathBuf,
    home: tempfile::TempDir,
    drives: Vec<PathBuf>,
    /// Where it serves S3.
    pub s3: SocketAddr,
    /// Where it answers commands and other nodes.
    pub listen: SocketAddr,
    /// Further flags of `serve`.
    pub flags: Vec<String>,
    child: Option<Child>,
}

impl Node {
    /// A node that is not founded yet, with its directories in a new one inside `parent`.
    pub fn new(binary: &Path, parent: &Path, drives: usize) -> Self {
        std::fs::create_dir_all(parent).expect("the parent can be made");
        let home = tempfile::Builder::new().prefix("node-").tempdir_in(parent);
        let home = home.expect("the parent takes a directory");
        let drives = (0..drives).map(|drive| home.path().join(format!("d{drive}"))).collect();
        let (s3, listen) = (port::free(), port::free());
        let binary = binary.to_owned();
        Self { binary, home, drives, s3, listen, flags: Vec::new(), child: None }
    }

    /// A node that was founded and serves.
    pub fn serving(binary: &Path, parent: &Path, drives: usize) -> Self {
        let mut node = Self::new(binary, parent, drives);
        node.init().assert_ok();
        node.start();
        node
    }

    /// Its own directory: drives, log and whatever a test puts there; removed with the node.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Its data directories.
    pub fn drives(&self) -> &[PathBuf] {
        &self.drives
    }

    /// `hamster init`.
    pub fn init(&self) -> Finished {
        run(&mut self.init_command(), COMMAND_PATIENCE)
    }

    /// `hamster init` as a command, to be run by the caller.
    pub fn init_command(&self) -> Command {
        let mut command = self.command("init");
        command.args(["--listen", &self.listen.to_string()]);
        self.with_drives(&mut command);
        command
    }

    /// `hamster serve` as a command, to be changed or run by the caller.
    pub fn serve_command(&self) -> Command {
        let mut command = self.command("serve");
        self.with_drives(&mut command);
        command.args(["--s3", &self.s3.to_string(), "--listen", &self.listen.to_string()]);
        command.args(&self.flags);
        command
    }

    /// `hamster status` of `data_dir`, whatever is there.
    pub fn status_of(&self, data_dir: &Path) -> Finished {
        run(self.command("status").arg("--data-dir").arg(data_dir), COMMAND_PATIENCE)
    }

    /// Starts it and waits until it serves.
    pub fn start(&mut self) {
        let command = self.serve_command();
        self.start_with(command);
    }

    /// As [`Node::start`], by another command of the same meaning.
    pub fn start_with(&mut self, mut command: Command) {
        assert!(self.child.is_none(), "it runs already");
        let log = File::options().create(true).append(true).open(self.log_path());
        let log = log.expect("the log can be written");
        command.stdin(Stdio::null()).stderr(log.try_clone().expect("a descriptor")).stdout(log);
        die_with_this_thread(&mut command);
        self.child = Some(command.spawn().expect("the binary starts"));
        let deadline = clock::now() + START_PATIENCE;
        while !self.serves() {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "the node ended at its start, {ended:?}");
            assert!(clock::now() < deadline, "the node does not serve in {START_PATIENCE:?}");
            clock::sleep(LOOK_AGAIN);
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal(libc::SIGTERM);
    }

    /// Sends SIGHUP.
    pub fn reload(&self) {
        self.signal(libc::SIGHUP);
    }

    /// Waits until its log says `words`.
    pub fn wait_for_log(&self, words: &str) {
        let deadline = clock::now() + START_PATIENCE;
        let said = || std::fs::read_to_string(self.log_path()).unwrap_or_default();
        while !said().contains(words) {
            assert!(clock::now() < deadline, "the log does not say '{words}'");
            clock::sleep(LOOK_AGAIN);
        }
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = clock::now() + STOP_PATIENCE;
        loop {
            let child = self.child.as_mut().expect("it runs");
            if let Some(status) = child.try_wait().expect("a child of this process") {
                self.child = None;
                return status;
            }
            assert!(clock::now() < deadline, "the node does not end in {STOP_PATIENCE:?}");
            clock::sleep(LOOK_AGAIN);
        }
    }

    /// SIGTERM; it must drain and exit with 0.
    pub fn stop(&mut self) {
        self.terminate();
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "a drained node exits with 0");
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.kill_now();
        self.wait();
    }

    /// kill -9, for a caller that waits later.
    pub fn kill_now(&self) {
        self.signal(libc::SIGKILL);
    }

    /// A client with the root key.
    pub fn client(&self) -> Client {
        Client::new(&self.s3.to_string(), root(), "us-east-1")
    }

    /// `hamster status --json`.
    pub fn status(&self) -> serde_json::Value {
        let json = self.status_with(&["--json"]);
        serde_json::from_str(&json).expect("status --json prints JSON")
    }

    /// What `hamster status` prints, with these further flags.
    pub fn status_with(&self, flags: &[&str]) -> String {
        let finished = self.ask("status", flags);
        finished.assert_ok();
        finished.stdout
    }

    /// A command that asks the running node, with these arguments.
    pub fn ask(&self, name: &str, arguments: &[&str]) -> Finished {
        let mut command = self.command(name);
        command.args(arguments).args(["--addr", &self.listen.to_string()]);
        let is_drive = |drive: &&PathBuf| drive.join("node.hamster").is_file();
        command.arg("--data-dir").arg(self.drives.iter().find(is_drive).expect("a drive is left"));
        run(&mut command, COMMAND_PATIENCE)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.binary);
        let Credentials { access_key, secret_key } = root();
        command
            .arg(name)
            .current_dir(self.home())
            .env("HAMSTER_ACCESS_KEY_ID", access_key)
            .env("HAMSTER_SECRET_ACCESS_KEY", secret_key);
        command
    }

    fn with_drives<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for drive in &self.drives {
            command.arg("--data-dir").arg(drive);
        }
        command
    }

    /// Does it answer HTTP? An unsigned request is refused, which is an answer.
    fn serves(&self) -> bool {
        let request = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n";
        let Ok(mut connection) = TcpStream::connect(self.s3) else { return false };
        if !self.flags.iter().any(|flag| flag == "--tls-cert") {
            return self.client().exchange("GET", request, &[]).is_ok();
        }
        // To what is no handshake TLS answers with an alert.
        let patient = connection.set_read_timeout(Some(TLS_PATIENCE));
        let asked = patient.and_then(|()| connection.write_all(request));
        asked.and_then(|()| connection.read(&mut [0; 16])).is_ok_and(|length| length > 0)
    }

    fn signal(&self, signal: libc::c_int) {
        let pid = libc::pid_t::try_from(self.pid()).expect("a process id");
        // SAFETY: no pointers; the process is a child that was not waited for.
        let status = unsafe { libc::kill(pid, signal) };
        assert_eq!(status, 0, "the node runs");
    }

    fn log_path(&self) -> PathBuf {
        self.home().join("serve.log")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Nothing can be done about either result; the kernel has the last word.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.log_path()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let shown = lines.len().saturating_sub(LOG_LINES_SHOWN);
            eprintln!("-- log of the node at {}:\n{}", self.s3, lines[shown..].join("\n"));
        }
    }
}

/// The kernel kills the command with the thread that started it: no server outlives its test.
fn die_with_this_thread(command: &mut Command) {
    // SAFETY: prctl is safe between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}
