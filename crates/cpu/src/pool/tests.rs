//! Each task once, workers never shared, panics and nesting without deadlock.

use super::*;

/// Runs a list and checks that each task ran once and no worker ran two at a time.
fn check(pool: &Pool, tasks: usize) {
    let ran: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
    let active: Vec<AtomicBool> = (0..pool.threads()).map(|_| AtomicBool::new(false)).collect();
    pool.run(tasks, &|task, worker| {
        assert!(!active[worker].swap(true, Ordering::SeqCst), "worker {worker} twice at a time");
        ran[task].fetch_add(1, Ordering::SeqCst);
        active[worker].store(false, Ordering::SeqCst);
    });
    assert!(ran.iter().all(|n| n.load(Ordering::SeqCst) == 1), "{tasks} tasks");
}

#[test]
fn every_task_runs_once() {
    for threads in [0, 1, 2, 3, 7] {
        let pool = Pool::new(threads);
        assert_eq!(pool.threads(), threads.max(1));
        for round in 0..if cfg!(miri) { 3 } else { 500 } {
            for tasks in [0, 1, 2, 3, 8, 50] {
                check(&pool, tasks);
            }
            if round % 100 == 99 {
                // Long enough for the workers to fall asleep.
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

#[test]
fn woken_workers_find_the_next_job_or_sleep_again() {
    let pool = Pool::new(3);
    for round in 0..if cfg!(miri) { 2 } else { 20 } {
        check(&pool, 9);
        std::thread::sleep(Duration::from_micros(200));
        pool.wake();
        if round % 2 == 0 {
            std::thread::sleep(Duration::from_micros(300));
        }
    }
    check(&pool, 9);
}

#[test]
fn results_are_visible_after_the_join() {
    let pool = Pool::new(4);
    for round in 0..if cfg!(miri) { 2 } else { 300 } {
        let data: Vec<Mutex<u64>> = (0..64).map(|_| Mutex::new(0)).collect();
        pool.run(64, &|task, _| *lock(&data[task]) = task as u64 + round);
        assert!(data.into_iter().enumerate().all(|(i, x)| x.into_inner().unwrap() == i as u64 + round));
    }
}

#[test]
fn the_caller_sleeps_for_a_slow_worker() {
    let pool = Pool::new(2);
    let on_worker = AtomicUsize::new(0);
    for _ in 0..5 {
        pool.run(2, &|_, worker| {
            on_worker.fetch_add(worker, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(if worker == 0 { 3 } else { 12 }));
        });
    }
    if !cfg!(miri) {
        assert!(on_worker.into_inner() > 0, "the worker never came");
    }
}

#[test]
fn panics_reach_the_caller_and_the_pool_lives_on() {
    let pool = Pool::new(3);
    for bad in [0, 3, 9] {
        let ran = AtomicUsize::new(0);
        let result = catch_unwind(AssertUnwindSafe(|| {
            pool.run(10, &|task, _| {
                ran.fetch_add(1, Ordering::Relaxed);
                assert!(task != bad, "task {task} failed");
            });
        }));
        let message = result.unwrap_err();
        assert_eq!(message.downcast_ref::<String>().unwrap(), &format!("task {bad} failed"));
        assert_eq!(ran.into_inner(), 10);
        check(&pool, 20);
    }
}

#[test]
fn jobs_in_jobs_and_second_callers_run_alone() {
    let pool = Pool::new(3);
    let count = AtomicUsize::new(0);
    pool.run(5, &|_, _| {
        pool.run(5, &|_, worker| {
            assert_eq!(worker, 0);
            count.fetch_add(1, Ordering::Relaxed);
        });
    });
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..20 {
                    pool.run(10, &|_, _| {
                        count.fetch_add(1, Ordering::Relaxed);
                    });
                }
            });
        }
    });
    assert_eq!(count.into_inner(), 25 + 600);
}
