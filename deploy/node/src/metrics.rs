//! The node's figures in Prometheus's text format.

use crate::status::{DriveStatus, Status};
use std::fmt::Write as _;

/// Name, help and figure of one gauge or counter per drive.
type Family = (&'static str, &'static str, fn(&DriveStatus) -> u64);

/// Renders what `status` knows as gauges.
pub fn render(status: &Status) -> String {
    let mut text = String::new();
    gauge(&mut text, "hamster_cores", "CPU cores in use.", status.cores.into());
    gauge(
        &mut text,
        "hamster_survives_drives",
        "Drive losses that what is written now survives.",
        status.survives_drives.into(),
    );
    gauge(
        &mut text,
        "hamster_metadata_applied_index",
        "Index of the last applied metadata command.",
        status.applied_index,
    );
    let scrub = &status.scrub;
    let round = [
        ("hamster_scrub_thousandths", "Of the round of scrub or repair, done.", scrub.thousandths),
        ("hamster_scrub_shards_rebuilt", "Shards rebuilt in it.", scrub.shards_rebuilt),
        (
            "hamster_scrub_bodies_lost",
            "Bodies it found with too few good shards.",
            scrub.bodies_lost,
        ),
        ("hamster_scrub_bodies_put_off", "Bodies it could not repair.", scrub.bodies_put_off),
    ];
    for (name, help, value) in round {
        gauge(&mut text, name, help, value);
    }
    let families: [Family; 11] = [
        ("hamster_drive_in_service", "1 while the drive takes part.", |drive| {
            u64::from(matches!(drive.state.as_str(), "live" | "full"))
        }),
        ("hamster_drive_total_bytes", "Size of the file system.", |drive| drive.total_bytes),
        ("hamster_drive_free_bytes", "Free space of the file system.", |drive| drive.free_bytes),
        ("hamster_drive_used_bytes", "Records of object bytes.", |drive| drive.used_bytes),
        ("hamster_drive_corruptions", "Records and chunks that failed verification.", |drive| {
            drive.corruptions
        }),
        ("hamster_drive_preallocated_bytes", "Space taken in advance.", |drive| {
            drive.preallocated_bytes
        }),
        ("hamster_drive_written_bytes_total", "Bytes written for objects.", |drive| {
            drive.written_bytes
        }),
        ("hamster_drive_syncs_total", "Syncs for objects.", |drive| drive.syncs),
        ("hamster_drive_reads_late_total", "Reads that outlived their patience.", |drive| {
            drive.reads_late
        }),
        ("hamster_drive_reads_overtaken_total", "Reads overtaken by other drives.", |drive| {
            drive.reads_overtaken
        }),
        ("hamster_drive_segments_recycled_total", "Small segments used again.", |drive| {
            drive.segments_recycled
        }),
    ];
    for (name, help, figure) in families {
        header(&mut text, name, help);
        for drive in &status.drives {
            writeln!(text, "{name}{{drive=\"{}\"}} {}", drive.ordinal, figure(drive))
                .expect("a string takes everything");
        }
    }
    text
}

fn gauge(text: &mut String, name: &str, help: &str, value: u64) {
    header(text, name, help);
    writeln!(text, "{name} {value}").expect("a string takes everything");
}

fn header(text: &mut String, name: &str, help: &str) {
    let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")
        .expect("a string takes everything");
}
