//! What a plan was compiled for, and the cache of plans.

use super::loader::Batch;
use crate::error::{Error, Result};
pub(crate) use crate::optimizers::Phase;
use adaline_graph::TensorType;
use adaline_graph::backend::{Executable, Session};
use std::sync::Arc;

/// Plans kept at once unless more are in use. Training needs two (the last batch of an epoch is smaller), validation two, prediction two.
const CACHE: usize = 8;

/// Which graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Forward, loss, gradients, and what becomes of them.
    Train(Phase),
    /// Forward, loss and metrics.
    Test,
    /// Forward.
    Predict,
    /// Forward with the output of every layer.
    Probe,
    /// Forward as in training: random layers act, moving statistics move.
    Active,
}

/// What a plan was compiled for: everything that decides its graph besides the model itself. Copies share the shapes, so that a step
/// allocates nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Signature {
    pub(crate) mode: Mode,
    pub(crate) batch: Arc<BatchShapes>,
}

/// Shapes of a whole batch.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct BatchShapes {
    /// Samples per batch.
    pub(crate) rows: usize,
    /// Each input, `(B, ..)`.
    pub(crate) x: Vec<TensorType>,
    /// Labels of each output, `(B, ..)`; nothing where there are none.
    pub(crate) y: Vec<TensorType>,
    /// Whether there is one weight per sample, for each output.
    pub(crate) weighted: Vec<bool>,
}

impl Signature {
    /// Of batches without labels.
    pub(crate) fn unlabelled(mode: Mode, rows: usize, x: Vec<TensorType>) -> Self {
        Self { mode, batch: Arc::new(BatchShapes { rows, x, y: Vec::new(), weighted: Vec::new() }) }
    }
    /// The same batches for another purpose.
    pub(crate) fn with(&self, mode: Mode) -> Self {
        Self { mode, batch: Arc::clone(&self.batch) }
    }
    /// Samples per batch.
    pub(crate) fn rows(&self) -> usize {
        self.batch.rows
    }
}

/// Signatures of all batches of a pass over data: of whole batches and of a smaller last one, in each bucket.
pub(crate) struct Signatures {
    first: (usize, Signature),
    others: Vec<(usize, Signature)>,
}

impl Signatures {
    /// One for each (bucket, rows).
    pub(crate) fn new(shapes: &[(usize, usize)], make: &mut dyn FnMut(usize, usize) -> Result<Signature>) -> Result<Self> {
        let mut made = shapes.iter().map(|&(bucket, rows)| make(bucket, rows).map(|signature| (bucket, signature)));
        let first = made.next().unwrap_or(Err(Error::NoRows { what: "x", action: "run" }))?;
        Ok(Self { first, others: made.collect::<Result<_>>()? })
    }
    /// That of the first of the shapes.
    pub(crate) fn first(&self) -> &Signature {
        &self.first.1
    }
    /// That of a batch.
    pub(crate) fn of(&self, batch: &Batch<'_>) -> &Signature {
        let fits = |s: &&(usize, Signature)| s.0 == batch.bucket && s.1.rows() == batch.rows;
        &self.others.iter().find(fits).unwrap_or(&self.first).1
    }
}

/// A compiled graph and its memory.
pub(crate) struct Plan {
    pub(crate) signature: Signature,
    pub(crate) executable: Arc<dyn Executable>,
    pub(crate) session: Box<dyn Session>,
}

/// The plans used last, the most recent first.
#[derive(Default)]
pub(crate) struct PlanCache {
    plans: Vec<Plan>,
    /// Plans that training, evaluation and prediction use by turns.
    used: [usize; 3],
}

impl PlanCache {
    /// The plan of a signature. The most recent one is found at once, without moving anything.
    pub(crate) fn get(&mut self, signature: &Signature) -> Option<&mut Plan> {
        let at = self.plans.iter().position(|p| p.signature == *signature)?;
        if at > 1 {
            self.plans[..=at].rotate_right(1);
            return self.plans.first_mut();
        }
        self.plans.get_mut(at)
    }
    /// Makes room for so many plans of a mode, until it is said anew: batches of several buckets come by turns.
    pub(crate) fn expect(&mut self, mode: Mode, plans: usize) {
        let at = match mode {
            Mode::Train(_) => 0,
            Mode::Test => 1,
            Mode::Predict | Mode::Probe | Mode::Active => 2,
        };
        self.used[at] = plans;
    }
    /// Keeps a plan; the least recent one goes.
    pub(crate) fn insert(&mut self, plan: Plan) {
        self.plans.truncate(self.used.iter().sum::<usize>().max(CACHE) - 1);
        self.plans.insert(0, plan);
    }
    /// Forgets plans.
    pub(crate) fn retain(&mut self, keep: impl Fn(Mode) -> bool) {
        self.plans.retain(|p| keep(p.signature.mode));
    }
    /// Forgets all plans.
    pub(crate) fn clear(&mut self) {
        self.plans.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaline_graph::StateStore;
    use adaline_graph::backend::{PlanReport, RunError, TensorRef};

    struct Empty;
    impl Executable for Empty {
        fn session(&self) -> Box<dyn Session> {
            Box::new(Self)
        }
        fn report(&self) -> PlanReport {
            PlanReport::default()
        }
    }
    impl Session for Empty {
        fn run(&mut self, _: &[TensorRef<'_>], _: &mut StateStore) -> Result<(), RunError> {
            Ok(())
        }
        fn run_frozen(&mut self, _: &[TensorRef<'_>], _: &StateStore) -> Result<(), RunError> {
            Ok(())
        }
        fn output(&self, _: usize) -> TensorRef<'_> {
            TensorRef::F32(&[])
        }
    }

    fn signature(batch: usize) -> Signature {
        Signature::unlabelled(Mode::Predict, batch, vec![TensorType::f32([batch, 3])])
    }

    #[test]
    fn the_least_recently_used_plan_goes() {
        let mut cache = PlanCache::default();
        for batch in 1..=CACHE {
            cache.insert(Plan { signature: signature(batch), executable: Arc::new(Empty), session: Box::new(Empty) });
        }
        assert!(cache.get(&signature(1)).is_some(), "this makes 1 the most recent, so 2 is the oldest");
        cache.insert(Plan { signature: signature(100), executable: Arc::new(Empty), session: Box::new(Empty) });
        assert!(cache.get(&signature(2)).is_none());
        for kept in [1, 3, CACHE, 100] {
            assert!(cache.get(&signature(kept)).is_some(), "{kept}");
        }
        cache.expect(Mode::Test, 3);
        cache.expect(Mode::Predict, CACHE);
        for batch in 200..203 {
            cache.insert(Plan { signature: signature(batch), executable: Arc::new(Empty), session: Box::new(Empty) });
        }
        assert!([1, 3, CACHE, 100, 200, 202].iter().all(|&kept| cache.get(&signature(kept)).is_some()), "there is room for more");
        cache.retain(|m| m != Mode::Predict);
        assert!(cache.get(&signature(100)).is_none());
    }
}
