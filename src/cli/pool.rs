//! Work on all cores, told in order.

use std::{
    collections::BTreeMap,
    io,
    num::NonZeroUsize,
    panic::{self, AssertUnwindSafe},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

/// Does `work` on every item, `jobs` at once, and gives the results to `done` in the order of the items, each as soon
/// as those before it are through. A panic in `work` is that item's result, and the others go on.
///
/// # Errors
/// The first error of `done`; work that was not begun by then is left undone.
pub(crate) fn in_order<T: Sync, R: Send>(
    items: &[T],
    jobs: NonZeroUsize,
    work: impl Fn(&T) -> Result<R, String> + Sync,
    mut done: impl FnMut(&T, Result<R, String>) -> io::Result<()>,
) -> io::Result<()> {
    let (next, (sender, receiver)) = (AtomicUsize::new(0), mpsc::channel());
    let worker = |sender: mpsc::Sender<(usize, Result<R, String>)>| {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(n) else { break };
            if sender.send((n, contained(|| work(item)))).is_err() {
                break;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..jobs.get().min(items.len()) {
            let sender = sender.clone();
            scope.spawn(|| worker(sender));
        }
        drop(sender);
        let (mut waiting, mut due) = (BTreeMap::new(), 0);
        let told = receiver.iter().try_for_each(|(n, result)| {
            waiting.insert(n, result);
            while let Some(result) = waiting.remove(&due) {
                done(&items[due], result)?;
                due += 1;
            }
            Ok(())
        });
        // Without a receiver the workers stop after what they are at.
        drop(receiver);
        told
    })
}

/// A bug of ours in one call must not take the others with it. Nothing that `work` touches outlives it.
fn contained<R>(work: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(format!("a bug of ours stopped this call, please report it: {}", text.unwrap_or("no reason is given")))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const JOBS: NonZeroUsize = NonZeroUsize::new(4).unwrap();

    #[test]
    fn results_come_in_order_though_the_first_takes_longest() {
        let items: Vec<u64> = (0..20).collect();
        let mut told = Vec::new();
        let work = |n: &u64| {
            thread::sleep(Duration::from_millis(if *n == 0 { 50 } else { 20 - n }));
            Ok(n * 2)
        };
        in_order(&items, JOBS, work, |n, result| {
            told.push((*n, result.unwrap()));
            Ok(())
        })
        .unwrap();
        assert_eq!(told, items.iter().map(|n| (*n, n * 2)).collect::<Vec<_>>());
    }

    #[test]
    fn a_panic_is_told_and_the_others_go_on() {
        let work = |n: &u32| if *n == 1 { panic!("no such thing as {n}") } else { Ok(*n) };
        let mut told = Vec::new();
        in_order(&[0, 1, 2], JOBS, work, |_, result| {
            told.push(result);
            Ok(())
        })
        .unwrap();
        assert_eq!((&told[0], &told[2]), (&Ok(0), &Ok(2)));
        assert!(told[1].as_ref().unwrap_err().ends_with("no such thing as 1"), "{told:?}");
    }

    #[test]
    fn nobody_to_tell_stops_the_work() {
        let begun = AtomicUsize::new(0);
        let work = |_: &u32| {
            thread::sleep(Duration::from_millis(2));
            Ok(begun.fetch_add(1, Ordering::Relaxed))
        };
        let items: Vec<u32> = (0..1_000).collect();
        let closed = in_order(&items, JOBS, work, |_, _| Err(io::ErrorKind::BrokenPipe.into()));
        assert_eq!(closed.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(begun.load(Ordering::Relaxed) < 500, "the rest was left undone");
    }
}
