//! The binary: flags in, node or bench out.
//!
//! Exit codes: 0 done, 1 refused or failed (reason and remedy in one line on stderr), 2 wrong usage.

mod arguments;
mod logging;
mod users;

use arguments::{Admin, Arguments, Command, Drive, Init, ReplaceDrive, Scrub, Serve};
use clap::{CommandFactory as _, FromArgMatches as _};
use hamster_core::uring::environment;
use hamster_node::{InitConfig, NodeError, ScrubStatus, ServeConfig};
use std::io::{ErrorKind, IsTerminal as _, Write as _, stderr, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Why: a cached GET makes some dozens of small allocations; the C library's allocator took a sixth
/// of its time (perf, 2026-11-22).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let typed = arguments::with_double_dashes(std::env::args_os());
    let read = arguments::definition().get_matches_from(typed);
    let later_flag = arguments::later_flag(&read);
    let arguments = Arguments::from_arg_matches(&read).unwrap_or_else(|error| error.exit());
    let quiet = matches!(&arguments.command, Command::Simulate(args) if !args.wants_log());
    logging::start(quiet);
    let result = match arguments.command {
        Command::Init(init) => init_command(init, arguments.json),
        Command::Serve(serve) => match later_flag {
            Some(flag) => Err(NodeError::NotInThisVersion(format!("serve --{flag}"))),
            None => serve_command(serve, arguments.json),
        },
        Command::Status(admin) => status_command(&admin, arguments.json),
        Command::Metrics(admin) => metrics_command(&admin),
        Command::Drive(Drive::List(admin)) => list_command(&admin, arguments.json),
        Command::Drive(Drive::Replace(drive)) => replace_command(&drive, arguments.json),
        Command::Scrub(scrub) => scrub_command(&scrub, arguments.json),
        Command::User(user) => users::user_command(user, arguments.json),
        Command::Key(key) => users::key_command(key, arguments.json),
        Command::Bench(bench) => return hamster_bench::run(bench, arguments.json),
        Command::Simulate(args) => return hamster_bench::simulate::run(&args, arguments.json),
        Command::Version => say(&format!("hamster {}\n", env!("CARGO_PKG_VERSION"))),
        Command::Help => say(&Arguments::command().render_help().to_string()),
        Command::Later(later) => Err(NodeError::NotInThisVersion(later.name().to_owned())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = match arguments.json {
                true => serde_json::json!({ "error": error.to_string() }).to_string(),
                false => format!("hamster: {error}"),
            };
            // Why ignored: where nobody reads, the exit code still says it.
            let _ = writeln!(stderr(), "{line}");
            ExitCode::FAILURE
        }
    }
}

fn init_command(init: Init, json: bool) -> Result<(), NodeError> {
    let host = init.host.unwrap_or_else(environment::host_name);
    let founded = hamster_node::init(InitConfig {
        data_dirs: init.data_dirs,
        cluster: init.cluster,
        node: init.node,
        listen: init.listen,
        zone: init.zone.unwrap_or_else(|| host.clone()),
        host,
        capacity: init.capacity,
    })?;
    say(&if json { format!("{}\n", serde_json::json!(founded)) } else { format!("{founded}\n") })
}

fn serve_command(serve: Serve, json: bool) -> Result<(), NodeError> {
    const KEY: &str = "HAMSTER_ACCESS_KEY_ID";
    const SECRET: &str = "HAMSTER_SECRET_ACCESS_KEY";
    let root = match (environment::var(KEY), environment::var(SECRET)) {
        (Some(key), Some(secret)) => Some((key, secret)),
        (None, None) => None,
        _ => {
            let remedy = format!("only one of {KEY} and {SECRET} is set; set both, or neither");
            return Err(NodeError::Credentials(remedy));
        }
    };
    hamster_node::serve(ServeConfig {
        data_dirs: serve.data_dirs,
        node: serve.node,
        listen: serve.listen,
        s3: (!serve.no_s3).then_some(serve.s3),
        tls: serve.tls_cert.zip(serve.tls_key),
        region: serve.region,
        domain: serve.domain,
        root,
        credentials: serve.credentials,
        master_key_file: serve.master_key_file,
        cores: serve.cores,
        memory: serve.memory,
        json,
    })
}

fn status_command(admin: &Admin, json: bool) -> Result<(), NodeError> {
    let status = hamster_node::status(&admin.data_dir, admin.addr)?;
    say(&if json { format!("{}\n", serde_json::json!(status)) } else { status.to_string() })
}

fn metrics_command(admin: &Admin) -> Result<(), NodeError> {
    say(&hamster_node::metrics(&admin.data_dir, admin.addr)?)
}

fn list_command(admin: &Admin, json: bool) -> Result<(), NodeError> {
    let status = hamster_node::status(&admin.data_dir, admin.addr)?;
    say(&if json {
        format!("{}\n", serde_json::json!(status.drives))
    } else {
        status.drive_table()
    })
}

fn replace_command(replace: &ReplaceDrive, json: bool) -> Result<(), NodeError> {
    let Admin { data_dir, addr } = &replace.admin;
    let replaced = hamster_node::replace_drive(data_dir, *addr, &replace.drive)?;
    say(&if json { format!("{}\n", serde_json::json!(replaced)) } else { format!("{replaced}\n") })
}

fn scrub_command(scrub: &Scrub, json: bool) -> Result<(), NodeError> {
    let Admin { data_dir, addr } = &scrub.admin;
    let status = match scrub.now {
        false => hamster_node::status(data_dir, *addr)?.scrub,
        true if json => hamster_node::scrub(data_dir, *addr, scrub.rate, |_| ())?,
        true => hamster_node::scrub(data_dir, *addr, scrub.rate, progress())?,
    };
    say(&if json { format!("{}\n", serde_json::json!(status)) } else { format!("{status}\n") })
}

/// Shows how far a scrub is: in one line that changes on a terminal, else a line for each tenth.
fn progress() -> impl Fn(&ScrubStatus) + Clone + Send {
    let shown = Arc::new(AtomicU64::new(u64::MAX));
    move |status| {
        let line = match stdout().is_terminal() {
            true => format!("\r{status}\x1b[K"),
            false if shown.swap(status.thousandths / 100, Relaxed) == status.thousandths / 100 => {
                return;
            }
            false => format!("{status}\n"),
        };
        // Why ignored: where nobody reads, the end still tells.
        let _ = say(&line)
            .and_then(|()| stdout().flush().map_err(NodeError::file("standard output", "writing")));
    }
}

/// Prints `text`. A reader that has gone (`| head`) has what it wanted.
fn say(text: &str) -> Result<(), NodeError> {
    match stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(NodeError::file("standard output", "writing")(error))
        }
        _ => Ok(()),
    }
}
