//! Burn on its CPU backend `flex`: layers, losses and optimizers of its own library.

use burn::module::{Initializer, Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::{CrossEntropyLossConfig, MseLoss, Reduction};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, RmsPropConfig, SgdConfig};
use burn::tensor::activation::{relu, softmax};
use burn::tensor::{Device, Int, Tensor, TensorData};
use peers::{Labels, Network, Peer};

const GLOROT: Initializer = Initializer::XavierUniform { gain: 1.0 };

#[derive(Module, Debug)]
struct Net {
    convs: Vec<Conv2d>,
    pool: MaxPool2d,
    dropout: Dropout,
    dense: Vec<Linear>,
}

impl Net {
    fn new(network: Network, device: &Device) -> Self {
        let zeros = |n: usize| Some(Param::from_tensor(Tensor::zeros([n], device)));
        let convs = network.convolutions().iter().map(|&(i, o)| {
            let conv = Conv2dConfig::new([i, o], [3, 3]).with_initializer(GLOROT).init(device);
            Conv2d { bias: zeros(o), ..conv }
        });
        let dense = network.widths().windows(2).map(|w| {
            let layer = LinearConfig::new(w[0], w[1]).with_initializer(GLOROT).init(device);
            Linear { bias: zeros(w[1]), ..layer }
        });
        Self {
            convs: convs.collect(),
            pool: MaxPool2dConfig::new([2, 2]).init(),
            dropout: DropoutConfig::new(f64::from(network.dropout())).init(),
            dense: dense.collect(),
        }
    }
    /// The last layer's sums.
    fn forward(&self, x: TensorData, row: &[usize], rows: usize, device: &Device) -> Tensor<2> {
        let mut x: Tensor<2> = match *row {
            [channels, height, width] => {
                let x: Tensor<1> = Tensor::from_data(x, device);
                let mut x: Tensor<4> = x.reshape([rows, channels, height, width]);
                for conv in &self.convs {
                    x = self.pool.forward(relu(conv.forward(x)));
                }
                self.dropout.forward(x.flatten(1, 3))
            }
            _ => Tensor::<1>::from_data(x, device).reshape([rows, row[0]]),
        };
        for (at, layer) in self.dense.iter().enumerate() {
            x = layer.forward(x);
            if at + 1 < self.dense.len() {
                x = relu(x);
            }
        }
        x
    }
}

struct Burn {
    network: Network,
    device: Device,
    /// Taken by each step, which gives the next.
    net: Option<Net>,
    optimizer: ModuleOptimizer,
    rate: f64,
}

enum Targets {
    Classes(Tensor<1, Int>),
    Values(Tensor<2>),
}

impl Burn {
    fn new(network: Network) -> Self {
        let device = Device::flex().autodiff();
        device.seed(0);
        // Keras' names and defaults: epsilon 1e-7, RMSprop without momentum.
        let (optimizer, rate) = match network {
            Network::Linreg => (SgdConfig::new().init(), 0.1),
            Network::Mlp512 => (RmsPropConfig::new().with_alpha(0.9).with_momentum(0.0).with_epsilon(1e-7).init(), 1e-3),
            _ => (AdamConfig::new().with_epsilon(1e-7).init(), 1e-3),
        };
        let net = Some(Net::new(network, &device));
        Self { network, device, net, optimizer, rate }
    }
    fn net(&self) -> &Net {
        self.net.as_ref().expect("a step puts it back")
    }
}

impl Peer for Burn {
    type Batch = (TensorData, Targets, usize);

    fn batch(&self, x: &[f32], y: Labels<'_>, rows: usize) -> Self::Batch {
        let y = match y {
            Labels::Classes(y) => Targets::Classes(Tensor::from_data(TensorData::new(y.to_vec(), [rows]), &self.device)),
            Labels::Values(y) => Targets::Values(Tensor::from_data(TensorData::new(y.to_vec(), [rows, 1]), &self.device)),
        };
        (TensorData::new(x.to_vec(), [x.len()]), y, rows)
    }
    fn step(&mut self, (x, y, rows): &Self::Batch) -> f32 {
        let net = self.net.take().expect("a step puts it back");
        let out = net.forward(x.clone(), self.network.row(), *rows, &self.device);
        let loss = match y {
            Targets::Classes(y) => CrossEntropyLossConfig::new().init(&self.device).forward(out, y.clone()),
            Targets::Values(y) => MseLoss::new().forward(out, y.clone(), Reduction::Mean),
        };
        let grads = GradientsParams::from_grads(loss.backward(), &net);
        self.net = Some(self.optimizer.step(self.rate, net, grads));
        loss.into_scalar()
    }
    fn freeze(&mut self) {
        self.net = Some(self.net().valid());
        self.device = Device::flex();
    }
    fn predict(&self, x: &[f32], rows: usize) -> Vec<f32> {
        let out = self.net().forward(TensorData::new(x.to_vec(), [x.len()]), self.network.row(), rows, &self.device);
        softmax(out, 1).into_data().try_to_vec().expect("f32 as computed")
    }
}

fn main() -> std::process::ExitCode {
    peers::run("burn", "burn 0.22.1 flex", Burn::new)
}
