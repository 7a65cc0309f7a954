//! What a command does on a core of this process's own, until it is done or told to stop.

use crate::error::NodeError;
use futures_util::future::{Either, select};
use hamster_core::Core;
use hamster_core::environment::{Signal, Signals, signals};
use hamster_core::uring::runtime::{RuntimeConfig, available_cpus, run};
use std::pin::pin;
use std::sync::{Arc, Mutex};

/// Does `work` on one core.
///
/// # Errors
/// As `work`; or no core can be had, or SIGTERM or SIGINT came.
pub fn on_one_core<T, F>(work: impl Fn(Core) -> F + Clone + Send + 'static) -> Result<T, NodeError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, NodeError>> + 'static,
{
    let cpus = available_cpus().map_err(|error| NodeError::Runtime(error.to_string()))?;
    let slot = Arc::new(Mutex::new(None));
    let answer = Arc::clone(&slot);
    run(RuntimeConfig::new(cpus.into_iter().take(1).collect()), move |core| {
        let (answer, work) = (Arc::clone(&answer), work.clone());
        async move {
            let result = match signals(&core) {
                Ok(mut signals) => unless_stopped(&mut signals, work(core))
                    .await
                    .unwrap_or(Err(NodeError::Interrupted)),
                Err(error) => Err(NodeError::Runtime(error.to_string())),
            };
            *answer.lock().expect("one core, no panic") = Some(result);
        }
    })
    .map_err(|error| NodeError::Runtime(error.to_string()))?;
    let result = slot.lock().expect("the core has ended").take();
    result.expect("the core has run to its end")
}

/// Does `work`; `None` if SIGTERM or SIGINT comes first: then it is dropped.
pub async fn unless_stopped<T>(signals: &mut Signals, work: impl Future<Output = T>) -> Option<T> {
    let stopped = async { while matches!(signals.next().await, Ok(Signal::Reload)) {} };
    match select(pin!(work), pin!(stopped)).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}
