//! CPU time of this process and of the server under test, and what that one writes, as the kernel
//! accounts it.
//!
//! Interrupt work that the kernel does on behalf of neither (a busy network's, for example) is in
//! no process's account, here as in every other tool.

use std::time::Duration;

/// CPU time that this process has used, in user and kernel mode.
pub fn own_cpu() -> Duration {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is valid for the call, which fills it; all-zero is a valid value as well.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    duration(usage.ru_utime) + duration(usage.ru_stime)
}

fn duration(time: libc::timeval) -> Duration {
    Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0))
        + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
}

/// CPU time that process `pid` has used, with all its threads; `None` if there is no such process.
/// Resolution: one tick, 10 ms.
pub fn cpu_of(pid: u32) -> Option<Duration> {
    // The command, in parentheses, may hold anything: fields are counted from its end.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    // SAFETY: no arguments beyond a constant.
    let ticks_per_second = u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).ok()?;
    Some(Duration::from_millis((user + system) * 1000 / ticks_per_second.max(1)))
}

/// Bytes that process `pid` has had written to storage, whatever the layer; `None` if that may not
/// be seen.
pub fn written_by(pid: u32) -> Option<u64> {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    io.lines().find_map(|line| line.strip_prefix("write_bytes: "))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_accounted_about_alike_by_both() {
        let mut sum = 0u64;
        while own_cpu() < Duration::from_millis(50) {
            sum = std::hint::black_box(sum + 1);
        }
        let seen = cpu_of(std::process::id()).expect("this process exists");
        assert!(seen >= Duration::from_millis(30), "{seen:?} after 50 ms of work");
    }

    #[test]
    fn no_process_has_no_account() {
        assert_eq!(cpu_of(u32::MAX), None);
    }
}
