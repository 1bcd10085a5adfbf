//! Candle on the CPU: layers, losses and optimizers of its own library, but RMSprop, which it does not have.

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Module, Result, Tensor, Var};
use candle_nn::loss::{cross_entropy, mse};
use candle_nn::ops::{dropout, softmax};
use candle_nn::optim::{AdamW, Optimizer, ParamsAdamW, SGD};
use candle_nn::{Conv2d, Conv2dConfig, Linear};
use peers::{Labels, Network, Peer};

const DEVICE: Device = Device::Cpu;

struct Net {
    convs: Vec<Conv2d>,
    dropout: f32,
    dense: Vec<Linear>,
}

impl Net {
    /// With weights as Keras draws them, and all of its variables.
    fn new(network: Network) -> Result<(Self, Vec<Var>)> {
        let mut vars = Vec::new();
        let mut weights = |shape: &[usize], fans: usize, outputs: usize| -> Result<(Tensor, Tensor)> {
            let limit = (6.0 / fans as f32).sqrt();
            let (w, b) = (Var::rand(-limit, limit, shape, &DEVICE)?, Var::zeros(outputs, DType::F32, &DEVICE)?);
            let tensors = (w.as_tensor().clone(), b.as_tensor().clone());
            vars.extend([w, b]);
            Ok(tensors)
        };
        let mut net = Self { convs: Vec::new(), dropout: network.dropout(), dense: Vec::new() };
        for &(i, o) in network.convolutions() {
            let (w, b) = weights(&[o, i, 3, 3], 9 * (i + o), o)?;
            net.convs.push(Conv2d::new(w, Some(b), Conv2dConfig::default()));
        }
        for w in network.widths().windows(2) {
            let (weight, bias) = weights(&[w[1], w[0]], w[0] + w[1], w[1])?;
            net.dense.push(Linear::new(weight, Some(bias)));
        }
        Ok((net, vars))
    }
    /// The same without anything that remembers gradients.
    fn frozen(&self) -> Self {
        let convs = self.convs.iter().map(|c| Conv2d::new(c.weight().detach(), c.bias().map(Tensor::detach), *c.config()));
        let dense = self.dense.iter().map(|d| Linear::new(d.weight().detach(), d.bias().map(Tensor::detach)));
        Self { convs: convs.collect(), dropout: 0.0, dense: dense.collect() }
    }
    /// The last layer's sums.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        for conv in &self.convs {
            x = conv.forward(&x)?.relu()?.max_pool2d(2)?;
        }
        if !self.convs.is_empty() {
            x = x.flatten_from(1)?;
        }
        if self.dropout > 0.0 {
            x = dropout(&x, self.dropout)?;
        }
        for (at, layer) in self.dense.iter().enumerate() {
            x = layer.forward(&x)?;
            if at + 1 < self.dense.len() {
                x = x.relu()?;
            }
        }
        Ok(x)
    }
}

enum Optim {
    Sgd(SGD),
    /// Adam is AdamW without decay.
    Adam(AdamW),
    /// Keras' RMSprop: each variable with the running mean of its squared gradients.
    RmsProp(Vec<(Var, Var)>),
}

impl Optim {
    fn new(network: Network, vars: Vec<Var>) -> Result<Self> {
        Ok(match network {
            Network::Linreg => Self::Sgd(SGD::new(vars, 0.1)?),
            Network::Mlp512 => {
                let with_mean = |v: Var| Var::zeros(v.shape(), DType::F32, &DEVICE).map(|mean| (v, mean));
                Self::RmsProp(vars.into_iter().map(with_mean).collect::<Result<_>>()?)
            }
            _ => Self::Adam(AdamW::new(vars, ParamsAdamW { eps: 1e-7, weight_decay: 0.0, ..ParamsAdamW::default() })?),
        })
    }
    fn step(&mut self, grads: &GradStore) -> Result<()> {
        match self {
            Self::Sgd(o) => o.step(grads),
            Self::Adam(o) => o.step(grads),
            Self::RmsProp(vars) => vars.iter().try_for_each(|(var, mean)| {
                let Some(g) = grads.get(var) else { return Ok(()) };
                let next = ((mean.as_tensor() * 0.9)? + (g.sqr()? * 0.1)?)?;
                let step = ((g * 1e-3)? / (&next + 1e-7)?.sqrt()?)?;
                mean.set(&next)?;
                var.set(&(var.as_tensor() - step)?)
            }),
        }
    }
}

struct Candle {
    network: Network,
    net: Net,
    optimizer: Optim,
}

impl Candle {
    fn new(network: Network) -> Result<Self> {
        let (net, vars) = Net::new(network)?;
        Ok(Self { network, net, optimizer: Optim::new(network, vars)? })
    }
    fn rows(&self, x: &[f32], rows: usize) -> Result<Tensor> {
        let shape: Vec<usize> = [rows].iter().chain(self.network.row()).copied().collect();
        Tensor::from_slice(x, shape, &DEVICE)
    }
    fn try_batch(&self, x: &[f32], y: Labels<'_>, rows: usize) -> Result<(Tensor, Tensor)> {
        let y = match y {
            Labels::Classes(y) => Tensor::from_vec(y.iter().map(|&c| c.cast_unsigned()).collect(), rows, &DEVICE)?,
            Labels::Values(y) => Tensor::from_slice(y, (rows, 1), &DEVICE)?,
        };
        Ok((self.rows(x, rows)?, y))
    }
    fn try_step(&mut self, (x, y): &(Tensor, Tensor)) -> Result<f32> {
        let out = self.net.forward(x)?;
        let loss = if self.network == Network::Linreg { mse(&out, y)? } else { cross_entropy(&out, y)? };
        self.optimizer.step(&loss.backward()?)?;
        loss.to_scalar()
    }
    fn try_predict(&self, x: &[f32], rows: usize) -> Result<Vec<f32>> {
        softmax(&self.net.forward(&self.rows(x, rows)?)?, 1)?.flatten_all()?.to_vec1()
    }
}

/// Sizes are fixed here, so that an error is a mistake of this program.
const SIZES: &str = "sizes fit";

impl Peer for Candle {
    type Batch = (Tensor, Tensor);

    fn batch(&self, x: &[f32], y: Labels<'_>, rows: usize) -> Self::Batch {
        self.try_batch(x, y, rows).expect(SIZES)
    }
    fn step(&mut self, batch: &Self::Batch) -> f32 {
        self.try_step(batch).expect(SIZES)
    }
    fn freeze(&mut self) {
        self.net = self.net.frozen();
    }
    fn predict(&self, x: &[f32], rows: usize) -> Vec<f32> {
        self.try_predict(x, rows).expect(SIZES)
    }
}

fn main() -> std::process::ExitCode {
    peers::run("candle", "candle 0.11.1", |network| Candle::new(network).expect(SIZES))
}
