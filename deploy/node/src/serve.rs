//! `hamster serve`: runs a node on the CPUs of this machine until it is told to stop.

use crate::announce::Machine;
use crate::assembly::Assembly;
use crate::config::ServeConfig;
use crate::error::NodeError;
use crate::memory::Memory;
use hamster_core::uring::probe::probe;
use hamster_core::uring::runtime::{RuntimeConfig, RuntimeError, available_cpus, run};

/// Serves until SIGTERM or SIGINT, then drains.
///
/// # Errors
/// The node cannot start, or had to stop; reason and remedy in one line.
pub fn serve(config: ServeConfig) -> Result<(), NodeError> {
    if config.root.is_none() && config.credentials.is_none() {
        return Err(NodeError::NoCredentials);
    }
    let kernel = probe().map_err(|error| NodeError::Kernel(error.to_string()))?;
    let cpus = chosen_cpus(config.cores)?;
    let count = u16::try_from(cpus.len()).expect("checked by chosen_cpus");
    let memory = Memory::divide(count, config.memory)?;
    let runtime =
        RuntimeConfig { buffer_bytes_per_core: memory.buffers, ..RuntimeConfig::new(cpus.clone()) };
    let assembly = Assembly::new(config, memory, Machine { kernel: kernel.lines(), cpus });
    let running = assembly.clone();
    run(runtime, move |core| {
        let assembly = running.clone();
        async move { assembly.run_core(core).await }
    })
    .map_err(|error| match error {
        RuntimeError::Kernel { .. } => NodeError::Kernel(error.to_string()),
        other => NodeError::Runtime(other.to_string()),
    })?;
    assembly.outcome()
}

fn chosen_cpus(cores: Option<u16>) -> Result<Vec<usize>, NodeError> {
    let mut cpus = available_cpus().map_err(|error| NodeError::Runtime(error.to_string()))?;
    if let Some(cores) = cores {
        let wanted = usize::from(cores);
        if wanted == 0 || wanted > cpus.len() {
            return Err(NodeError::Flag {
                flag: "--cores",
                reason: format!("{cores} is not within 1 to {}, the CPUs here", cpus.len()),
            });
        }
        cpus.truncate(wanted);
    }
    Ok(cpus)
}
