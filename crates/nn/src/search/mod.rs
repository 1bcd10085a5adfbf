//! A search for good settings: a grid, random draws, or successive halving.
//!
//! What a setting means is the caller's business: [`Search::run`] hands out [`Trial`]s and takes scores. Which trials there are, and which
//! of them go on, follows from the space, the seed and the scores, never from the number of threads or the time that something took.

mod space;
#[cfg(test)]
mod tests;

pub use space::{Point, Setting, Space, Values};

use crate::error::{Error, Result};
use serde_json::Value;
use space::space_error;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// How points are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Every combination of the listed values.
    Grid,
    /// Draws at random.
    #[default]
    Random,
    /// Draws at random, which first get few epochs; the best third goes on with three times as many, and so forth (successive halving,
    /// Jamieson & Talwalkar 2016, with the factor 3 of Hyperband).
    Halving,
}

/// The part of the trials that goes on in [`Method::Halving`], and by how much their epochs grow.
const FACTOR: usize = 3;

/// A search.
#[derive(Clone, Debug)]
pub struct Search {
    /// What is varied.
    pub space: Space,
    /// How points are chosen.
    pub method: Method,
    /// Most points to try.
    pub trials: usize,
    /// Most epochs of a trial.
    pub epochs: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// Trials at the same time.
    pub workers: usize,
}

/// A point to be tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Its number among the points, from 0.
    pub number: usize,
    /// The round, from 0; only [`Method::Halving`] has several.
    pub round: usize,
    /// Epochs it may train.
    pub epochs: usize,
    /// The settings.
    pub point: Point,
}

/// A trial with its outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// The trial.
    pub trial: Trial,
    /// What it is judged by: smaller is better, NaN is worst.
    pub score: f64,
    /// What else is known of it.
    pub notes: Value,
}

impl Search {
    /// Checks it, and counts the trials of all rounds.
    ///
    /// # Errors
    /// [`Error::Space`], [`Error::Option`].
    pub fn count(&self) -> Result<usize> {
        let points = self.points()?.len();
        Ok((0..self.rounds(points)).map(|r| Self::survivors(points, r)).sum())
    }

    fn points(&self) -> Result<Vec<Point>> {
        for (option, value) in [("trials", self.trials), ("epochs", self.epochs), ("workers", self.workers)] {
            if value == 0 {
                return Err(Error::option(option, 0, "at least 1"));
            }
        }
        self.space.validate()?;
        if self.method != Method::Grid {
            return Ok(self.space.draw(self.trials, self.seed));
        }
        let points = self.space.grid()?;
        if points.len() > self.trials {
            let message =
                format!("the grid has {} points, more than the {} trials: allow more, or list less values", points.len(), self.trials);
            return Err(space_error("", message));
        }
        Ok(points)
    }
    fn rounds(&self, points: usize) -> usize {
        let thirds = (1..u32::BITS).take_while(|&k| FACTOR.checked_pow(k).is_some_and(|f| f <= points)).count();
        if self.method == Method::Halving { 1 + thirds } else { 1 }
    }
    fn survivors(points: usize, round: usize) -> usize {
        (points / FACTOR.pow(round as u32)).max(1)
    }

    /// Runs all trials, some at the same time, and gives them back, the best first ([`ranked`]).
    ///
    /// `before` are trials that an earlier run of the same search has finished; they are not run again. `evaluate` runs a trial on one of
    /// the worker threads; nothing means that it was interrupted. `finished` is told of each trial as it is done. When `stop` becomes true,
    /// no more trials begin.
    ///
    /// # Errors
    /// [`Error::Space`], [`Error::Option`], and the first error of `evaluate` or `finished`; no more trials begin then.
    pub fn run<E: From<Error> + Send>(
        &self,
        before: &[Finished],
        stop: &AtomicBool,
        evaluate: impl Fn(&Trial) -> Result<Option<(f64, Value)>, E> + Sync,
        mut finished: impl FnMut(&Finished) -> Result<(), E>,
    ) -> Result<Vec<Finished>, E> {
        let mut alive: Vec<(usize, Point)> = self.points()?.into_iter().enumerate().collect();
        let (points, mut all) = (alive.len(), Vec::new());
        let rounds = self.rounds(points);
        for round in 0..rounds {
            let epochs = (self.epochs / FACTOR.pow((rounds - 1 - round) as u32)).max(1);
            let trials = alive.iter().map(|(number, point)| Trial { number: *number, round, epochs, point: point.clone() });
            let (mut done, mut open) = (Vec::new(), Vec::new());
            for trial in trials {
                match before.iter().find(|f| f.trial == trial) {
                    Some(known) => done.push(known.clone()),
                    None => open.push(trial),
                }
            }
            let missing = open.len();
            let new = self.round(&open, stop, &evaluate, &mut finished)?;
            let complete = new.len() == missing;
            done.extend(new);
            ranked(&mut done);
            alive = done.iter().take(Self::survivors(points, round + 1)).map(|f| (f.trial.number, f.trial.point.clone())).collect();
            alive.sort_by_key(|(number, _)| *number);
            all.extend(done);
            if !complete {
                break;
            }
        }
        ranked(&mut all);
        Ok(all)
    }

    fn round<E: Send>(
        &self,
        trials: &[Trial],
        stop: &AtomicBool,
        evaluate: &(impl Fn(&Trial) -> Result<Option<(f64, Value)>, E> + Sync),
        finished: &mut impl FnMut(&Finished) -> Result<(), E>,
    ) -> Result<Vec<Finished>, E> {
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (send, receive) = mpsc::channel();
        let (mut done, mut result) = (Vec::new(), Ok(()));
        thread::scope(|scope| {
            for _ in 0..self.workers.min(trials.len()) {
                let (send, next, failed) = (send.clone(), &next, &failed);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) && !failed.load(Ordering::Relaxed) {
                        let Some(trial) = trials.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                        let outcome = evaluate(trial);
                        // The other end waits for all.
                        let _ = send.send((trial, outcome));
                    }
                });
            }
            drop(send);
            for (trial, outcome) in receive {
                let told = match outcome {
                    Ok(None) => Ok(()),
                    Ok(Some((score, notes))) => {
                        done.push(Finished { trial: trial.clone(), score, notes });
                        done.last().map_or(Ok(()), &mut *finished)
                    }
                    Err(e) => Err(e),
                };
                if let (Err(e), true) = (told, result.is_ok()) {
                    failed.store(true, Ordering::Relaxed);
                    result = Err(e);
                }
            }
        });
        result.map(|()| done)
    }
}

/// Puts the best first: trials of later rounds, then smaller scores, then smaller numbers. NaN is worst.
pub fn ranked(trials: &mut [Finished]) {
    // Zero and minus zero are the same score.
    let score = |f: &Finished| if f.score.is_nan() { f64::INFINITY } else { f.score + 0.0 };
    trials.sort_by(|a, b| {
        let by_score = score(a).total_cmp(&score(b)).then(a.score.is_nan().cmp(&b.score.is_nan()));
        b.trial.round.cmp(&a.trial.round).then(by_score).then(a.trial.number.cmp(&b.trial.number))
    });
}
