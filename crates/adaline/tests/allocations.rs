//! A training step allocates nothing once it has run.

use adaline::prelude::*;
use adaline_testkit::alloc::CountingAlloc;

#[global_allocator]
static ALLOC: CountingAlloc = CountingAlloc::new();

#[test]
fn steps_after_the_first_allocate_nothing() {
    let x = Tensor::u8([256, 8, 8], (0..256 * 64).map(|i| (i % 251) as u8).collect()).unwrap();
    let y = Tensor::from((0..256).map(|i| i % 10).collect::<Vec<i32>>());
    let mut model = Sequential::new()
        .add(Input::new([8, 8]))
        .add(Rescaling::new(1.0 / 255.0))
        .add(Flatten::new())
        .add(Dense::new(32).activation(Activation::Relu))
        .add(Dropout::new(0.1))
        .add(Dense::new(10).activation(Activation::Softmax))
        .build(Seed(1))
        .unwrap();
    model.compile(Adam::default(), SparseCategoricalCrossentropy::default(), [Accuracy::default()]).unwrap();
    const STEPS: usize = 16;
    let mut counts = Vec::with_capacity(3 * STEPS);
    let count = LambdaCallback::new().on_train_batch_end(|_, _, _| {
        counts.push(ALLOC.allocations());
        Ok(())
    });
    model.fit(&x, &y, Fit::default().epochs(3).batch_size(16).verbose(0).callback(count)).unwrap();
    assert_eq!(counts.len(), 3 * STEPS);
    for (epoch, counts) in counts.chunks(STEPS).enumerate() {
        for (step, pair) in counts.windows(2).enumerate().skip(usize::from(epoch == 0)) {
            assert_eq!(pair[1] - pair[0], 0, "step {} of epoch {epoch}", step + 1);
        }
    }
}
