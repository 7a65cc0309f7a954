//! Log lines on stderr: level by `HAMSTER_LOG` (default `info`), JSON by `HAMSTER_LOG_FORMAT=json`.

use hamster_core::uring::environment;
use std::io::{IsTerminal as _, stderr};
use tracing_subscriber::EnvFilter;

/// Starts logging for the whole process.
pub fn start() {
    let level = environment::var("HAMSTER_LOG").unwrap_or_else(|| "info".into());
    let filter = EnvFilter::try_new(&level).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .with_target(false);
    if environment::var("HAMSTER_LOG_FORMAT").as_deref() == Some("json") {
        lines.json().init();
    } else {
        lines.init();
    }
}
