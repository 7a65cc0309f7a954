//! Before any fault: many clients at once, so that batches have many runs; then the node verifies
//! everything, and finds nothing to mend.

use super::super::operator;
use super::super::oracle::Oracle;
use super::super::stage::Stage;
use super::super::workload::{DRILLS, Workload};
use futures_util::future::join_all;

const CLIENTS: usize = 12;
const SIZES: [usize; 4] = [8, 100, 4_096, 20_000];

/// Plays it.
///
/// # Errors
/// What was acknowledged is not there as it was written, though nothing has gone wrong.
pub async fn calm(stage: &Stage, work: &Workload, oracle: &Oracle) -> Result<(), String> {
    let puts = (0..CLIENTS).map(|client| async move {
        let place = (DRILLS, format!("calm-{client}"));
        let acknowledged = work.hands("calm").put(&place, SIZES[client % SIZES.len()]).await;
        (place, acknowledged)
    });
    let written = join_all(puts).await;
    let status = operator::scrub(stage).await?;
    let rebuilt = status.scrub.shards_rebuilt;
    let corrupt: u64 = status.drives.iter().map(|drive| drive.corruptions).sum();
    if rebuilt + corrupt > 0 {
        oracle.violated(format!("calm: {rebuilt} shards were rebuilt, {corrupt} runs corrupt"));
    }
    let mut hands = work.hands("calm");
    for (place, acknowledged) in &written {
        if !acknowledged || !hands.get(place).await || !hands.delete(place).await {
            return Err(format!("calm: {} was refused", place.1));
        }
    }
    Ok(())
}
