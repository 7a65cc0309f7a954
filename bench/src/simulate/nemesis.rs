//! What strikes while clients work, drawn from the seed, and the operator who mends it all.
//!
//! The atlas: faults that may destroy stored bytes, or keep a drive from taking them, strike *victims*
//! only, in each epoch as many drives as the profile survives; between epochs everything is healed,
//! replaced and scrubbed, and others become victims, unless what was written meanwhile would not survive
//! that (it keeps the narrower profile of the drives that were left). So whatever is lost is the node's
//! fault.

use super::operator;
use super::oracle::Oracle;
use super::scenario::EPOCHS;
use super::stage::Stage;
use hamster_core::Entropy;
use hamster_core::ids::CoreIndex;
use hamster_core::sim::{Failure, Fault, Link, Operation};
use std::time::Duration;

/// Between two faults.
const PAUSE_MILLIS: std::ops::Range<u64> = 2_000..45_000;

/// Has faults strike for as long as the scenario says, with healings in between; everything is
/// healed at the end. Returns whom to take away then.
pub async fn run(stage: &Stage, oracle: &Oracle) -> Vec<u32> {
    let epoch = stage.scenario().duration / EPOCHS;
    let mut drawn = victims(stage);
    for _ in 0..EPOCHS {
        stage.tell(|| format!("victims {drawn:?}"));
        let nemesis = Nemesis { stage, entropy: stage.world().entropy(), victims: drawn.clone() };
        let end = stage.now() + u64::try_from(epoch.as_nanos()).unwrap_or(u64::MAX);
        while stage.now() < end {
            nemesis.rest(PAUSE_MILLIS).await;
            nemesis.strike().await;
        }
        if let Err(reason) = heal(stage).await {
            oracle.violated(format!("not healed: {reason}"));
            return drawn;
        }
        if stage.scenario().outlasts_degraded_writes() {
            drawn = victims(stage);
        }
    }
    drawn
}

/// As many drives as may be lost, drawn anew.
pub fn victims(stage: &Stage) -> Vec<u32> {
    let entropy = stage.world().entropy();
    let mut drives: Vec<u32> = (0..stage.scenario().drives).collect();
    while drives.len() > usize::try_from(stage.scenario().tolerance()).unwrap_or(0) {
        drives.swap_remove(index(&entropy, drives.len()));
    }
    drives
}

fn index(entropy: &Entropy, count: usize) -> usize {
    usize::try_from(entropy.below(count as u64)).unwrap_or(0)
}

struct Nemesis<'a> {
    stage: &'a Stage,
    entropy: Entropy,
    victims: Vec<u32>,
}

impl Nemesis<'_> {
    async fn rest(&self, millis: std::ops::Range<u64>) {
        let drawn = millis.start + self.entropy.below(millis.end - millis.start);
        self.stage.sleep(Duration::from_millis(drawn)).await;
    }

    /// One fault, from its beginning to its end (but for what stays broken until the healing).
    async fn strike(&self) {
        let fault = Fault::ALL[index(&self.entropy, Fault::ALL.len())];
        let victim = (!self.victims.is_empty())
            .then(|| self.victims[index(&self.entropy, self.victims.len())]);
        // Why drawn first: a fault that is left out changes as little else as can be.
        if !self.stage.scenario().has(fault) {
            return self.rest(1_000..10_000).await;
        }
        self.stage.tell(|| format!("fault {fault} (drive {victim:?})"));
        match fault {
            Fault::Crash | Fault::TornWrite | Fault::LostWrite => self.crash().await,
            Fault::Restart => self.restart().await,
            Fault::Pause => self.pause().await,
            Fault::SlowCore => self.slow_core().await,
            Fault::TaskReorder => self.reorder_tasks().await,
            Fault::ClockJump => self.jump_clock().await,
            Fault::Drop
            | Fault::Duplicate
            | Fault::Reorder
            | Fault::Delay
            | Fault::Clog
            | Fault::Partition
            | Fault::HalfPartition
            | Fault::Reset => self.hurt_network(fault).await,
            _ => match victim {
                Some(victim) => self.hurt_drive(fault, victim).await,
                None if fault == Fault::SlowDisk => self.slow_disk(0, 200).await,
                None => {}
            },
        }
    }

    async fn crash(&self) {
        self.stage.crash();
        self.rest(100..5_000).await;
        self.stage.start();
    }

    async fn restart(&self) {
        match self.entropy.below(2) {
            0 => self.stage.kill(),
            // Why no matter how: with faults about, an end may take long.
            _ => drop(self.stage.stop().await),
        }
        self.rest(10..2_000).await;
        self.stage.start();
    }

    async fn pause(&self) {
        self.stage.node().pause(true);
        self.rest(50..20_000).await;
        self.stage.node().pause(false);
    }

    async fn slow_core(&self) {
        let cores = u64::from(self.stage.scenario().cores);
        let core = CoreIndex::new(u16::try_from(self.entropy.below(cores)).unwrap_or(0));
        let by = Duration::from_micros(10 + self.entropy.below(500));
        self.stage.node().slow_core(core, by);
        self.rest(500..5_000).await;
        self.stage.node().slow_core(core, Duration::ZERO);
    }

    async fn reorder_tasks(&self) {
        self.stage.world().run_newest_first(true);
        self.rest(500..5_000).await;
        self.stage.world().run_newest_first(false);
    }

    async fn jump_clock(&self) {
        let seconds = i64::try_from(self.entropy.below(1_600)).unwrap_or(0) - 800;
        self.stage.node().set_wall_ahead(seconds * 1_000_000_000);
        self.rest(1_000..30_000).await;
    }

    async fn hurt_network(&self, fault: Fault) {
        let often = u32::try_from(1_000 + self.entropy.below(200_000)).unwrap_or(1_000);
        let hurt = match fault {
            Fault::Drop => Link { drops: often, ..Link::default() },
            Fault::Duplicate => Link { duplicates: often, ..Link::default() },
            Fault::Reorder => Link { reorders: often, ..Link::default() },
            Fault::Delay => {
                let delay = Duration::from_millis(1 + self.entropy.below(3_000));
                Link { delays: often, delay, ..Link::default() }
            }
            Fault::Reset => Link { resets: often / 10, ..Link::default() },
            Fault::Clog => Link { clogged: true, ..Link::default() },
            _ => Link { cut: true, ..Link::default() },
        };
        if matches!(fault, Fault::Partition | Fault::HalfPartition) {
            self.stage.world().strike(fault, "link");
        }
        if fault == Fault::Reset {
            self.stage.world().reset_a_connection();
        }
        let (node, clients) = (self.stage.node(), self.stage.clients());
        let both = fault != Fault::HalfPartition;
        let there = both || self.entropy.below(2) == 0;
        if there {
            self.stage.world().set_link(clients, node, hurt);
        }
        if both || !there {
            self.stage.world().set_link(node, clients, hurt);
        }
        self.rest(500..40_000).await;
        mend_network(self.stage);
    }

    async fn hurt_drive(&self, fault: Fault, victim: u32) {
        let disk = self.stage.disk(victim);
        let often = u32::try_from(100 + self.entropy.below(50_000)).unwrap_or(100);
        match fault {
            Fault::MisdirectedWrite => disk.set_misdirected(often),
            Fault::Corruption => match self.entropy.below(3) {
                0 => disk.set_corrupted(often),
                1 => {
                    self.stage.crash();
                    self.stage.rot_log(victim);
                    self.rest(100..5_000).await;
                    return self.stage.start();
                }
                _ => drop(disk.rot()),
            },
            Fault::WriteError => disk.set_rate(Operation::Write, Failure::Io, often),
            Fault::ReadError => disk.set_rate(Operation::Read, Failure::Io, often),
            Fault::SyncError => disk.set_rate(Operation::Sync, Failure::Io, often),
            Fault::NoSpace => disk.set_rate(Operation::Write, Failure::NoSpace, often),
            Fault::Wipe => return self.wipe(victim).await,
            _ => return self.slow_disk(victim, 2_000).await,
        }
        self.rest(1_000..30_000).await;
        disk.heal();
    }

    async fn slow_disk(&self, drive: u32, millis_max: u64) {
        let disk = self.stage.disk(drive);
        if self.entropy.below(4) == 0 && self.victims.contains(&drive) {
            self.stage.world().strike(Fault::SlowDisk, "hung");
            disk.set_hung(true);
        } else {
            let delay = Duration::from_millis(1 + self.entropy.below(millis_max));
            for operation in [Operation::Read, Operation::Write, Operation::Sync] {
                disk.set_delay(operation, delay);
            }
        }
        // The log of the metadata lies on drives, too.
        let log_delay = [Duration::ZERO, Duration::from_millis(self.entropy.below(millis_max))];
        let log_delay = log_delay[index(&self.entropy, 2)];
        self.stage.node().slow_worker("meta-log", log_delay);
        self.rest(500..40_000).await;
        disk.heal();
        self.stage.node().slow_worker("meta-log", Duration::ZERO);
    }

    async fn wipe(&self, victim: u32) {
        self.stage.wipe(victim);
        self.rest(500..20_000).await;
        // Why no matter what it says: the node may be down, or not know of it yet.
        let said = operator::replace(self.stage, victim).await;
        self.stage.tell(|| format!("drive replace {victim}: {said:?}"));
    }
}

fn mend_network(stage: &Stage) {
    let (node, clients) = (stage.node(), stage.clients());
    stage.world().set_link(clients, node, Link::default());
    stage.world().set_link(node, clients, Link::default());
}

/// Ends all faults, replaces what is broken, and has everything verified.
///
/// # Errors
/// The node does not become whole.
pub async fn heal(stage: &Stage) -> Result<(), String> {
    stage.tell(|| "heal".into());
    mend_network(stage);
    stage.world().run_newest_first(false);
    for drive in 0..stage.scenario().drives {
        stage.disk(drive).heal();
    }
    if stage.is_running() && !stage.stop().await {
        return Err("the process does not end upon SIGTERM".into());
    }
    stage.start();
    let status = operator::until_ready(stage).await?;
    let bad = |state: &str| !matches!(state, "live" | "full" | "replaced");
    // The drives in service, by their paths.
    let sound: Vec<&str> = status
        .drives
        .iter()
        .filter(|drive| !bad(&drive.state) && drive.state != "replaced")
        .map(|drive| drive.path.as_str())
        .collect();
    for drive in 0..stage.scenario().drives {
        let path = Stage::drive_path(drive).display().to_string();
        if sound.contains(&path.as_str()) {
            continue;
        }
        stage.tell(|| format!("replace {path}"));
        stage.wipe(drive);
        match operator::replace(stage, drive).await {
            Some((200, _)) => {}
            said => return Err(format!("drive replace {path}: {said:?}")),
        }
    }
    operator::scrub(stage).await?;
    let status = operator::until_ready(stage).await?;
    let broken = status.drives.iter().filter(|drive| bad(&drive.state)).count();
    match broken {
        0 => Ok(()),
        count => Err(format!("{count} drives are out of service: {:?}", status.drives)),
    }
}

/// Takes drives away for good.
pub fn take_away(stage: &Stage, drives: &[u32]) {
    for &drive in drives {
        stage.tell(|| format!("drive {drive} dies"));
        stage.disk(drive).set_dead(true);
    }
}
