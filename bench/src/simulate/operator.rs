//! What an operator does to the simulated node: asks how it is, replaces drives, has it scrubbed.
//! (Users and keys are in `workload/keys.rs`.)

use super::stage::Stage;
use bytes::Bytes;
use hamster_core::Core;
use hamster_net::http::client::{Ask, Connection};
use hamster_node::Status;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const ANSWER_BYTES_MAX: usize = 1 << 20;
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// A healthy node has verified all its bytes, a few hundred MiB at most, after this.
const SCRUB_MAX: Duration = Duration::from_secs(600);
/// It answers after this.
const READY_MAX: Duration = Duration::from_secs(120);

/// What the node says to a command.
pub async fn ask(
    stage: &Stage,
    method: &'static str,
    path: &str,
    body: String,
) -> Option<(u16, Vec<u8>)> {
    let core: Core = stage.client_core();
    let exchange = async {
        let mut connection = Connection::connect(&core, stage.admin(), None).await.ok()?;
        let ask = Ask { method, target: path, headers: &[("host", "n1")], body: Bytes::from(body) };
        connection.request(ask, ANSWER_BYTES_MAX).await.ok()
    };
    let (answer, body) = core.clock().timeout(PATIENCE, exchange).await.ok()??;
    Some((answer.status, body))
}

/// `hamster status`; `None` if the node does not answer.
pub async fn status(stage: &Stage) -> Option<Status> {
    let (_, body) = ask(stage, "GET", "/v1/status", String::new()).await?;
    serde_json::from_slice(&body).ok()
}

/// `hamster drive replace`. What the node says.
pub async fn replace(stage: &Stage, drive: u32) -> Option<(u16, String)> {
    let path = Stage::drive_path(drive).display().to_string();
    let (status, body) = ask(stage, "POST", "/v1/drive/replace", path).await?;
    Some((status, String::from_utf8_lossy(&body).into_owned()))
}

/// Waits until the node answers.
///
/// # Errors
/// It does not, although nothing keeps it from it.
pub async fn until_ready(stage: &Stage) -> Result<Status, String> {
    let ready = async {
        loop {
            if let Some(status) = status(stage).await.filter(|status| status.leader.is_some()) {
                return status;
            }
            stage.sleep(LOOK_INTERVAL).await;
        }
    };
    let waited = stage.world().clock().timeout(READY_MAX, ready).await;
    waited.map_err(|_| format!("the node does not serve; its last end: {:?}", stage.outcome()))
}

/// `hamster scrub --now`, until nothing is left to be done.
///
/// # Errors
/// Something is beyond repair, or it does not end.
pub async fn scrub(stage: &Stage) -> Result<Status, String> {
    let whole = async {
        loop {
            let asked = ask(stage, "POST", "/v1/scrub", String::new()).await;
            let asked: u64 = asked
                .and_then(|(_, body)| serde_json::from_slice(&body).ok())
                .ok_or("scrub was not answered")?;
            let status = loop {
                stage.sleep(LOOK_INTERVAL).await;
                let status = status(stage).await.ok_or("status was not answered")?;
                if status.scrub.done >= asked {
                    break status;
                }
            };
            if status.scrub.bodies_lost > 0 {
                return Err(format!("scrub lost {} bodies", status.scrub.bodies_lost));
            }
            if status.scrub.bodies_put_off == 0 {
                return Ok(status);
            }
        }
    };
    let waited = stage.world().clock().timeout(SCRUB_MAX, whole).await;
    waited.unwrap_or_else(|_| Err(format!("scrub does not end in {SCRUB_MAX:?}")))
}
