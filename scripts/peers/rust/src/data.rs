//! The networks' sizes and their data: as `adaline bench` has them.

use crate::Task;
use std::path::Path;

/// A network, named as in `adaline bench`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    Tiny,
    Mlp128,
    Mlp512,
    Linreg,
    Cnn,
}

impl Network {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "tiny" => Self::Tiny,
            "mlp128" => Self::Mlp128,
            "mlp512" => Self::Mlp512,
            "linreg" => Self::Linreg,
            "cnn" => Self::Cnn,
            _ => return None,
        })
    }
    /// Channels into and out of each convolution of 3 x 3, which relu and the maximum of 2 x 2 follow.
    pub fn convolutions(self) -> &'static [(usize, usize)] {
        if self == Self::Cnn { &[(1, 32), (32, 64)] } else { &[] }
    }
    /// Share that dropout drops before the dense layers.
    pub fn dropout(self) -> f32 {
        if self == Self::Cnn { 0.5 } else { 0.0 }
    }
    /// Widths of the dense layers, their input first; relu between them.
    pub fn widths(self) -> &'static [usize] {
        match self {
            Self::Tiny => &[10, 32, 2],
            Self::Mlp128 => &[784, 128, 10],
            Self::Mlp512 => &[784, 512, 512, 10],
            Self::Linreg => &[1, 1],
            Self::Cnn => &[1600, 10],
        }
    }
    /// Sizes of a row: numbers, or channels, height and width.
    pub fn row(self) -> &'static [usize] {
        if self == Self::Cnn { &[1, 28, 28] } else { &self.widths()[..1] }
    }
    pub(crate) fn row_len(self) -> usize {
        self.row().iter().product()
    }
    /// Rows of a step, rows of data.
    pub(crate) fn sizes(self) -> (usize, usize) {
        match self {
            Self::Tiny => (10, 2000),
            Self::Mlp128 | Self::Mlp512 => (32, 60_000),
            Self::Linreg => (1_000_000, 1_000_000),
            Self::Cnn => (128, 60_000),
        }
    }
}

/// What the network is to say of rows.
#[derive(Clone, Copy)]
pub enum Labels<'a> {
    Classes(&'a [i32]),
    Values(&'a [f32]),
}

/// All rows of a workload.
pub(crate) struct Data {
    pub x: Vec<f32>,
    pub y: Targets,
    pub rows: usize,
    pub source: &'static str,
}

pub(crate) enum Targets {
    Classes(Vec<i32>),
    Values(Vec<f32>),
}

impl Targets {
    pub fn all(&self) -> Labels<'_> {
        match self {
            Self::Classes(y) => Labels::Classes(y),
            Self::Values(y) => Labels::Values(y),
        }
    }
}

impl Data {
    pub fn of(task: &Task) -> Result<Self, String> {
        let (rows, network) = (task.rows, task.network);
        let mut random = Random(1);
        Ok(match network {
            Network::Tiny => {
                let w: Vec<f32> = (0..10).map(|_| random.normal()).collect();
                let x: Vec<f32> = (0..10 * rows).map(|_| random.normal()).collect();
                let class = |row: &[f32]| row.iter().zip(&w).map(|(x, w)| x * w).sum::<f32>();
                let y = x.chunks(10).map(|row| i32::from(class(row) + 0.3 * random.normal() > 0.0)).collect();
                Self { x, y: Targets::Classes(y), rows, source: "synthetic" }
            }
            Network::Linreg => {
                let x: Vec<f32> = (0..rows).map(|_| 2.0 * random.uniform() - 1.0).collect();
                let y = x.iter().map(|x| 3.0 * x + 2.0 + 0.1 * random.normal()).collect();
                Self { x, y: Targets::Values(y), rows, source: "synthetic" }
            }
            Network::Mlp128 | Network::Mlp512 | Network::Cnn => match &task.data {
                Some(folder) => mnist(folder, rows)?,
                None => {
                    let x = (0..784 * rows).map(|_| random.uniform()).collect();
                    let y = (0..rows).map(|_| ((10.0 * random.uniform()) as i32).min(9)).collect();
                    Self { x, y: Targets::Classes(y), rows, source: "synthetic" }
                }
            },
        })
    }
}

/// The first rows of MNIST's training set, from 0 to 1.
fn mnist(folder: &Path, rows: usize) -> Result<Data, String> {
    let read = |name: &str, head: usize| {
        let path = folder.join(name);
        let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        if bytes.len() > head { Ok(bytes) } else { Err(format!("{}: too short for an IDX file", path.display())) }
    };
    let (labels, images) = (read("train-labels-idx1-ubyte", 8)?, read("train-images-idx3-ubyte", 16)?);
    let rows = rows.min(labels.len() - 8).min((images.len() - 16) / 784);
    let x = images[16..16 + 784 * rows].iter().map(|&b| f32::from(b) / 255.0).collect();
    let y = labels[8..8 + rows].iter().map(|&b| i32::from(b)).collect();
    Ok(Data { x, y: Targets::Classes(y), rows, source: "mnist" })
}

/// SplitMix64 (Steele, Lea and Flood 2014).
pub(crate) struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    /// From 0 to 1.
    fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 24) as f32
    }
    /// By Box and Muller.
    fn normal(&mut self) -> f32 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f32::consts::TAU * self.uniform()).cos()
    }
    /// By Fisher and Yates.
    pub fn shuffle(&mut self, order: &mut [usize]) {
        for i in (1..order.len()).rev() {
            order.swap(i, (self.next() % (i as u64 + 1)) as usize);
        }
    }
}
