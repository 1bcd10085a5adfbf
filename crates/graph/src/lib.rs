//! The language of Adaline: typed graphs of tensor operations, and everything that can be said of them without running them.
//!
//! A [`Graph`] is an append-only arena of interned nodes with concrete shapes. Code writes it through [`Var`] handles of a
//! [`Builder`]; [`gradients`](grad::gradients) extends it with reverse-mode derivatives; passes rebuild it; a [`Backend`](backend::Backend) compiles it.
//! [`eval`] is the naive `f64` evaluator that *defines* what every operation means; [`reference`](mod@reference) makes a backend of it.
//!
//! | module | what it does |
//! |---|---|
//! | [`grad`] | derivatives: one rule for each operation, one reverse walk |
//! | [`pass`] | `simplify`, `fold`, `dce`: less work, same values |
//! | [`verify`] | the rules that every graph keeps |
//! | [`text`] | graphs as text, and back |
//! | [`cost`] | floating-point operations and bytes |
//! | [`philox`] | random numbers as a function of (seed, stream, step, element) |
//! | [`state`] | slots in contiguous arenas by role |
//!
//! Use the crates `adaline` or `adaline-nn` to build networks; this crate is for those who write layers, passes or backends.
//!
//! ```
//! use adaline_graph::{Builder, DType, TensorType};
//!
//! let b = Builder::new();
//! let x = b.input("x", TensorType::f32([2, 3]));
//! let w = b.input("w", TensorType::f32([3, 4]));
//! let y = x.matmul(w).relu(); // (2, 4)
//! b.output("y", y);
//! let graph = b.finish().unwrap();
//! assert_eq!(graph.ty(graph.outputs().values[0].1), TensorType::f32([2, 4]));
//! assert_eq!(graph.ty(graph.outputs().values[0].1).dtype, DType::F32);
//! ```

pub mod backend;
mod build;
mod composite;
pub mod cost;
mod dtype;
mod error;
pub mod eval;
pub mod fuse;
pub mod grad;
mod graph;
mod half;
mod infer;
mod op;
pub mod pass;
pub mod philox;
pub mod reference;
mod scan;
mod shape;
mod spatial;
pub mod state;
pub mod text;
pub mod verify;

pub use build::{Builder, Var};
pub use composite::{Interpolation, concat, dropout_mask};
pub use dtype::{DType, TensorType};
pub use error::{GraphError, ShapeError};
pub use graph::{Graph, InputDecl, InputId, Node, NodeId, OriginId, Outputs, SlotDecl};
pub use infer::infer;
pub use op::{ArgOp, AxisSet, BinaryOp, Distribution, Literal, Op, PadSpec, Perm, ReduceOp, SliceSpec, UnaryOp, WindowOp};
pub use scan::{Body, BodyId, Part};
pub use shape::{MAX_RANK, Shape};
pub use spatial::{ConvSpec, MAX_SPATIAL, WindowSpec};
pub use state::{Role, SlotId, StateLayout, StateStore};
