//! Log lines on stderr: level by `HAMSTER_LOG` (default `info`), JSON by `HAMSTER_LOG_FORMAT=json`.

use hamster_core::uring::environment;
use std::io::{IsTerminal as _, stderr};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

/// What Hamster itself says, and what openraft finds wrong.
const DEFAULT: &str = "info,openraft=warn";

/// Starts logging for the whole process. `quiet`: nothing, unless the environment asks for it; a
/// simulated node has much to say.
pub fn start(quiet: bool) {
    let usual = if quiet { "off" } else { DEFAULT };
    let level = environment::var("HAMSTER_LOG").unwrap_or_else(|| usual.into());
    let filter = EnvFilter::try_new(&level).unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .with_target(false)
        .with_timer(Stamp)
        // Why: it would panic where stderr is closed.
        .log_internal_errors(false);
    if environment::var("HAMSTER_LOG_FORMAT").as_deref() == Some("json") {
        lines.json().init();
    } else {
        lines.init();
    }
}

/// The time of a line: that of the world in a simulation.
struct Stamp;

impl FormatTime for Stamp {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        match hamster_bench::simulate::stamp() {
            Some(stamp) => writer.write_str(&stamp),
            None => SystemTime.format_time(writer),
        }
    }
}
