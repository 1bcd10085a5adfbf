//! Batches that somebody hands over one after another: Keras' generators and `PyDataset`.

use super::data::{EVALUATION, What};
use super::feed::{Inputs, Labels};
use super::loader::{Batch, Flow, Pick};
use super::signature::{Mode, Phase, Signature};
use super::{Logs, Model};
use crate::error::{Error, Result};
use adaline_data::{RowSource, Tensor};
use adaline_graph::Role;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One batch with its own data: rows of each input, labels of each output, and how much each row counts.
///
/// ```
/// use adaline_data::Tensor;
/// use adaline_nn::model::DataBatch;
/// let batch = DataBatch::new(Tensor::from([[0.1, 0.9], [0.3, 0.2]])).labels(Tensor::from([[1.0], [0.0]])).sample_weight([1.0, 0.5]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct DataBatch {
    x: Vec<(Option<String>, Tensor)>,
    y: Vec<(Option<String>, Tensor)>,
    weight: Option<Vec<f32>>,
    weights: Vec<(String, Vec<f32>)>,
}

impl DataBatch {
    /// Rows `(B, ..)` of the first input; those of further ones follow with [`DataBatch::input`].
    pub fn new(x: Tensor) -> Self {
        Self::default().input(x)
    }
    /// Adds the rows of the next input.
    pub fn input(mut self, x: Tensor) -> Self {
        self.x.push((None, x));
        self
    }
    /// Adds the rows of the input of this name.
    pub fn input_of(mut self, name: impl Into<String>, x: Tensor) -> Self {
        self.x.push((Some(name.into()), x));
        self
    }
    /// Adds the labels of the next output.
    pub fn labels(mut self, y: Tensor) -> Self {
        self.y.push((None, y));
        self
    }
    /// Adds the labels of the output of this name.
    pub fn labels_of(mut self, name: impl Into<String>, y: Tensor) -> Self {
        self.y.push((Some(name.into()), y));
        self
    }
    /// How much each row counts in the loss of each output.
    pub fn sample_weight(mut self, weights: impl Into<Vec<f32>>) -> Self {
        self.weight = Some(weights.into());
        self
    }
    /// How much each row counts in the loss of the output of this name.
    pub fn sample_weight_of(mut self, output: impl Into<String>, weights: impl Into<Vec<f32>>) -> Self {
        self.weights.push((output.into(), weights.into()));
        self
    }
    fn x(&self) -> Inputs<'_> {
        Inputs::of(self.x.iter().map(|(name, x)| (name.clone(), x as &dyn RowSource)).collect())
    }
    fn y(&self) -> Labels<'_> {
        Labels::of(self.y.iter().map(|(name, y)| (name.clone(), y)).collect())
    }
}

/// Who hands over batches. They are taken in the order in which they come, and may differ in rows and shapes; each shape has a compiled step of its
/// own, of which the last eight are kept.
pub trait Batches {
    /// The next batch; nothing at the end.
    ///
    /// # Errors
    /// Whatever keeps it from being made; it ends the training.
    fn next(&mut self) -> Result<Option<DataBatch>>;
    /// Batches of an epoch, where that is known. An epoch then has as many.
    fn len(&self) -> Option<usize> {
        None
    }
    /// Whether there is known to be none.
    fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }
    /// Goes back to the first batch, before each epoch but the first; false where that cannot be done: then the next epoch goes on where this one ended.
    ///
    /// # Errors
    /// As [`Batches::next`].
    fn restart(&mut self) -> Result<bool> {
        Ok(false)
    }
    /// As [`Batches::next`], with the model that is going to read the batch: for batches that are made by asking it.
    ///
    /// # Errors
    /// As [`Batches::next`].
    fn next_for(&mut self, model: &mut Model) -> Result<Option<DataBatch>> {
        let _ = model;
        self.next()
    }
    /// An epoch, or an evaluation, is about to begin.
    ///
    /// # Errors
    /// As [`Batches::next`].
    fn on_epoch_begin(&mut self) -> Result<()> {
        Ok(())
    }
    /// An epoch is over: the place to put batches into another order.
    fn on_epoch_end(&mut self) {}
}

impl<B: Batches + ?Sized> Batches for &mut B {
    fn next(&mut self) -> Result<Option<DataBatch>> {
        (**self).next()
    }
    fn len(&self) -> Option<usize> {
        (**self).len()
    }
    fn restart(&mut self) -> Result<bool> {
        (**self).restart()
    }
    fn next_for(&mut self, model: &mut Model) -> Result<Option<DataBatch>> {
        (**self).next_for(model)
    }
    fn on_epoch_begin(&mut self) -> Result<()> {
        (**self).on_epoch_begin()
    }
    fn on_epoch_end(&mut self) {
        (**self).on_epoch_end();
    }
}

/// Batches of an iterator, which may be endless. It cannot begin anew.
#[derive(Clone, Debug)]
pub struct Generator<I>(I);

impl<I: Iterator<Item = DataBatch>> Generator<I> {
    /// The batches that the iterator gives.
    pub fn new(batches: impl IntoIterator<IntoIter = I>) -> Self {
        Self(batches.into_iter())
    }
}

impl<I: Iterator<Item = DataBatch>> Batches for Generator<I> {
    fn next(&mut self) -> Result<Option<DataBatch>> {
        Ok(self.0.next())
    }
}

/// Batches on their way into a training or an evaluation.
pub(super) struct Stream<'a> {
    batches: Box<dyn Batches + 'a>,
    /// Taken ahead, to see whether there is one.
    pending: Option<DataBatch>,
    /// The batch of the last step.
    last: Option<DataBatch>,
    /// What is said of its tensors.
    what: What,
    class_weight: Option<BTreeMap<i32, f32>>,
    /// Steps of an epoch, where they are known.
    pub(super) steps: Option<usize>,
    /// An epoch goes on where the one before ended; a source that is at its end begins anew.
    goes_on: bool,
    begun: bool,
    /// Within an epoch.
    open: bool,
}

impl<'a> Stream<'a> {
    /// Epochs of `steps` batches; without, of as many as there are.
    pub(super) fn new(batches: Box<dyn Batches + 'a>, what: What, steps: Option<usize>) -> Self {
        let known = steps.or_else(|| batches.len());
        Self {
            goes_on: steps.is_some(),
            steps: known,
            batches,
            pending: None,
            last: None,
            what,
            class_weight: None,
            begun: false,
            open: false,
        }
    }
    /// The same with weights of classes.
    pub(super) fn weighted(self, class_weight: Option<BTreeMap<i32, f32>>) -> Self {
        Self { class_weight, ..self }
    }
    /// Begins an epoch, or an evaluation, unless one has begun; whether there is a batch.
    pub(super) fn begin(&mut self, model: &mut Model) -> Result<bool> {
        if !self.open {
            self.batches.on_epoch_begin()?;
            if self.begun && !self.goes_on && self.batches.restart()? {
                self.pending = None;
            }
            (self.begun, self.open) = (true, true);
        }
        self.peek(model)
    }
    /// Whether there is another batch.
    fn peek(&mut self, model: &mut Model) -> Result<bool> {
        if self.pending.is_none() {
            self.pending = self.batches.next_for(model)?;
        }
        if self.pending.is_none() && self.goes_on && self.batches.restart()? {
            self.pending = self.batches.next_for(model)?;
        }
        Ok(self.pending.is_some())
    }
    fn take(&mut self, model: &mut Model) -> Result<Option<DataBatch>> {
        self.peek(model)?;
        Ok(self.pending.take())
    }
    /// An epoch is over.
    pub(super) fn end(&mut self) {
        self.open = false;
        self.batches.on_epoch_end();
    }
    /// Checks the batch that comes next, which may decide the shapes of weights; how many rows it has.
    pub(super) fn check_first(&self, model: &mut Model) -> Result<usize> {
        let Some(batch) = &self.pending else { return Ok(0) };
        let mode = Mode::Train(Phase::Single);
        model.with_batch(mode, self.what, batch, self.class_weight.as_ref(), |model, signature, _| {
            // Its plan makes the memory of optimizer and metrics, whose values a backup has.
            let compiled = model.compiled("train")?;
            let phase = Phase::of(compiled.steps + 1, compiled.accumulation());
            model.plan(&signature.with(Mode::Train(phase)))?;
            Ok(signature.rows())
        })
    }
    /// Runs `step` on the batches of an epoch of which `before` are done, with their numbers from 1, until it says to stop. False where there are
    /// fewer batches than the epoch has.
    pub(super) fn each(
        &mut self,
        model: &mut Model,
        before: usize,
        step: &mut dyn FnMut(&mut Model, usize, &Signature, &Batch<'_>) -> Result<Flow>,
    ) -> Result<bool> {
        let mut done = 0;
        while self.steps.is_none_or(|steps| done < steps) {
            let Some(batch) = self.take(model)? else { return Ok(self.steps.is_none()) };
            done += 1;
            if done <= before {
                continue;
            }
            let mode = Mode::Train(Phase::Single);
            let ran = model.with_batch(mode, self.what, &batch, self.class_weight.as_ref(), |model, signature, rows| {
                step(model, done, signature, rows)
            });
            self.last = Some(batch);
            if ran? == Flow::Stop {
                break;
            }
        }
        Ok(true)
    }
    /// Runs something on the batch of the last step once more.
    pub(super) fn again<R>(
        &self,
        model: &mut Model,
        run: impl FnOnce(&mut Model, &Signature, &Batch<'_>) -> Result<R>,
    ) -> Result<Option<R>> {
        let Some(batch) = &self.last else { return Ok(None) };
        model.with_batch(Mode::Train(Phase::Single), self.what, batch, self.class_weight.as_ref(), run).map(Some)
    }
}

impl Model {
    /// As [`Model::evaluate`], on batches that are handed over one after another: at most `steps` of them, all without.
    ///
    /// # Errors
    /// As [`Model::evaluate`], and whatever the source of the batches returns.
    pub fn evaluate_batches(&mut self, mut batches: impl Batches, steps: Option<usize>) -> Result<Logs> {
        self.evaluate_stream(&mut Stream::new(Box::new(&mut batches), EVALUATION, steps))
    }

    /// Evaluates the batches of a stream from its beginning on. Begins the sums of the metrics anew.
    pub(super) fn evaluate_stream(&mut self, stream: &mut Stream<'_>) -> Result<Logs> {
        let (what, mut done) = (stream.what, 0);
        self.compiled("evaluate")?;
        self.require_built("evaluate")?;
        stream.begin(self)?;
        while stream.steps.is_none_or(|steps| done < steps) {
            let Some(batch) = stream.take(self)? else { break };
            self.with_batch(Mode::Test, what, &batch, None, |model, signature, rows| {
                // The first plan makes the sums of metrics that training has not made.
                model.plan(signature)?;
                if done == 0 {
                    model.weights.store.zero(Role::Metric);
                }
                model.test_step(signature, rows)
            })?;
            done += 1;
        }
        if done == 0 {
            return Err(Error::NoRows { what: "the source of batches", action: what.action });
        }
        stream.end();
        Ok(self.compiled("evaluate")?.results(&self.weights.store))
    }

    /// As [`Model::predict_all`], on the inputs of batches that are handed over one after another: the outputs for all their rows, joined. At most
    /// `steps` batches are taken, all without.
    ///
    /// # Errors
    /// As [`Model::predict`], and whatever the source of the batches returns; [`Error::Network`] when the outputs of batches differ in the shape of
    /// their rows.
    pub fn predict_batches(&mut self, mut batches: impl Batches, steps: Option<usize>) -> Result<Vec<Tensor>> {
        self.predict_stream(Stream::new(Box::new(&mut batches), EVALUATION, steps))
    }

    fn predict_stream(&mut self, mut stream: Stream<'_>) -> Result<Vec<Tensor>> {
        // Of each output the shape of a row, and the values of all of them.
        let mut joined: Vec<(Vec<usize>, Vec<f32>)> = Vec::new();
        let (mut done, mut rows) = (0, 0);
        stream.begin(self)?;
        while stream.steps.is_none_or(|steps| done < steps) {
            let Some(batch) = stream.take(self)? else { break };
            let x = batch.x();
            let outputs = self.predict_all(batch.x(), x.rows().max(1))?;
            if joined.is_empty() {
                joined = outputs.iter().map(|o| (o.row_shape().to_vec(), Vec::new())).collect();
            }
            for (output, (row, values)) in outputs.iter().zip(&mut joined) {
                if output.row_shape() != &row[..] {
                    let (got, first) = (output.row_shape(), &row[..]);
                    let message = format!("outputs of batches have rows of shape {first:?} and of shape {got:?}, which cannot be joined");
                    return Err(self.wrong(format!("{message}: predict each batch by itself, or pad all to one length")));
                }
                values.extend_from_slice(&output.f32_values());
            }
            rows += x.rows();
            done += 1;
        }
        if done == 0 {
            return Err(Error::NoRows { what: "the source of batches", action: "predict" });
        }
        stream.end();
        let tensor = |(row, values): (Vec<usize>, Vec<f32>)| Ok(Tensor::f32(std::iter::once(rows).chain(row).collect::<Vec<_>>(), values)?);
        joined.into_iter().map(tensor).collect()
    }

    /// Checks a batch and runs something on it.
    pub(super) fn with_batch<R>(
        &mut self,
        mode: Mode,
        what: What,
        batch: &DataBatch,
        class_weight: Option<&BTreeMap<i32, f32>>,
        run: impl FnOnce(&mut Self, &Signature, &Batch<'_>) -> Result<R>,
    ) -> Result<R> {
        let (x, y) = (self.begin_with(batch.x(), false)?, self.arrange_labels(batch.y())?);
        let given = self.arrange_weights(batch.weight.as_deref(), &batch.weights)?;
        self.check_data(what, &x, &y, &given)?;
        let of_classes = super::data::class_weights(class_weight, &given, &y)?;
        let weights = of_classes.as_deref().map_or_else(|| given.clone(), |w| vec![Some(w)]);
        self.on_rows(mode, what.y, &x, &y, weights, run)
    }

    /// Runs something on rows that have been checked, as one batch.
    pub(super) fn on_rows<R>(
        &mut self,
        mode: Mode,
        what: &'static str,
        x: &[&dyn RowSource],
        y: &[&Tensor],
        weights: Vec<Option<&[f32]>>,
        run: impl FnOnce(&mut Self, &Signature, &Batch<'_>) -> Result<R>,
    ) -> Result<R> {
        let backend = Arc::clone(&self.backend);
        let source = self.source(&*backend, x, y, weights);
        let rows: Vec<usize> = (0..source.rows()).collect();
        let signature = self.signature_of(mode, what, (0, rows.len()), &source)?;
        let mut batch = source.buffer(rows.len());
        source.fill(Pick::whole(&rows), &mut batch)?;
        run(self, &signature, &batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callbacks::{BackupAndRestore, Callback, Control, SaveFreq};
    use crate::layers::{BatchNormalization, Dense, Dropout, Input};
    use crate::losses::MeanSquaredError;
    use crate::metrics::MeanAbsoluteError;
    use crate::model::{Evaluate, Fit, History, Progress};
    use crate::optimizers::Adam;
    use crate::{Apply, Functional, Seed, Sequential};
    use adaline_graph::reference::Reference;
    use std::cell::RefCell;

    fn model() -> Model {
        let net = Sequential::new()
            .add(Input::new([3]))
            .add(Dense::new(4))
            .add(BatchNormalization::new())
            .add(Dropout::new(0.2))
            .add(Dense::new(1));
        let mut model = net.build_on(Arc::new(Reference::default()), Seed(7)).unwrap();
        model.compile(Adam::new(0.01), MeanSquaredError::new(), [MeanAbsoluteError::new()]).unwrap();
        model
    }

    fn data(rows: usize) -> (Tensor, Tensor) {
        let x = (0..rows * 3).map(|i| ((i * 37 % 17) as f32 - 8.0) / 9.0).collect();
        (Tensor::f32([rows, 3], x).unwrap(), Tensor::f32([rows, 1], (0..rows).map(|i| (i % 5) as f32 / 4.0).collect()).unwrap())
    }

    /// Cuts rows into batches, in their order, as often as it is asked to.
    struct Cut {
        x: Tensor,
        y: Tensor,
        weights: Option<Vec<f32>>,
        batch: usize,
        at: usize,
        counts: bool,
        epochs: usize,
    }

    impl Cut {
        fn new(rows: usize, batch: usize) -> Self {
            let (x, y) = data(rows);
            Self { x, y, weights: None, batch, at: 0, counts: true, epochs: 0 }
        }
    }

    impl Batches for Cut {
        fn next(&mut self) -> Result<Option<DataBatch>> {
            let rows = self.at..(self.at + self.batch).min(self.x.rows());
            self.at = rows.end;
            if rows.is_empty() {
                return Ok(None);
            }
            let batch = DataBatch::new(self.x.slice_rows(rows.clone())?).labels(self.y.slice_rows(rows.clone())?);
            Ok(Some(match &self.weights {
                Some(weights) => batch.sample_weight(&weights[rows]),
                None => batch,
            }))
        }
        fn len(&self) -> Option<usize> {
            self.counts.then(|| self.x.rows().div_ceil(self.batch))
        }
        fn restart(&mut self) -> Result<bool> {
            self.at = 0;
            Ok(true)
        }
        fn on_epoch_end(&mut self) {
            self.epochs += 1;
        }
    }

    fn plain() -> Fit<'static> {
        Fit::default().epochs(3).batch_size(4).shuffle(false)
    }

    fn same(a: (&Model, &History), b: (&Model, &History)) {
        assert_eq!(a.1, b.1);
        assert_eq!(a.0.get_weights(), b.0.get_weights());
    }

    #[test]
    fn batches_train_as_the_same_rows_do() {
        let (x, y) = data(10);
        let (mut by_rows, mut by_batches) = (model(), model());
        let (vx, vy) = data(6);
        let rows = by_rows.fit(&x, &y, plain().validation_data(&vx, &vy)).unwrap();
        for (counts, steps) in [(true, None), (false, None), (true, Some(3))] {
            by_batches = model();
            let mut cut = Cut { counts, ..Cut::new(10, 4) };
            let mut options = plain().validation_data(&vx, &vy);
            options.steps_per_epoch = steps;
            let batches = by_batches.fit_batches(&mut cut, options).unwrap();
            same((&by_rows, &rows), (&by_batches, &batches));
            assert_eq!((rows.len(), cut.epochs), (3, 3));
        }
        let logs = by_rows.evaluate(&x, &y, Evaluate::default().batch_size(4)).unwrap();
        assert_eq!(by_batches.evaluate_batches(Cut::new(10, 4), None).unwrap(), logs);
        let first =
            by_rows.evaluate(&x.slice_rows(0..8).unwrap(), &y.slice_rows(0..8).unwrap(), Evaluate::default().batch_size(4)).unwrap();
        assert_eq!(by_batches.evaluate_batches(Cut::new(10, 4), Some(2)).unwrap(), first);
        let predicted = by_batches.predict_batches(Cut::new(10, 4), None).unwrap();
        assert_eq!(predicted, [by_rows.predict_batched(&x, 4).unwrap()]);
        let validated = model().fit_batches(Cut::new(10, 4), plain().validation_batches(Cut::new(6, 4), None)).unwrap();
        assert_eq!(validated, rows, "validation on batches, too, begins anew for each epoch");
    }

    #[test]
    fn weights_of_rows_and_of_classes_count() {
        let (x, y) = data(8);
        let weights: Vec<f32> = (0..8).map(|i| i as f32 / 3.0).collect();
        let (mut a, mut b) = (model(), model());
        let rows = a.fit(&x, &y, plain().sample_weight(weights.clone())).unwrap();
        let batches = b.fit_batches(Cut { weights: Some(weights), ..Cut::new(8, 4) }, plain()).unwrap();
        same((&a, &rows), (&b, &batches));
        let (mut a, mut b) = (model(), model());
        let rows = a.fit(&x, &y, plain().class_weight([(0, 3.0)])).unwrap();
        let batches = b.fit_batches(Cut::new(8, 4), plain().class_weight([(0, 3.0)])).unwrap();
        same((&a, &rows), (&b, &batches));
    }

    /// Keeps what it is told.
    struct Told<'t>(&'t RefCell<Vec<String>>);

    impl Progress for Told<'_> {
        fn epoch_begin(&mut self, epoch: usize, steps: usize) {
            self.0.borrow_mut().push(format!("epoch {epoch} of {steps}"));
        }
        fn step(&mut self, _: usize, _: &[(&str, f64)]) {}
        fn epoch_end(&mut self, _: usize, _: &[(&str, f64)]) {}
        fn message(&mut self, text: &str) {
            self.0.borrow_mut().push(text.into());
        }
    }

    fn generated(rows: usize) -> Generator<std::vec::IntoIter<DataBatch>> {
        let mut cut = Cut::new(rows, 4);
        let batches: Vec<DataBatch> = std::iter::from_fn(|| cut.next().unwrap()).collect();
        Generator::new(batches)
    }

    #[test]
    fn a_generator_that_runs_out_ends_training_with_a_message() {
        let told = RefCell::new(Vec::new());
        let fit = |steps: Option<usize>| {
            let mut options = plain().advice(false).progress(Told(&told));
            options.steps_per_epoch = steps;
            model().fit_batches(generated(20), options).unwrap().len()
        };
        assert_eq!(fit(None), 1, "all of it is one epoch");
        assert_eq!(fit(Some(2)), 3, "the third has one step");
        let told = told.take();
        assert_eq!(told.len(), 2 + 4, "{told:?}");
        assert_eq!((&told[0][..], &told[4][..]), ("epoch 0 of 0", "epoch 2 of 2"));
        assert!(told[1].starts_with("The batches ran out after 0 steps of epoch 2, and training ends."), "{told:?}");
        assert!(told[5].starts_with("The batches ran out after 1 steps of epoch 3, and training ends."), "{told:?}");
    }

    #[test]
    fn endless_batches_of_changing_sizes_need_steps_alone() {
        let endless = |from: usize| {
            Generator::new((from..).map(|i| {
                let (x, y) = data(1 + i % 3);
                DataBatch::new(x).labels(y)
            }))
        };
        let mut m = model();
        let history = m.fit_batches(endless(0), plain().steps_per_epoch(5)).unwrap();
        assert_eq!((history.len(), m.iterations()), (3, 15));
        let mut by_hand = model();
        for i in 0..15 {
            let (x, y) = data(1 + i % 3);
            by_hand.train_on_batch(&x, &y, None).unwrap();
        }
        assert_eq!(m.get_weights(), by_hand.get_weights());
    }

    #[test]
    fn several_inputs_and_outputs_by_name() {
        let (a, b) = (Input::new([2]).name("a").tensor(), Input::new([3]).name("b").tensor());
        let (p, q) = (Dense::new(1).name("p").apply(&a), Dense::new(2).name("q").apply(&b));
        let mut m = Functional::new([&a, &b], [&p, &q]).unwrap().build_on(Arc::new(Reference::default()), Seed(1)).unwrap();
        let objective = || crate::model::Objective::new(MeanSquaredError::new());
        m.compile_outputs(Adam::new(0.1), [("p".to_owned(), objective()), ("q".to_owned(), objective())]).unwrap();
        let ones = |shape: [usize; 2]| Tensor::f32(shape, vec![1.0; shape[0] * shape[1]]).unwrap();
        let batch = DataBatch::default()
            .input_of("b", ones([4, 3]))
            .input_of("a", ones([4, 2]))
            .labels_of("q", ones([4, 2]))
            .labels_of("p", ones([4, 1]));
        let weighted = batch.clone().sample_weight_of("q", [0.0; 4]);
        let before = m.weight("q/kernel").unwrap();
        m.fit_batches(Generator::new([weighted]), Fit::default()).unwrap();
        assert_eq!(m.weight("q/kernel").unwrap(), before, "rows that count nothing teach nothing");
        m.fit_batches(Generator::new([batch.clone()]), Fit::default()).unwrap();
        assert_ne!(m.weight("q/kernel").unwrap(), before);
        let shapes: Vec<Vec<usize>> =
            m.predict_batches(Generator::new([batch.clone(), batch]), None).unwrap().iter().map(|t| t.shape().to_vec()).collect();
        assert_eq!(shapes, [[8, 1], [8, 2]]);
    }

    #[test]
    fn mistakes_are_named() {
        let text = |m: &mut Model, source: &mut dyn Batches, options: Fit<'_>| m.fit_batches(source, options).unwrap_err().to_string();
        let none = Generator::new([]);
        assert_eq!(text(&mut model(), &mut none.clone(), plain()), "the source of batches has no rows: there is nothing to train on");
        assert!(text(&mut model(), &mut generated(4), plain().validation_split(0.5)).starts_with("validation_split is given for batches"));
        assert!(text(&mut model(), &mut generated(4), plain().steps_per_epoch(0)).starts_with("steps_per_epoch is 0"));
        let (x, y) = data(2);
        let wide = Generator::new([DataBatch::new(x).labels(y.clone()), DataBatch::new(y.clone()).labels(y.clone())]);
        assert!(text(&mut model(), &mut wide.clone(), plain()).contains("rows of shape (3,), but x has rows of shape (1,)"));
        let error = model().predict_batches(none, None).unwrap_err().to_string();
        assert!(error.ends_with("nothing to predict"), "{error}");
        let net = Sequential::new().add(Input::new([1])).add(Dense::new(1)).add(Dense::new(1));
        let mut bad = net.build_on(Arc::new(Reference::default()), Seed(7)).unwrap();
        bad.compile(Adam::new(0.01), MeanSquaredError::new(), ()).unwrap();
        bad.set_weight("dense/kernel", &Tensor::f32([1, 1], vec![1e20]).unwrap()).unwrap();
        let before = bad.get_weights();
        let large = Tensor::f32([2, 1], vec![1e30, 1.0]).unwrap();
        let error = bad.fit_batches(Generator::new([DataBatch::new(large).labels(y)]), plain()).unwrap_err();
        assert!(matches!(&error, Error::NonFiniteLoss { epoch: 0, step: 0, layer: Some(layer), .. } if layer == "dense"), "{error:?}");
        assert_eq!(bad.get_weights(), before, "it is put back to the beginning of the epoch");
    }

    /// Ends the program, as it were, after so many steps.
    struct Crash(usize);

    impl Callback for Crash {
        fn wants_batches(&self) -> bool {
            true
        }
        fn on_train_batch_end(&mut self, _: usize, _: f32, _: &mut Control<'_>) -> Result<()> {
            self.0 = self.0.saturating_sub(1);
            if self.0 == 0 { Err(Error::option("crash", 0, "more")) } else { Ok(()) }
        }
    }

    #[test]
    fn a_backup_is_taken_up_where_batches_come_again() {
        let folder = std::env::temp_dir().join(format!("adaline-stream-{}", std::process::id()));
        let keeper = || BackupAndRestore::new(&folder).save_freq(SaveFreq::Steps(2));
        let mut whole = model();
        let history = whole.fit_batches(Cut::new(10, 4), plain().callback(Crash(usize::MAX))).unwrap();
        let mut m = model();
        let crashed = m.fit_batches(Cut::new(10, 4), plain().callback(keeper()).callback(Crash(6)));
        assert!(crashed.is_err());
        let mut again = model();
        let resumed = again.fit_batches(Cut::new(10, 4), plain().callback(keeper()).callback(Crash(usize::MAX))).unwrap();
        let _ = std::fs::remove_dir_all(&folder);
        same((&whole, &history), (&again, &resumed));
    }
}
