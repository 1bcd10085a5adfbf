//! Training on rows that are not a tensor: the same bits, made ahead by another thread, and errors of reading come through.

use adaline_data::{DType, DataError, RowSource, Tensor};
use adaline_graph::backend::Backend;
use adaline_graph::reference::Reference;
use adaline_nn::layers::{Dense, Flatten, Input, Rescaling};
use adaline_nn::losses::SparseCategoricalCrossentropy;
use adaline_nn::metrics::Accuracy;
use adaline_nn::optimizers::Sgd;
use adaline_nn::{Error, Evaluate, Fit, Model, Seed, Sequential};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

/// Rows that somebody else has.
struct Far<'a> {
    rows: &'a Tensor,
    /// Batches that can be read before reading fails.
    good: usize,
    read: AtomicUsize,
    by: Mutex<Vec<ThreadId>>,
}

impl<'a> Far<'a> {
    fn new(rows: &'a Tensor, good: usize) -> Self {
        Self { rows, good, read: AtomicUsize::new(0), by: Mutex::default() }
    }
}

impl RowSource for Far<'_> {
    fn rows(&self) -> usize {
        self.rows.rows()
    }
    fn row_shape(&self) -> &[usize] {
        self.rows.row_shape()
    }
    fn dtype(&self) -> DType {
        self.rows.dtype()
    }
    fn gather_f32_into(&self, rows: &[usize], out: &mut [f32]) -> Result<(), DataError> {
        self.by.lock().unwrap().push(thread::current().id());
        if self.read.fetch_add(1, Ordering::Relaxed) >= self.good {
            return Err(DataError::Empty { what: "the disk".into() });
        }
        self.rows.gather_f32_into(rows, out)
    }
    fn gather_i32_into(&self, rows: &[usize], out: &mut [i32]) -> Result<(), DataError> {
        self.rows.gather_i32_into(rows, out)
    }
}

/// 40 pictures (2, 3, 1) of bytes in two classes.
fn pictures() -> (Tensor, Tensor) {
    let pixel = |i: usize| ((i * 37 + i / 6 % 2 * 100) % 256) as u8;
    (Tensor::u8([40, 2, 3, 1], (0..240).map(pixel).collect()).unwrap(), Tensor::from((0..40).map(|i| i % 2).collect::<Vec<i32>>()))
}

fn model() -> Model {
    let backend: Arc<dyn Backend> = Arc::new(Reference::default());
    let net = Sequential::new().add(Input::new([2, 3, 1])).add(Rescaling::new(1.0 / 255.0)).add(Flatten::new()).add(Dense::new(2));
    let mut model = net.build_on(backend, Seed(3)).unwrap();
    model.compile(Sgd::default(), SparseCategoricalCrossentropy::default().from_logits(true), [Accuracy::new()]).unwrap();
    model
}

#[test]
fn rows_by_index_train_as_a_tensor_does() {
    let (x, y) = pictures();
    let far = Far::new(&x, usize::MAX);
    let fit = || Fit::default().epochs(3).batch_size(8).validation_split(0.4);
    let (mut near_model, mut far_model) = (model(), model());
    let near = near_model.fit(&x, &y, fit()).unwrap();
    assert_eq!(far_model.fit(&far, &y, fit()).unwrap(), near);
    assert!(far.by.lock().unwrap().iter().all(|by| *by != thread::current().id()), "batches are made by another thread");
    assert_eq!(far_model.predict(&far).unwrap(), near_model.predict(&x).unwrap());
    assert_eq!(far_model.evaluate(&far, &y, Evaluate::default()).unwrap(), near_model.evaluate(&x, &y, Evaluate::default()).unwrap());
    let given = far_model.fit(&far, &y, Fit::default().validation_data(&far, &y)).unwrap();
    assert!(given.last("val_loss").is_some());
}

#[test]
fn what_goes_wrong_with_reading_ends_the_call() {
    let (x, y) = pictures();
    for good in [0, 1, 7] {
        let far = Far::new(&x, good);
        let wrong = model().fit(&far, &y, Fit::default().epochs(5).batch_size(8)).unwrap_err();
        assert!(matches!(&wrong, Error::Data(e) if matches!(**e, DataError::Empty { .. })), "{wrong}");
    }
    let wrong = model().predict(&Far::new(&x, 1)).unwrap_err();
    assert!(matches!(wrong, Error::Data(_)), "{wrong}");
}
