//! Layers, losses, metrics, optimizers, models and the training loop, in Keras' words.
//!
//! Everything here writes graphs (`adaline_graph`) and hands them to a backend; nothing here knows of SIMD or files' bytes.
//! Configurations are serde structs whose JSON is what Keras writes: same names, same defaults.

pub mod activations;
pub mod advice;
pub mod callbacks;
pub mod catalogue;
pub mod constraints;
mod custom;
mod error;
pub mod initializers;
pub mod keras;
pub mod layers;
mod legacy;
pub mod losses;
pub mod metrics;
pub mod model;
pub mod network;
pub mod optimizers;
pub mod regularizers;
pub mod schedules;
pub mod search;
pub mod trace;

pub use advice::{Advice, AdviceKind};
pub use callbacks::Callback;
pub use error::{Error, NonFinite, Result};
pub use keras::DTypePolicy;
pub use layers::Layer;
pub use losses::Loss;
pub use metrics::Metric;
pub use model::{Evaluate, Fit, History, Model};
pub use network::{Apply, CallSettings, Functional, KerasTensor, Seed, Sequential, SharedLayer};
pub use optimizers::Optimizer;
pub use trace::{Masked, Trace, WeightSpec};
