//! A fork/join pool for fixed lists of tasks.
//!
//! [`Pool::run`] hands out the task numbers `0 .. tasks` to the caller and the workers, each number once, and returns when all are done. Who runs
//! what is left to chance; kernels cut their work by shape, so results do not depend on it.
//!
//! The caller works too and waits only for tasks that a worker has begun. A worker that does not come because another program has its core costs
//! nothing. Workers spin for a few microseconds after a job, because steps of training follow each other closely, and then sleep. Nothing is
//! allocated per job.
//!
//! `unsafe` is needed in one place: the job is a borrowed closure, and the workers outlive the borrow.
#![allow(unsafe_code)]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long an idle worker spins for the next job, and a caller for the last task, before sleeping.
const SPIN: Duration = Duration::from_micros(20);
/// Spins between looks at the clock.
const SPINS_PER_LOOK: u32 = 64;

/// A task list to run: called with (task, worker).
type Job<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// Threads that run task lists together with their caller.
///
/// ```
/// use adaline_cpu::pool::Pool;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// let pool = Pool::new(2);
/// let sum = AtomicUsize::new(0);
/// pool.run(10, &|task, _worker| {
///     sum.fetch_add(task, Ordering::Relaxed);
/// });
/// assert_eq!(sum.into_inner(), 45);
/// ```
pub struct Pool {
    shared: Arc<Shared>,
    threads: usize,
    /// Started by the first job that is worth them, so that small networks never start a thread.
    workers: OnceLock<Vec<JoinHandle<()>>>,
    /// One job at a time; a second caller, or a job that starts a job, runs its list alone.
    busy: AtomicBool,
}

/// The open job. The pointer is good only for one who has claimed a task of the same generation and not finished it.
#[derive(Clone, Copy)]
struct OpenJob {
    generation: u32,
    tasks: usize,
    job: *const Job<'static>,
}

// SAFETY: the pointer leads to a `Sync` closure, so calling it from any thread is fine; when it may be followed is told at `Pool::fork_join`.
unsafe impl Send for OpenJob {}

struct Shared {
    /// Generation of the open job (upper 32 bits) and tasks not yet claimed (lower 32 bits).
    claims: AtomicU64,
    /// Tasks of the open job that are not finished.
    unfinished: AtomicUsize,
    /// Workers that sleep or are about to; guarded changes under `sleep`.
    sleepers: AtomicUsize,
    /// The caller sleeps until `unfinished` is 0.
    caller_sleeps: AtomicBool,
    stop: AtomicBool,
    /// Workers that have begun to look for jobs.
    started: AtomicUsize,
    generation: AtomicU32,
    job: Mutex<Option<OpenJob>>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    sleep: Mutex<()>,
    wake: Condvar,
    done: Condvar,
}

/// No thread panics while it holds one of the pool's locks, and if one did, the data would still be whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// A pool of `threads` threads, the caller counted. Its `threads - 1` workers start with the first job of several tasks; where the
    /// system refuses a thread, there are fewer.
    pub fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared {
            started: AtomicUsize::new(0),
            claims: AtomicU64::new(0),
            unfinished: AtomicUsize::new(0),
            sleepers: AtomicUsize::new(0),
            caller_sleeps: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            generation: AtomicU32::new(0),
            job: Mutex::new(None),
            panic: Mutex::new(None),
            sleep: Mutex::new(()),
            wake: Condvar::new(),
            done: Condvar::new(),
        });
        Self { shared, threads: threads.max(1), workers: OnceLock::new(), busy: AtomicBool::new(false) }
    }

    /// Starts the workers and waits until they are there: what a thread allocates at its start must not fall into a later step.
    fn start(&self) -> Vec<JoinHandle<()>> {
        let workers: Vec<_> = (1..self.threads)
            .map_while(|worker| {
                let shared = Arc::clone(&self.shared);
                std::thread::Builder::new().name(format!("adaline-{worker}")).spawn(move || shared.work(worker)).ok()
            })
            .collect();
        while self.shared.started.load(Ordering::Acquire) < workers.len() {
            std::thread::yield_now();
        }
        workers
    }

    /// Threads that may run tasks, the caller counted. Worker numbers are below this.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Calls `f(task, worker)` once for each task in `0 .. tasks` and returns when all calls have returned. No two calls that run at the same time
    /// have the same worker number; the caller is worker 0.
    ///
    /// A job started while another runs (from inside a task, or by a second thread) is run by its caller alone, and then its worker number is 0 as
    /// well: a task must not start a job that uses the same per-worker scratch.
    ///
    /// # Panics
    /// If a task panics: the panic continues here when all begun tasks have ended.
    pub fn run(&self, tasks: usize, f: &Job<'_>) {
        let alone = tasks <= 1 || self.threads == 1 || tasks > u32::MAX as usize;
        if alone || self.busy.swap(true, Ordering::Acquire) {
            for task in 0..tasks {
                f(task, 0);
            }
            return;
        }
        self.workers.get_or_init(|| self.start());
        self.fork_join(tasks, f);
        let panic = lock(&self.shared.panic).take();
        self.busy.store(false, Ordering::Release);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    fn fork_join(&self, tasks: usize, f: &Job<'_>) {
        let shared = &*self.shared;
        #[allow(clippy::transmute_ptr_to_ptr)] // a cast may not lengthen the lifetime
        // SAFETY: only the lifetime of a raw pointer is erased. It is followed in `work_on` alone, between claiming one of the `tasks` numbers of
        // this generation and counting `unfinished` down for it. `wait` returns only when `unfinished` is 0; then all numbers have been
        // claimed and finished, so no later claim of this generation succeeds and the pointer is not followed again. All that time `f` is
        // borrowed: nothing from here to the end of `wait` unwinds, because panics of tasks are caught.
        let job = unsafe { std::mem::transmute::<*const Job<'_>, *const Job<'static>>(f) };
        // Generations wrap after 2^32 jobs; a worker would have to sleep through all of them between two instructions to confuse two.
        let generation = shared.generation.load(Ordering::Relaxed).wrapping_add(1);
        shared.generation.store(generation, Ordering::Relaxed);
        let open = OpenJob { generation, tasks, job };
        *lock(&shared.job) = Some(open);
        shared.unfinished.store(tasks, Ordering::Relaxed);
        // Publishes the job. SeqCst, as the load of `sleepers` below: either the worker that goes to sleep sees the job, or we see the sleeper.
        shared.claims.store(u64::from(generation) << 32 | tasks as u64, Ordering::SeqCst);
        if shared.sleepers.load(Ordering::SeqCst) > 0 {
            drop(lock(&shared.sleep));
            shared.wake.notify_all();
        }
        shared.work_on(open, 0);
        shared.wait();
        *lock(&shared.job) = None;
    }
}

impl Shared {
    /// Takes one of the tasks of a generation that are left, if there is one: the number left after it.
    fn claim(&self, generation: u32) -> Option<usize> {
        let mut claims = self.claims.load(Ordering::Acquire);
        loop {
            let left = claims as u32;
            if (claims >> 32) as u32 != generation || left == 0 {
                return None;
            }
            match self.claims.compare_exchange_weak(claims, claims - 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(left as usize - 1),
                Err(now) => claims = now,
            }
        }
    }

    /// Runs tasks of a job until all are claimed. Does nothing if the job is not the open one any more.
    fn work_on(&self, open: OpenJob, worker: usize) {
        while let Some(left) = self.claim(open.generation) {
            // SAFETY: we hold a claim of this generation and have not counted it as finished, so the closure is alive (see `fork_join`).
            let job = unsafe { &*open.job };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| job(open.tasks - 1 - left, worker))) {
                lock(&self.panic).get_or_insert(panic);
            }
            // Releases what the task wrote to the caller. SeqCst with `caller_sleeps`: either the caller sees 0, or we see it asleep.
            if self.unfinished.fetch_sub(1, Ordering::SeqCst) == 1 && self.caller_sleeps.load(Ordering::SeqCst) {
                drop(lock(&self.sleep));
                self.done.notify_one();
            }
        }
    }

    /// The caller's wait for tasks that workers have begun.
    fn wait(&self) {
        if spin_until(|| self.unfinished.load(Ordering::Acquire) == 0) {
            return;
        }
        self.caller_sleeps.store(true, Ordering::SeqCst);
        let mut guard = lock(&self.sleep);
        while self.unfinished.load(Ordering::SeqCst) != 0 {
            guard = self.done.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        drop(guard);
        self.caller_sleeps.store(false, Ordering::SeqCst);
    }

    fn work(&self, worker: usize) {
        self.started.fetch_add(1, Ordering::Release);
        let open = || self.claims.load(Ordering::SeqCst) as u32 != 0 || self.stop.load(Ordering::SeqCst);
        loop {
            if !spin_until(open) {
                let mut guard = lock(&self.sleep);
                self.sleepers.fetch_add(1, Ordering::SeqCst);
                while !open() {
                    guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
                }
                self.sleepers.fetch_sub(1, Ordering::SeqCst);
            }
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let open = *lock(&self.job);
            if let Some(open) = open {
                self.work_on(open, worker);
            }
        }
    }
}

/// Spins a while; whether the condition came true.
fn spin_until(condition: impl Fn() -> bool) -> bool {
    for _ in 0..SPINS_PER_LOOK {
        if condition() {
            return true;
        }
        std::hint::spin_loop();
    }
    let start = Instant::now();
    while start.elapsed() < SPIN {
        for _ in 0..SPINS_PER_LOOK {
            if condition() {
                return true;
            }
            std::hint::spin_loop();
        }
    }
    false
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        drop(lock(&self.shared.sleep));
        self.shared.wake.notify_all();
        for worker in self.workers.take().into_iter().flatten() {
            // A worker catches the panics of its tasks; there is nothing to report.
            let _ = worker.join();
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads()).finish()
    }
}

#[cfg(test)]
mod tests;
