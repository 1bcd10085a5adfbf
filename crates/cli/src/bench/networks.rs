//! The built-in networks: small standard ones, the same as the peers' in `scripts/peers`.

use crate::error::CliError;
use adaline::graph::backend::Backend;
use adaline::nn::activations::Activation;
use adaline::nn::keras::DTypePolicy;
use adaline::nn::layers::{BatchNormalization, Conv2D, Dense, Dropout, Flatten, GRU, Input, LSTM, MaxPooling2D, Padding, SimpleRNN};
use adaline::nn::losses::{MeanSquaredError, SparseCategoricalCrossentropy};
use adaline::nn::metrics::Accuracy;
use adaline::nn::optimizers::{Adam, RmsProp, Sgd};
use adaline::nn::{Model, Seed, Sequential};
use std::sync::Arc;

/// Seed of the first weights.
const SEED: u64 = 0;
/// Side of an MNIST image, its pixels, its classes.
pub(super) const SIDE: usize = 28;
pub(super) const PIXELS: usize = SIDE * SIDE;
pub(super) const DIGITS: usize = 10;

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Network {
    /// 10 numbers, 32 units, 2 classes.
    Tiny,
    /// MNIST with one hidden layer of 128.
    Mlp128,
    /// MNIST with two hidden layers of 512.
    Mlp512,
    /// A line through a million points, all of them in each step.
    Linreg,
    /// MNIST with two convolutions.
    Cnn,
    /// The sign-language network of a well-known beginners' course (its 24 classes) on MNIST's pictures: three convolutions, batch normalization.
    DliCnn,
    /// 50 steps of 8 numbers, 64 units, one number.
    Lstm,
    Gru,
    SimpleRnn,
    /// 200 steps, 256 units.
    BigLstm,
}

impl Network {
    pub(super) const ALL: [Self; 10] = [
        Self::Tiny,
        Self::Mlp128,
        Self::Mlp512,
        Self::Linreg,
        Self::Cnn,
        Self::DliCnn,
        Self::Lstm,
        Self::Gru,
        Self::SimpleRnn,
        Self::BigLstm,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Mlp128 => "mlp128",
            Self::Mlp512 => "mlp512",
            Self::Linreg => "linreg",
            Self::Cnn => "cnn",
            Self::DliCnn => "dlicnn",
            Self::Lstm => "lstm",
            Self::Gru => "gru",
            Self::SimpleRnn => "simplernn",
            Self::BigLstm => "biglstm",
        }
    }
    /// Sizes of one row of its input.
    pub(super) fn row(self) -> &'static [usize] {
        match self {
            Self::Tiny => &[10],
            Self::Mlp128 | Self::Mlp512 => &[PIXELS],
            Self::Linreg => &[1],
            Self::Cnn | Self::DliCnn => &[SIDE, SIDE, 1],
            Self::Lstm | Self::Gru | Self::SimpleRnn => &[50, 8],
            Self::BigLstm => &[200, 8],
        }
    }
    /// Rows per step, and rows of data, unless the user says otherwise.
    pub(super) fn sizes(self) -> (usize, usize) {
        match self {
            Self::Tiny => (10, 2000),
            Self::Mlp128 | Self::Mlp512 => (32, 60_000),
            Self::Linreg => (1_000_000, 1_000_000),
            Self::Cnn => (128, 60_000),
            Self::DliCnn | Self::Lstm | Self::Gru | Self::SimpleRnn => (32, 6400),
            Self::BigLstm => (64, 1280),
        }
    }
    /// With its first weights, loss and optimizer.
    pub(super) fn build(self, policy: DTypePolicy, backend: Arc<dyn Backend>) -> Result<Model, CliError> {
        let net = Sequential::new().name(self.name()).dtype_policy(policy).add(Input::new(self.row()));
        let net = match self {
            Self::Tiny => net.add(relu(32)).add(softmax(2)),
            Self::Mlp128 => net.add(relu(128)).add(softmax(DIGITS)),
            Self::Mlp512 => net.add(relu(512)).add(relu(512)).add(softmax(DIGITS)),
            Self::Linreg => net.add(Dense::new(1)),
            Self::Cnn => cnn(net),
            Self::DliCnn => dli_cnn(net),
            Self::Lstm => net.add(LSTM::new(64)).add(Dense::new(1)),
            Self::Gru => net.add(GRU::new(64)).add(Dense::new(1)),
            Self::SimpleRnn => net.add(SimpleRNN::new(64)).add(Dense::new(1)),
            Self::BigLstm => net.add(LSTM::new(256)).add(Dense::new(1)),
        };
        let mut model = net.build_on(backend, Seed(SEED))?;
        match self {
            Self::Linreg => model.compile(Sgd::new(0.1), MeanSquaredError::new(), ())?,
            Self::Lstm | Self::Gru | Self::SimpleRnn | Self::BigLstm => model.compile(Adam::default(), MeanSquaredError::new(), ())?,
            Self::Mlp512 => model.compile(RmsProp::default(), SparseCategoricalCrossentropy::new(), [Accuracy::new()])?,
            Self::Tiny | Self::Mlp128 | Self::Cnn | Self::DliCnn => {
                model.compile(Adam::default(), SparseCategoricalCrossentropy::new(), [Accuracy::new()])?;
            }
        }
        Ok(model)
    }
}

fn relu(units: usize) -> Dense {
    Dense::new(units).activation(Activation::Relu)
}

fn softmax(classes: usize) -> Dense {
    Dense::new(classes).activation(Activation::Softmax)
}

fn conv(filters: usize) -> Conv2D {
    Conv2D::new(filters, 3).activation(Activation::Relu)
}

/// (28, 28, 1) -> (26, 26, 32) -> (13, 13, 32) -> (11, 11, 64) -> (5, 5, 64) -> 1600 -> 10
fn cnn(net: Sequential) -> Sequential {
    net.add(conv(32))
        .add(MaxPooling2D::new(2))
        .add(conv(64))
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dropout::new(0.5))
        .add(softmax(DIGITS))
}

/// (28, 28, 1) -> (28, 28, 75) -> (14, 14, 75) -> (14, 14, 50) -> (7, 7, 50) -> (7, 7, 25) -> (4, 4, 25) -> 400 -> 512 -> 24
fn dli_cnn(net: Sequential) -> Sequential {
    let conv = |filters| conv(filters).padding(Padding::Same);
    let halved = || MaxPooling2D::new(2).padding(Padding::Same);
    net.add(conv(75))
        .add(BatchNormalization::new())
        .add(halved())
        .add(conv(50))
        .add(Dropout::new(0.2))
        .add(BatchNormalization::new())
        .add(halved())
        .add(conv(25))
        .add(BatchNormalization::new())
        .add(halved())
        .add(Flatten::new())
        .add(relu(512))
        .add(Dropout::new(0.3))
        .add(softmax(24))
}
