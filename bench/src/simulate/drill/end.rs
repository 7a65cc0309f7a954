//! The end of a run: all objects are deleted, and their space comes back; then more is broken than
//! anything survives, and the node does not pretend otherwise.

use super::super::operator;
use super::super::oracle::Oracle;
use super::super::stage::Stage;
use super::super::workload::{BUCKETS, DRILLS, KEYS, Workload};
use super::{ATTEMPTS, PAUSE};
use hamster_node::Status;
use std::time::Duration;

/// What is dead is freed, and segments are compacted, in this time.
const FREED_MAX: Duration = Duration::from_secs(600);
/// What is left of dead runs on each drive, in the segments that a core appends to: one of each class.
const REST_PER_CORE_BYTES: u64 = 8 << 20;
/// Objects that are written before the last power cut.
const LAST: usize = 6;

/// Deletes everything, and waits until its space is free.
///
/// # Errors
/// It cannot be deleted, or is not freed.
pub async fn space(stage: &Stage, work: &Workload) -> Result<(), String> {
    let mut hands = work.hands("end");
    for bucket in BUCKETS {
        for key in KEYS {
            let place = (bucket, key.to_owned());
            let mut gone = false;
            for _ in 0..ATTEMPTS {
                gone = gone || hands.delete(&place).await;
            }
            if !gone {
                return Err(format!("space: {bucket}/{key} cannot be deleted"));
            }
        }
        hands.abort_all(bucket).await?;
    }
    // Why: bodies whose commits nobody knows of are held until the process ends.
    stage.stop().await;
    stage.start();
    operator::until_ready(stage).await?;
    let status = operator::scrub(stage).await?;
    if status.scrub.bodies > 0 {
        return Err(format!("space: {} bodies of nothing are stored", status.scrub.bodies));
    }
    let freed = async {
        while let Some(most) = operator::status(stage).await.map(|status| most_used(&status)) {
            if most <= u64::from(stage.scenario().cores) * REST_PER_CORE_BYTES {
                return;
            }
            stage.sleep(PAUSE).await;
        }
    };
    let freed = stage.world().clock().timeout(FREED_MAX, freed).await;
    let status = operator::status(stage).await.ok_or("space: no status")?;
    stage.tell(|| format!("used in the end: {} bytes", most_used(&status)));
    freed.map_err(|_| format!("space: {} bytes are not freed", most_used(&status)))
}

/// The most that a drive in service holds.
fn most_used(status: &Status) -> u64 {
    let serving = status.drives.iter().filter(|drive| matches!(&*drive.state, "live" | "full"));
    serving.map(|drive| drive.used_bytes).max().unwrap_or(0)
}

/// The power fails, and the last entry of every log rots. A node that serves in spite of that has
/// everything; one that does not says why.
///
/// # Errors
/// The objects before that cannot be written.
pub async fn beyond(stage: &Stage, work: &Workload, oracle: &Oracle) -> Result<(), String> {
    let mut hands = work.hands("end");
    let places: Vec<_> = (0..LAST).map(|number| (DRILLS, format!("last-{number}"))).collect();
    for place in &places {
        let mut written = false;
        for _ in 0..ATTEMPTS {
            written = written || hands.put(place, 100).await;
        }
        if !written {
            return Err(format!("beyond: {} cannot be written", place.1));
        }
    }
    stage.crash();
    (0..stage.scenario().drives).for_each(|drive| stage.rot_log(drive));
    stage.start();
    if operator::until_ready(stage).await.is_err() {
        oracle.count("refused to start");
        return Ok(());
    }
    for place in &places {
        hands.get(place).await;
    }
    Ok(())
}
