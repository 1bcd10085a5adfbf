//! What most programs need: `use adaline::prelude::*;`.
//!
//! Where a loss and a metric share Keras' name (`MeanSquaredError`), the loss is meant here; the metric is in [`crate::nn::metrics`].

pub use crate::{Build, load_model};
pub use adaline_data::{Tensor, to_categorical};
pub use adaline_nn::activations::Activation;
pub use adaline_nn::callbacks::{
    Callback, CsvLogger, EarlyStopping, GradientDescentStop, LambdaCallback, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau,
    TerminateOnNaN,
};
pub use adaline_nn::initializers::Initializer;
pub use adaline_nn::layers::image::{FillMode, FlipMode, Interpolation};
pub use adaline_nn::layers::{ActivationLayer, Dense, Dropout, Flatten, Input, Layer, Normalization, Rescaling, Reshape};
pub use adaline_nn::layers::{
    CenterCrop, CutMix, MixUp, RandomBrightness, RandomContrast, RandomCrop, RandomErasing, RandomFlip, RandomGaussianBlur,
    RandomGrayscale, RandomHue, RandomRotation, RandomSaturation, RandomShear, RandomTranslation, RandomZoom, Resizing, Solarization,
};
pub use adaline_nn::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, Loss, MeanAbsoluteError, MeanSquaredError, Reduction, SparseCategoricalCrossentropy,
};
pub use adaline_nn::metrics::{
    Accuracy, BinaryAccuracy, CategoricalAccuracy, Metric, Precision, R2Score, Recall, RootMeanSquaredError, SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy,
};
pub use adaline_nn::optimizers::{Adam, AdamW, Optimizer, RMSprop, RmsProp, SGD, Sgd};
pub use adaline_nn::regularizers::{L1, L1L2, L2};
pub use adaline_nn::schedules::{ExponentialDecay, InverseTimeDecay};
pub use adaline_nn::{DTypePolicy, Evaluate, Fit, History, Model, Seed, Sequential};
