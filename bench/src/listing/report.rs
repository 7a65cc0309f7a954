//! What the pages took, as a table.

use serde::Serialize;
use std::fmt;

/// Everything that was measured.
#[derive(Clone, Default, Debug, Serialize)]
pub struct Report {
    /// In the order measured.
    pub rows: Vec<Row>,
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was done to the bucket.
    pub state: String,
    /// Flat or delimited.
    pub view: &'static str,
    /// Keys in the bucket.
    pub keys: usize,
    /// Half of the pages took no longer, in milliseconds.
    pub p50_ms: f64,
    /// 99 in a hundred.
    pub p99_ms: f64,
    /// Entries listed in a second, over one connection.
    pub entries_per_second: f64,
    /// Entries listed in a second of the server's CPU time, if its process is known.
    pub entries_per_server_cpu_second: Option<f64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<20} {:<10} {:>9} {:>8} {:>8} {:>12} {:>16}",
            "bucket", "pages", "keys", "p50 ms", "p99 ms", "entries/s", "entries/CPU s"
        )?;
        for row in &self.rows {
            let cpu = row.entries_per_server_cpu_second;
            writeln!(
                f,
                "{:<20} {:<10} {:>9} {:>8.2} {:>8.2} {:>12.0} {:>16}",
                row.state,
                row.view,
                row.keys,
                row.p50_ms,
                row.p99_ms,
                row.entries_per_second,
                cpu.map_or("-".to_owned(), |cpu| format!("{cpu:.0}")),
            )?;
        }
        Ok(())
    }
}
