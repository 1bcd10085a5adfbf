//! What most programs need: `use adaline::prelude::*;`.
//!
//! Where a loss and a metric share Keras' name (`MeanSquaredError`), the loss is meant here; the metric is in [`crate::nn::metrics`].

pub use crate::{Build, load_model};
pub use adaline_data::{Tensor, to_categorical};
pub use adaline_nn::activations::Activation;
pub use adaline_nn::callbacks::{
    BackupAndRestore, Callback, CsvLogger, EarlyStopping, GradientDescentStop, LambdaCallback, LearningRateScheduler, ModelCheckpoint,
    ReduceLROnPlateau, SwapEMAWeights, TensorBoard, TerminateOnNaN,
};
pub use adaline_nn::constraints::Constraint;
pub use adaline_nn::initializers::Initializer;
pub use adaline_nn::layers::image::{FillMode, FlipMode};
pub use adaline_nn::layers::{
    ActivationLayer, AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D, AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D, AdaptiveMaxPooling3D, AveragePooling1D, AveragePooling2D, AveragePooling3D, BatchNormalization, Conv1D,
    Conv1DTranspose, Conv2D, Conv2DTranspose, Conv3D, Conv3DTranspose, Cropping1D, Cropping2D, Cropping3D, DataFormat, Dense,
    DepthwiseConv1D, DepthwiseConv2D, Dropout, ELU, Embedding, Flatten, GlobalAveragePooling1D, GlobalAveragePooling2D,
    GlobalAveragePooling3D, GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D, Input, Interpolation, Layer, LeakyReLU, Masking,
    MaxPooling1D, MaxPooling2D, MaxPooling3D, Normalization, PReLU, Padding, Permute, ReLU, Rescaling, Reshape, SeparableConv1D,
    SeparableConv2D, Softmax, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D, UpSampling1D, UpSampling2D, UpSampling3D,
    ZeroPadding1D, ZeroPadding2D, ZeroPadding3D,
};
pub use adaline_nn::layers::{
    ActivityRegularization, Add, AdditiveAttention, AlphaDropout, Attention, Average, Concatenate, CustomLayer, Dot, EinsumDense,
    GaussianDropout, GaussianNoise, GroupNormalization, GroupQueryAttention, Identity, LayerNormalization, Maximum, Minimum,
    MultiHeadAttention, Multiply, RMSNormalization, RepeatVector, Subtract, UnitNormalization,
};
pub use adaline_nn::layers::{
    AugMix, AutoContrast, CenterCrop, ContrastLimitedAdaptiveHistogramEqualization, CutMix, Equalization, MixUp, RandAugment,
    RandomBrightness, RandomColorDegeneration, RandomColorJitter, RandomContrast, RandomCrop, RandomElasticTransform, RandomErasing,
    RandomFlip, RandomGaussianBlur, RandomGrayscale, RandomHue, RandomInvert, RandomPerspective, RandomPosterization, RandomRotation,
    RandomSaturation, RandomSharpness, RandomShear, RandomTranslation, RandomZoom, Resizing, Solarization,
};
pub use adaline_nn::layers::{
    Bidirectional, ConvLSTM1D, ConvLSTM2D, ConvLSTM3D, GRU, GRUCell, LSTM, LSTMCell, MergeMode, RNN, Recurrent, SimpleRNN, SimpleRNNCell,
    StackedRNNCells, TimeDistributed,
};
pub use adaline_nn::layers::{CategoryEncoding, Discretization, HashedCrossing, Hashing, IntegerLookup, OutputMode, StringLookup};
pub use adaline_nn::losses::{
    BinaryCrossentropy, BinaryFocalCrossentropy, CTC, CategoricalCrossentropy, CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy, CategoricalHinge, Circle, CosineSimilarity, Dice, Hinge, Huber, KLDivergence, LogCosh, Loss,
    MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Poisson, Reduction,
    SparseCategoricalCrossentropy, SquaredHinge, Tversky,
};
pub use adaline_nn::metrics::{
    AUC, Accuracy, BinaryAccuracy, BinaryIoU, CategoricalAccuracy, ConcordanceCorrelation, F1Score, FBetaScore, FalseNegatives,
    FalsePositives, IoU, LogCoshError, MeanIoU, MeanMetricWrapper, Metric, OneHotIoU, OneHotMeanIoU, PearsonCorrelation, Precision,
    PrecisionAtRecall, R2Score, Recall, RecallAtPrecision, RootMeanSquaredError, SensitivityAtSpecificity, SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy, SpecificityAtSensitivity, TopKCategoricalAccuracy, TrueNegatives, TruePositives,
};
pub use adaline_nn::model::{Batches, DataBatch, Generator, Inputs, Labels, Objective};
pub use adaline_nn::optimizers::{
    Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion, LossScaleOptimizer, MultiOptimizer, Muon, Nadam, Optimizer,
    OptimizerMap, RMSprop, RmsProp, SGD, ScheduleFreeAdamW, Sgd,
};
pub use adaline_nn::regularizers::{L1, L1L2, L2, OrthogonalRegularizer};
pub use adaline_nn::schedules::{
    CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay,
};
pub use adaline_nn::{Apply, DTypePolicy, Evaluate, Fit, Functional, History, KerasTensor, Model, Seed, Sequential, SharedLayer};
