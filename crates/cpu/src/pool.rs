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
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long an idle worker spins for the next job before it sleeps: about what waking it costs, so that at worst twice the best is paid.
const IDLE_SPIN: Duration = Duration::from_micros(8);
/// How long a caller spins for the last tasks, which workers are running.
const JOIN_SPIN: Duration = Duration::from_micros(20);
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

/// A job as a worker sees it. The pointer is good only for one who has claimed a task of the same generation and not finished it.
#[derive(Clone, Copy)]
struct OpenJob {
    generation: u32,
    tasks: usize,
    /// Leads to a `&Job` on the caller's stack.
    job: *const (),
}

/// What a fork hands over, in one cache line, so that it reaches a worker in one transfer.
#[repr(align(64))]
struct Fork {
    /// Generation of the open job (upper 32 bits) and tasks not yet claimed (lower 32 bits).
    claims: AtomicU64,
    tasks: AtomicUsize,
    job: AtomicPtr<()>,
}

/// What the join reads, in a line of its own.
#[repr(align(64))]
struct Join {
    /// Tasks of the open job that are not finished.
    unfinished: AtomicUsize,
    /// The caller sleeps until `unfinished` is 0.
    caller_sleeps: AtomicBool,
}

struct Shared {
    fork: Fork,
    join: Join,
    /// Workers that sleep or are about to; guarded changes under `sleep`.
    sleepers: AtomicUsize,
    /// Counts calls of [`Pool::wake`], so that a worker that was woken spins again.
    calls: AtomicUsize,
    stop: AtomicBool,
    /// Workers that have begun to look for jobs.
    started: AtomicUsize,
    generation: AtomicU32,
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
            fork: Fork { claims: AtomicU64::new(0), tasks: AtomicUsize::new(0), job: AtomicPtr::new(std::ptr::null_mut()) },
            join: Join { unfinished: AtomicUsize::new(0), caller_sleeps: AtomicBool::new(false) },
            sleepers: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            started: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            generation: AtomicU32::new(0),
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

    /// Wakes workers that sleep, so that they are there when a job comes within the next microseconds. Costs nothing where none sleeps.
    pub fn wake(&self) {
        if self.shared.sleepers.load(Ordering::Relaxed) > 0 {
            self.shared.calls.fetch_add(1, Ordering::SeqCst);
            self.shared.rouse();
        }
    }

    fn fork_join(&self, tasks: usize, f: &Job<'_>) {
        let shared = &*self.shared;
        // The pointer leads to `f` itself, the parameter of this function. It is followed in `work_on` alone, between claiming one of the
        // `tasks` numbers of this generation and counting `unfinished` down for it. `wait` returns only when `unfinished` is 0; then all
        // numbers have been claimed and finished, so no later claim of this generation succeeds and the pointer is not followed again. All
        // that time `f` is borrowed: nothing from here to the end of `wait` unwinds, because panics of tasks are caught.
        let job: *const () = (&raw const f).cast();
        // Generations wrap after 2^32 jobs; a worker would have to sleep through all of them between two instructions to confuse two.
        let generation = shared.generation.load(Ordering::Relaxed).wrapping_add(1);
        shared.generation.store(generation, Ordering::Relaxed);
        shared.join.unfinished.store(tasks, Ordering::Relaxed);
        shared.fork.tasks.store(tasks, Ordering::Relaxed);
        shared.fork.job.store(job.cast_mut(), Ordering::Relaxed);
        // Publishes the job. SeqCst, as the load of `sleepers` below: either the worker that goes to sleep sees the job, or we see the sleeper.
        shared.fork.claims.store(u64::from(generation) << 32 | tasks as u64, Ordering::SeqCst);
        if shared.sleepers.load(Ordering::SeqCst) > 0 {
            shared.rouse();
        }
        shared.work_on(OpenJob { generation, tasks, job }, 0);
        shared.wait();
    }
}

impl Shared {
    /// Takes one of the tasks of a generation that are left, if there is one: the number left after it.
    fn claim(&self, generation: u32) -> Option<usize> {
        let mut claims = self.fork.claims.load(Ordering::Acquire);
        loop {
            let left = claims as u32;
            if (claims >> 32) as u32 != generation || left == 0 {
                return None;
            }
            match self.fork.claims.compare_exchange_weak(claims, claims - 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(left as usize - 1),
                Err(now) => claims = now,
            }
        }
    }

    /// Runs tasks of a job until all are claimed. Does nothing if the job is not the open one any more.
    fn work_on(&self, open: OpenJob, worker: usize) {
        while let Some(left) = self.claim(open.generation) {
            // SAFETY: we hold a claim of this generation and have not counted it as finished, so the caller is in `fork_join` and the reference
            // to the closure, and the closure, are alive; a job is `Sync`, so that any thread may call it.
            let job: &Job<'_> = unsafe { *open.job.cast::<&Job<'_>>() };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| job(open.tasks - 1 - left, worker))) {
                lock(&self.panic).get_or_insert(panic);
            }
            // Releases what the task wrote to the caller. SeqCst with `caller_sleeps`: either the caller sees 0, or we see it asleep.
            if self.join.unfinished.fetch_sub(1, Ordering::SeqCst) == 1 && self.join.caller_sleeps.load(Ordering::SeqCst) {
                drop(lock(&self.sleep));
                self.done.notify_one();
            }
        }
    }

    /// The caller's wait for tasks that workers have begun.
    fn wait(&self) {
        if spin_until(JOIN_SPIN, || self.join.unfinished.load(Ordering::Acquire) == 0) {
            return;
        }
        self.join.caller_sleeps.store(true, Ordering::SeqCst);
        let mut guard = lock(&self.sleep);
        while self.join.unfinished.load(Ordering::SeqCst) != 0 {
            guard = self.done.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        drop(guard);
        self.join.caller_sleeps.store(false, Ordering::SeqCst);
    }

    fn work(&self, worker: usize) {
        self.started.fetch_add(1, Ordering::Release);
        let open = || self.fork.claims.load(Ordering::SeqCst) as u32 != 0 || self.stop.load(Ordering::SeqCst);
        loop {
            if !spin_until(IDLE_SPIN, open) {
                let calls = self.calls.load(Ordering::SeqCst);
                let mut guard = lock(&self.sleep);
                self.sleepers.fetch_add(1, Ordering::SeqCst);
                while !open() && self.calls.load(Ordering::SeqCst) == calls {
                    guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
                }
                self.sleepers.fetch_sub(1, Ordering::SeqCst);
            }
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            // What is read between this load and a claim of its generation belongs to that generation: the next one is written only when all
            // of this one's tasks are finished. Without a claim it may be anything, and is not used.
            let claims = self.fork.claims.load(Ordering::Acquire);
            let (tasks, job) = (self.fork.tasks.load(Ordering::Relaxed), self.fork.job.load(Ordering::Relaxed));
            if claims as u32 != 0 {
                self.work_on(OpenJob { generation: (claims >> 32) as u32, tasks, job }, worker);
            }
        }
    }

    /// Wakes all sleepers.
    fn rouse(&self) {
        drop(lock(&self.sleep));
        self.wake.notify_all();
    }
}

/// Spins a while; whether the condition came true.
fn spin_until(limit: Duration, condition: impl Fn() -> bool) -> bool {
    for _ in 0..SPINS_PER_LOOK {
        if condition() {
            return true;
        }
        std::hint::spin_loop();
    }
    let start = Instant::now();
    while start.elapsed() < limit {
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
