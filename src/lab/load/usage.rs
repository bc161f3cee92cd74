//! CPU and memory of a process, and the stretch in which all calls were up.
//!
//! CPU time is that of all threads by `/proc/PID/task/*/schedstat`, in nanoseconds: what the scheduler gave them, work of
//! the kernel in their system calls included, waiting and being preempted not. What a thread has used is gone from there when
//! it ends; `/proc/PID/stat` keeps it, in hundredths of a second. So if threads ended between two looks, that one tells.

use std::{fs, ops::Range, time::Duration};

use crate::time::Timestamp;

/// Ticks of a second in `/proc/PID/stat`, the same on every Linux that we know.
const TICKS: u64 = 100;
/// Share of the most calls at once from which on a load is full.
const FULL: f64 = 0.95;

/// What a process has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// On the CPU, all threads that there are, kernel included.
    pub threads: Duration,
    /// The same with threads that have ended, to the hundredth of a second.
    pub process: Duration,
    /// Resident memory, KiB.
    pub rss_kib: u64,
}

impl Usage {
    /// Of a process, by `/proc`; `None` if it is gone, or the system has no `/proc`.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let read = |file| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
        let process = cpu(&read("stat")?)?;
        // A kernel that does not count threads so: then the process's own count is all there is.
        let threads = of_threads(pid).unwrap_or_default();
        Some(Self { threads, process, rss_kib: rss(&read("status")?)? })
    }

    /// CPU time used since an earlier look at the same process.
    #[must_use]
    pub fn cpu_since(self, earlier: Self) -> Duration {
        let threads = self.threads.saturating_sub(earlier.threads);
        let process = self.process.saturating_sub(earlier.process);
        // User and system time are rounded apart, at both looks.
        let rounding = Duration::from_millis(2 * 1000 / TICKS);
        let uncounted = self.threads.is_zero() || process > threads + rounding;
        if uncounted { process } else { threads }
    }
}

/// The sum over the threads that there are; `None` on a kernel that does not count it.
fn of_threads(pid: u32) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    // A thread that ends meanwhile has no file any more.
    let stats = threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok());
    let sum = stats.filter_map(|stat| on_cpu(&stat)).sum::<Duration>();
    (!sum.is_zero()).then_some(sum)
}

/// The first field: nanoseconds on a core.
fn on_cpu(schedstat: &str) -> Option<Duration> {
    schedstat.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// `utime` and `stime`, fields 14 and 15. The second field, the name, may hold anything but its last parenthesis.
fn cpu(stat: &str) -> Option<Duration> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u64>().ok()?, fields.next()?.parse::<u64>().ok()?);
    Some(Duration::from_millis((user + system) * (1000 / TICKS)))
}

fn rss(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// One look at everything.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// By the lab's clock.
    pub at: Timestamp,
    /// Calls with a stream.
    pub up: u64,
    /// Frames sent so far, of all calls.
    pub frames: u64,
    /// The gateway.
    pub server: Option<Usage>,
    /// The lab itself.
    pub lab: Option<Usage>,
}

/// The first and the last look at full load: the longest run of looks with nearly as many calls as there ever were, of
/// those that count.
pub(super) fn at_full_load<'a>(samples: &'a [Sample], counted: &Range<Timestamp>) -> Option<(&'a Sample, &'a Sample)> {
    // The last look is taken when time is over, and counts.
    let from = samples.partition_point(|sample| sample.at < counted.start);
    let to = samples.partition_point(|sample| sample.at <= counted.end);
    let samples = samples.get(from..to)?;
    let most = samples.iter().map(|sample| sample.up).max().filter(|most| *most > 0)?;
    let full = |sample: &Sample| sample.up as f64 >= most as f64 * FULL;
    let runs = samples.chunk_by(|a, b| full(a) == full(b)).filter(|run| full(&run[0]) && run.len() > 1);
    let longest = runs.max_by_key(|run| run.len())?;
    Some((longest.first()?, longest.last()?))
}

/// Share of one core between two looks.
pub(super) fn core_share(first: (Timestamp, Usage), last: (Timestamp, Usage)) -> f64 {
    last.1.cpu_since(first.1).as_secs_f64() / (last.0 - first.0).as_secs_f64().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_whatever_the_process_is_called() {
        let stat = "4711 (a (b) c) S 1 4711 4711 0 -1 4194560 9 0 0 0 120 35 0 0 20 0 3 0 1 2 3";
        assert_eq!(cpu(stat), Some(Duration::from_millis(1550)));
        assert_eq!(rss("Name:\tx\nVmRSS:\t   12345 kB\nRssAnon:\t 1 kB\n"), Some(12_345));
        assert_eq!((cpu(""), cpu("1 (x) S"), rss("Name:\tx\n")), (None, None, None));
        assert_eq!((on_cpu("123456 789 10\n"), on_cpu("")), (Some(Duration::from_nanos(123_456)), None));
        let own = Usage::of(std::process::id()).expect("we run");
        assert!(own.rss_kib > 100, "{own:?}");
    }

    #[test]
    fn what_a_thread_used_that_ended_is_counted() {
        let look = |threads, process| Usage {
            threads: Duration::from_micros(threads),
            process: Duration::from_micros(process),
            rss_kib: 0,
        };
        let earlier = look(900_123, 950_000);
        assert_eq!(look(910_456, 970_000).cpu_since(earlier), Duration::from_micros(10_333), "the finer count");
        assert_eq!(look(300_000, 1_150_000).cpu_since(earlier), Duration::from_millis(200), "a thread has ended");
        let before = Usage::of(std::process::id()).expect("we run");
        std::thread::spawn(|| {
            let begun = crate::net::clock::now();
            while crate::net::clock::now() - begun < Duration::from_millis(200) {
                std::hint::spin_loop();
            }
        })
        .join()
        .expect("it does nothing that could panic");
        let used = Usage::of(std::process::id()).expect("we run").cpu_since(before);
        // On a machine that is busy otherwise, it got less than the time that it took.
        assert!(used >= Duration::from_millis(20), "{used:?}");
    }

    fn sample(second: u64, up: u64) -> Sample {
        Sample { at: Timestamp::from_millis(second * 1000), up, ..Sample::default() }
    }

    #[test]
    fn full_load_is_the_longest_stretch_near_the_most() {
        let ups = [0, 50, 100, 99, 98, 60, 97, 96, 3];
        let samples: Vec<_> = ups.iter().enumerate().map(|(n, &up)| sample(n as u64, up)).collect();
        let all = Timestamp::ZERO..Timestamp::NEVER;
        let (first, last) = at_full_load(&samples, &all).expect("a stretch");
        assert_eq!((first.at, last.at), (Timestamp::from_millis(2000), Timestamp::from_millis(4000)));
        let late = Timestamp::from_millis(3500)..Timestamp::from_millis(7000);
        let (warm, _) = at_full_load(&samples, &late).expect("a stretch");
        assert_eq!(warm.at, Timestamp::from_millis(6000), "what was before does not count");
        assert_eq!(at_full_load(&[sample(0, 0), sample(1, 0)], &all), None);
        assert_eq!(at_full_load(&[sample(0, 0), sample(1, 5), sample(2, 0)], &all), None, "one look is no stretch");
        let used = |ms| Usage { threads: Duration::from_millis(ms), ..Usage::default() };
        assert_eq!(core_share((first.at, used(100)), (last.at, used(600))), 0.25);
    }
}
