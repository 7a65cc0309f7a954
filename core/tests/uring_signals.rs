//! Signals reach the core that listens. Without a test harness: its main thread would not block
//! them, and end.

use hamster_core::uring::environment::{Signal, signals};
use hamster_core::uring::runtime::{RuntimeConfig, available_cpus, run};

fn main() {
    let cpu = available_cpus().expect("the kernel says")[0];
    let main = |core| async move {
        let mut signals = signals(&core).expect("descriptors");
        for (name, expected) in
            [("-HUP", Signal::Reload), ("-TERM", Signal::Stop), ("-INT", Signal::Stop)]
        {
            let own = std::process::id().to_string();
            let killed = std::process::Command::new("kill").args([name, &own]).status();
            assert!(killed.expect("kill runs").success());
            assert_eq!(signals.next().await.expect("open"), expected);
        }
    };
    run(RuntimeConfig::new(vec![cpu]), main).expect("no panic");
    println!("test a_signal_reaches_the_core_that_listens ... ok");
}
