//! Work shared among threads, and the gate that keeps their memory bounded.

use std::sync::mpsc::sync_channel;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Works on all items with up to that many threads. `seen` gets the results on this thread, in the order in which they are done; it must
/// not let that order decide anything.
pub(super) fn for_each<I: Send, R: Send>(
    threads: usize,
    items: impl Iterator<Item = I> + Send,
    work: impl Fn(I) -> R + Sync,
    mut seen: impl FnMut(R),
) {
    if threads <= 1 {
        return items.for_each(|item| seen(work(item)));
    }
    let items = Mutex::new(items.fuse());
    let (send, done) = sync_channel(2 * threads);
    thread::scope(|scope| {
        // Dropped before the threads are waited for, so that a `seen` that panics does not leave them waiting to send.
        let done = done;
        for _ in 0..threads {
            let (send, items, work) = (send.clone(), &items, &work);
            scope.spawn(move || {
                loop {
                    let next = lock(items).next();
                    let Some(item) = next else { break };
                    if send.send(work(item)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        done.iter().for_each(&mut seen);
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets pictures in as long as all that are inside take no more than so many bytes together.
#[derive(Debug)]
pub(super) struct Gate {
    limit: u64,
    inside: Mutex<u64>,
    left: Condvar,
}

/// A place inside, until it is dropped.
#[derive(Debug)]
pub(super) struct Pass<'g> {
    gate: &'g Gate,
    bytes: u64,
}

impl Gate {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, inside: Mutex::new(0), left: Condvar::new() }
    }

    /// Waits until there is room. More bytes than the limit count as the limit: such a picture is alone inside.
    pub(super) fn enter(&self, bytes: u64) -> Pass<'_> {
        let bytes = bytes.min(self.limit);
        let full = |inside: &mut u64| *inside > self.limit - bytes;
        let mut inside = self.left.wait_while(lock(&self.inside), full).unwrap_or_else(PoisonError::into_inner);
        *inside += bytes;
        Pass { gate: self, bytes }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        *lock(&self.gate.inside) -= self.bytes;
        self.gate.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn the_gate_holds() {
        let gate = Gate::new(100);
        let (inside, most) = (AtomicU64::new(0), AtomicU64::new(0));
        let work = |bytes: u64| {
            let pass = gate.enter(bytes);
            most.fetch_max(inside.fetch_add(pass.bytes, Ordering::SeqCst) + pass.bytes, Ordering::SeqCst);
            thread::yield_now();
            inside.fetch_sub(pass.bytes, Ordering::SeqCst);
        };
        let mut count = 0;
        for_each(8, (0..400).map(|i| [10, 30, 60, 1000][i % 4]), work, |()| count += 1);
        assert_eq!(count, 400);
        assert!(most.load(Ordering::SeqCst) <= 100);
    }

    #[test]
    fn a_panic_of_the_caller_ends_the_threads() {
        let result = std::panic::catch_unwind(|| for_each(3, 0..1000, |i| i, |i| assert!(i < 10)));
        assert!(result.is_err());
    }
}
