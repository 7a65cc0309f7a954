//! What strace saw a process do to its files, as a list of steps. A call that it does not know how to
//! read is a panic: an image built without it would prove nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// All calls that change files or directories, known to `disk` or not.
const CALLS: &str = "openat,open,creat,close,write,pwrite64,writev,pwritev,pwritev2,lseek,fsync,\
    fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,truncate,ftruncate,\
    fallocate,dup,dup2,dup3,link,linkat,symlink,symlinkat,copy_file_range,sendfile";

/// What a call does, at the moment from which the drive may show it.
pub(super) enum Step {
    /// A path, from a directory that is open or from the root, is open under a number.
    Open {
        base: Option<u64>,
        path: PathBuf,
        flags: String,
        file: u64,
    },
    Close {
        file: u64,
    },
    /// At the file's position if no other is told.
    Write {
        file: u64,
        at: Option<u64>,
        bytes: Vec<u8>,
    },
    SetLength {
        file: u64,
        length: u64,
    },
    /// The file's position is this.
    Seek {
        file: u64,
        position: u64,
    },
    /// A sync by a thread begins: it covers what was done before.
    SyncBegins {
        thread: u64,
        file: u64,
    },
    /// Now that is durable.
    SyncEnds {
        thread: u64,
    },
    MakeDirectory {
        base: Option<u64>,
        path: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        base: Option<u64>,
        path: PathBuf,
    },
    /// All its files are closed.
    ProcessEnds,
    /// Changes nothing, unless the file is one of ours: then it is not understood.
    Other {
        call: String,
        file: u64,
    },
}

/// The command that runs `program` and has its calls written to `trace`.
pub(super) fn command(program: &Path, trace: &Path) -> Command {
    let mut command = Command::new("strace");
    // Why -a: the results are not aligned.
    command.args(["-f", "-xx", "-a", "1", "--seccomp-bpf", "-s", "67108864", "-o"]);
    command.arg(trace).args(["-e", &format!("trace={CALLS}")]).arg(program);
    command
}

/// The steps in a trace.
pub(super) fn steps(trace: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut unfinished = BTreeMap::new();
    for line in trace.lines() {
        let (thread, rest) = line.split_once(' ').expect("a thread's number");
        let (thread, rest) = (thread.parse().expect("a thread's number"), rest.trim_start());
        if rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let (name, tail) = resumed.split_once(" resumed>").expect("resumed");
            let (begun, head) = unfinished.remove(&thread).expect("begun");
            assert_eq!(name, begun);
            steps.extend(ends(thread, name, &format!("{head}{tail}")));
        } else {
            let (name, call) = rest.split_once('(').unwrap_or_else(|| panic!("{rest:.200}"));
            if let Some(head) = call.strip_suffix("<unfinished ...>") {
                steps.extend(begins(thread, name, head.trim_end()));
                unfinished.insert(thread, (name.to_owned(), head.trim_end().to_owned()));
            } else {
                steps.extend(begins(thread, name, call));
                steps.extend(ends(thread, name, call));
            }
        }
    }
    steps
}

fn arguments(call: &str) -> Vec<&str> {
    call.rsplit_once(") =").map_or(call, |(list, _)| list).split(',').map(str::trim).collect()
}

/// What a call that succeeded gave back.
fn result(call: &str) -> Option<u64> {
    let (_, result) = call.rsplit_once(") =").unwrap_or_else(|| panic!("{call:.200}"));
    result.trim_start().split(' ').next()?.parse().ok()
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("not a number: {text:.200}"))
}

fn bytes(text: &str) -> Vec<u8> {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let inner = inner.unwrap_or_else(|| panic!("cut short: {text:.200}"));
    let digits = inner.split("\\x").skip(1);
    digits.map(|digits| u8::from_str_radix(digits, 16).expect("two digits")).collect()
}

fn path(text: &str) -> PathBuf {
    String::from_utf8(bytes(text)).expect("a path of ours").into()
}

fn base(text: &str) -> Option<u64> {
    (text != "AT_FDCWD").then(|| number(text))
}

/// What may be seen of a call from its beginning on.
fn begins(thread: u64, name: &str, call: &str) -> Option<Step> {
    let list = arguments(call);
    Some(match name {
        "close" => Step::Close { file: number(list[0]) },
        "write" => Step::Write { file: number(list[0]), at: None, bytes: bytes(list[1]) },
        "pwrite64" => {
            let at = Some(number(list[3]));
            Step::Write { file: number(list[0]), at, bytes: bytes(list[1]) }
        }
        "fsync" | "fdatasync" => Step::SyncBegins { thread, file: number(list[0]) },
        "ftruncate" => Step::SetLength { file: number(list[0]), length: number(list[1]) },
        // Why: without a change of the length, space is set aside or given back behind the end.
        "fallocate" if list[1].contains("FALLOC_FL_KEEP_SIZE") => return None,
        _ => return None,
    })
}

/// What may be seen only from its end on.
fn ends(thread: u64, name: &str, call: &str) -> Option<Step> {
    let list = arguments(call);
    let Some(result) = result(call) else {
        assert!(!matches!(name, "write" | "pwrite64" | "fsync" | "fdatasync"), "{call:.200}");
        return None;
    };
    Some(match name {
        "openat" => Step::Open {
            base: base(list[0]),
            path: path(list[1]),
            flags: list[2].to_owned(),
            file: result,
        },
        "write" | "pwrite64" => {
            assert_eq!(result, number(list[2]), "a short write");
            return None;
        }
        "fsync" | "fdatasync" => Step::SyncEnds { thread },
        "mkdir" => Step::MakeDirectory { base: None, path: path(list[0]) },
        "mkdirat" => Step::MakeDirectory { base: base(list[0]), path: path(list[1]) },
        "rename" => Step::Rename { from: path(list[0]), to: path(list[1]) },
        "unlink" | "rmdir" => Step::Remove { base: None, path: path(list[0]) },
        "unlinkat" => Step::Remove { base: base(list[0]), path: path(list[1]) },
        "close" | "ftruncate" => return None,
        "fallocate" if list[1].contains("FALLOC_FL_KEEP_SIZE") => return None,
        "lseek" if list[2] == "SEEK_SET" => Step::Seek { file: number(list[0]), position: result },
        "fallocate" | "writev" | "pwritev" | "pwritev2" | "lseek" | "dup" | "dup2" | "dup3" => {
            Step::Other { call: name.into(), file: number(list[0]) }
        }
        other => panic!("{other}: {call:.200}"),
    })
}
