//! What this kernel has of what the backend wants. Asked once, before any core starts.

use super::ring::{self, TaskRun};
use super::runtime::RuntimeError;
use io_uring::{IoUring, opcode};
use std::io;

const DISABLED_SETTING: &str = "/proc/sys/kernel/io_uring_disabled";

/// The operations that the backend cannot do without.
const OPERATIONS: [(u8, &str); 12] = [
    (opcode::Accept::CODE, "accept"),
    (opcode::AsyncCancel::CODE, "cancel"),
    (opcode::Close::CODE, "close"),
    (opcode::Connect::CODE, "connect"),
    (opcode::Fallocate::CODE, "fallocate"),
    (opcode::Fsync::CODE, "fsync"),
    (opcode::Read::CODE, "read"),
    (opcode::Recv::CODE, "receive"),
    (opcode::Send::CODE, "send"),
    (opcode::Shutdown::CODE, "shutdown"),
    (opcode::Timeout::CODE, "timeout"),
    (opcode::Write::CODE, "write"),
];

/// What was found.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The kernel's release, as `uname -r` says it.
    pub kernel: String,
    /// When the kernel runs the second half of requests.
    pub task_run: TaskRun,
}

impl Probe {
    /// One line per feature found or missing, with the fallback taken.
    pub fn lines(&self) -> Vec<String> {
        let task_run = match self.task_run {
            TaskRun::Deferred => "deferred task running: found",
            TaskRun::Cooperative => {
                "deferred task running: missing (before Linux 6.1), cooperative instead; slower"
            }
            TaskRun::Interrupting => {
                "deferred and cooperative task running: missing, interrupting instead; half as fast"
            }
        };
        vec![
            format!("kernel {}", self.kernel),
            "io_uring with multishot accept, multishot receive, provided buffers: found".to_owned(),
            format!("io_uring {task_run}"),
        ]
    }
}

/// Looks at the kernel.
///
/// # Errors
/// It lacks what the backend cannot do without; says what, and what to do about it.
pub fn probe() -> Result<Probe, RuntimeError> {
    let (uring, task_run) = ring::build(8).map_err(|error| refused(&error))?;
    let parameters = uring.params();
    let features = [
        (parameters.is_feature_nodrop(), "never dropping completions"),
        (parameters.is_feature_ext_arg(), "waiting with a timeout"),
        (parameters.is_feature_submit_stable(), "stable submissions"),
        (has_multishot_receive(&kernel_release()), "multishot receive"),
    ];
    let missing = features.iter().find(|(found, _)| !found).map(|(_, feature)| *feature);
    if let Some(feature) = missing.or(missing_operation(&uring)) {
        return Err(RuntimeError::Kernel {
            missing: format!("io_uring has no {feature}"),
            remedy: "run Linux 6.0 or newer".to_owned(),
        });
    }
    Ok(Probe { kernel: kernel_release(), task_run })
}

fn missing_operation(uring: &IoUring) -> Option<&'static str> {
    let mut probe = io_uring::Probe::new();
    if uring.submitter().register_probe(&mut probe).is_err() {
        return Some("probing");
    }
    OPERATIONS.iter().find(|(code, _)| !probe.is_supported(*code)).map(|(_, name)| *name)
}

/// Why by version: no probe tells it. It came with Linux 6.0.
fn has_multishot_receive(release: &str) -> bool {
    let major = release.split('.').next().and_then(|major| major.parse::<u32>().ok());
    major.is_some_and(|major| major >= 6)
}

fn refused(error: &io::Error) -> RuntimeError {
    let setting = std::fs::read_to_string(DISABLED_SETTING).unwrap_or_default();
    let disabled = matches!(setting.trim(), "1" | "2");
    let (missing, remedy) = match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) if disabled => (
            format!("io_uring is disabled (kernel.io_uring_disabled = {})", setting.trim()),
            "run `sysctl -w kernel.io_uring_disabled=0`",
        ),
        Some(libc::EPERM | libc::EACCES) => (
            format!("io_uring is not permitted ({error})"),
            "allow the io_uring system calls in the seccomp profile of the container",
        ),
        Some(libc::ENOSYS) => (
            "the kernel has no io_uring, or a seccomp profile hides it".to_owned(),
            "run Linux 6.0 or newer and allow the io_uring system calls",
        ),
        Some(libc::ENOMEM) => (
            format!("io_uring gets no memory ({error})"),
            "raise the limit of locked memory (`ulimit -l`)",
        ),
        _ => (format!("io_uring cannot be set up ({error})"), "run Linux 6.0 or newer"),
    };
    RuntimeError::Kernel { missing, remedy: remedy.to_owned() }
}

fn kernel_release() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
    release.map_or_else(|_| "unknown".to_owned(), |release| release.trim().to_owned())
}
