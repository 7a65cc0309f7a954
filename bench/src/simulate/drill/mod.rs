//! Drills: scenes in which a certain kind of bug would show, played before the clients begin, in a
//! world where nothing else goes wrong; two of them in each run, drawn from the seed. Called by
//! `live`. A drill breaks no more than a correct node survives, so all that was acknowledged must be
//! there, at once.

mod calm;
mod commit;
mod end;
mod misdirected;
mod power;
mod ranges;
mod reader;
mod repair;
mod sync;

pub use calm::calm;
pub use end::{beyond, space};

use super::nemesis;
use super::operator;
use super::oracle::Place;
use super::stage::Stage;
use super::workload::{DRILLS, Hands, Workload};
use hamster_core::Entropy;
use hamster_core::sim::{Fault, Operation};
use std::time::Duration;

/// Drills of a run.
const DRILLS_PER_RUN: usize = 2;
/// A request of a drill is tried so often, with a pause in between.
const ATTEMPTS: usize = 10;
const PAUSE: Duration = Duration::from_millis(700);

/// One kind of scene.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Drill {
    PowerCut,
    FailingSyncs,
    SlowReader,
    SlowCommit,
    Misdirected,
    RottenSource,
    RottenRanges,
}

impl Drill {
    const ALL: [Self; 7] = [
        Self::PowerCut,
        Self::FailingSyncs,
        Self::SlowReader,
        Self::SlowCommit,
        Self::Misdirected,
        Self::RottenSource,
        Self::RottenRanges,
    ];

    /// The fault without which there is no such scene.
    fn fault(self) -> Fault {
        match self {
            Self::PowerCut => Fault::Crash,
            Self::FailingSyncs => Fault::SyncError,
            Self::SlowReader => Fault::Delay,
            Self::SlowCommit => Fault::SlowDisk,
            Self::Misdirected => Fault::MisdirectedWrite,
            Self::RottenSource => Fault::Wipe,
            Self::RottenRanges => Fault::Corruption,
        }
    }

    /// Whether so few drives survive it.
    fn fits(self, drives: u32, tolerance: u32) -> bool {
        match self {
            Self::PowerCut | Self::SlowReader | Self::SlowCommit => true,
            Self::Misdirected | Self::RottenRanges => tolerance >= 1,
            Self::FailingSyncs => tolerance >= 1 && drives >= tolerance + 2,
            Self::RottenSource => tolerance >= 2,
        }
    }
}

/// The world as a drill has it.
struct Scene<'a> {
    stage: &'a Stage,
    work: &'a Workload,
    entropy: Entropy,
    /// The drives that may lose bytes.
    victims: Vec<u32>,
}

/// Plays the drills of this run.
///
/// # Errors
/// What a correct node would not have let happen.
pub async fn run(stage: &Stage, work: &Workload) -> Result<(), String> {
    let (drives, tolerance) = (stage.scenario().drives, stage.scenario().tolerance());
    let entropy = stage.world().entropy();
    let mut fitting: Vec<Drill> =
        Drill::ALL.into_iter().filter(|drill| drill.fits(drives, tolerance)).collect();
    for _ in 0..DRILLS_PER_RUN {
        let drawn = usize::try_from(entropy.below(fitting.len() as u64)).unwrap_or(0);
        let drill = fitting.swap_remove(drawn);
        let victims = nemesis::victims(stage);
        if !stage.scenario().has(drill.fault()) {
            continue;
        }
        stage.tell(|| format!("drill {drill:?}, victims {victims:?}"));
        let scene = Scene { stage, work, entropy: entropy.clone(), victims };
        let played = match drill {
            Drill::PowerCut => power::play(&scene).await,
            Drill::FailingSyncs => sync::play(&scene).await,
            Drill::SlowReader => reader::play(&scene).await,
            Drill::SlowCommit => commit::play(&scene).await,
            Drill::Misdirected => misdirected::play(&scene).await,
            Drill::RottenSource => repair::play(&scene).await,
            Drill::RottenRanges => ranges::play(&scene).await,
        };
        let places = played.map_err(|reason| format!("{drill:?}: {reason}"))?;
        scene.clear(&places).await.map_err(|reason| format!("{drill:?}: {reason}"))?;
    }
    Ok(())
}

impl Scene<'_> {
    fn hands(&self, name: &str) -> Hands {
        self.work.hands(name)
    }

    /// The drives that lose nothing.
    fn others(&self) -> Vec<u32> {
        let drives = 0..self.stage.scenario().drives;
        drives.filter(|drive| !self.victims.contains(drive)).collect()
    }

    /// These operations of the others take this much longer from now on.
    fn slow_others(&self, operations: &[Operation], by: Duration) {
        for drive in self.others() {
            operations.iter().for_each(|of| self.stage.disk(drive).set_delay(*of, by));
        }
    }

    fn heal_disks(&self) {
        (0..self.stage.scenario().drives).for_each(|drive| self.stage.disk(drive).heal());
    }

    /// Writes an object of the drill, and tries until that is acknowledged.
    async fn put(&self, key: &str, length: usize) -> Result<Place, String> {
        let place = (DRILLS, key.to_owned());
        let mut hands = self.hands(key);
        for _ in 0..ATTEMPTS {
            if hands.put(&place, length).await {
                return Ok(place);
            }
            self.stage.sleep(PAUSE).await;
        }
        Err(format!("{key} cannot be written"))
    }

    /// Reads what was acknowledged. (Whether it is the right thing, its history shows.)
    async fn expect(&self, places: &[Place]) -> Result<(), String> {
        for place in places {
            let mut hands = self.hands("drill");
            let mut seen = false;
            for _ in 0..ATTEMPTS {
                seen = hands.get(place).await;
                if seen {
                    break;
                }
                self.stage.sleep(PAUSE).await;
            }
            if !seen {
                return Err(format!("{} cannot be read", place.1));
            }
        }
        Ok(())
    }

    /// Starts the process after a power cut, a while later.
    async fn start_again(&self) -> Result<(), String> {
        self.stage.sleep(Duration::from_millis(100 + self.entropy.below(1_000))).await;
        self.stage.start();
        operator::until_ready(self.stage).await.map(drop)
    }

    /// Removes what the drill has left.
    async fn clear(&self, places: &[Place]) -> Result<(), String> {
        self.heal_disks();
        for place in places {
            // Why no matter what comes of it: it is judged as any other delete.
            self.hands("drill").delete(place).await;
        }
        nemesis::heal(self.stage).await
    }
}
