//! Work on all processors of the computer, with nothing but threads.
//!
//! Checking signatures and opening what is sealed are most of what there is to compute here, and each piece of it
//! stands for itself. This module must never change the order in which results are handed over.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Items that are worked on at a time: long enough for a hand-over not to matter, short enough to share the rest.
const PIECE: usize = 32;

/// Does `work` on every item; results in the items' order.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let mut results = Vec::with_capacity(items.len());
    let Ok(()) = in_order(items, work, |result| {
        results.push(result);
        Ok::<_, Infallible>(())
    });
    results
}

/// Does `work` on every item and hands the results to `each`, on this thread and in the items' order, while later items
/// are worked on.
///
/// # Errors
/// The first of `each`; what follows is left.
pub fn in_order<T: Sync, R: Send, E>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut each: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let pieces = items.len().div_ceil(PIECE);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(pieces);
    if threads <= 1 {
        return items.iter().try_for_each(|item| each(work(item)));
    }
    let claimed = AtomicUsize::new(0);
    // A piece that nobody works on yet, done.
    let next = || {
        let piece = claimed.fetch_add(1, Ordering::Relaxed);
        let items = items.chunks(PIECE).nth(piece)?;
        Some((piece, items.iter().map(&work).collect::<Vec<R>>()))
    };
    std::thread::scope(|scope| {
        let (sender, done) = mpsc::channel();
        for _ in 1..threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                // Nobody listens any more after an error.
                while let Some(piece) = next()
                    && sender.send(piece).is_ok()
                {}
            });
        }
        drop(sender);
        let (mut ready, mut turn) = (BTreeMap::new(), 0);
        loop {
            ready.extend(done.try_iter());
            if let Some(results) = ready.remove(&turn) {
                results.into_iter().try_for_each(&mut each)?;
                turn += 1;
            } else if let Some((piece, results)) = next() {
                ready.insert(piece, results);
            } else {
                // The others have the rest. If one of them panicked, so does this thread when the scope ends.
                let Ok((piece, results)) = done.recv() else { return Ok(()) };
                ready.insert(piece, results);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_however_long_each_takes() {
        let items: Vec<u64> = (0..1_000).collect();
        let slow = |n: &u64| (0..(n * 7_919 % 1_000)).fold(*n, |sum, m| std::hint::black_box(sum ^ m ^ m));
        assert_eq!(map(&items, slow), items);
        for few in [0, 1, PIECE, PIECE + 1] {
            assert_eq!(map(&items[..few], slow), items[..few]);
        }
    }

    #[test]
    fn the_first_error_ends_it() {
        let items: Vec<usize> = (0..1_000).collect();
        let mut seen = Vec::new();
        let ended = in_order(
            &items,
            |n| *n,
            |n| {
                seen.push(n);
                if n == 500 { Err(n) } else { Ok(()) }
            },
        );
        assert_eq!((ended, seen.len()), (Err(500), 501));
    }

    #[test]
    #[should_panic]
    fn a_panic_of_any_thread_is_not_lost() {
        map(&(0..1_000).collect::<Vec<usize>>(), |n| assert_ne!(*n, 700));
    }
}
