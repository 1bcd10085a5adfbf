//! Sample tables, gradient checks, random graphs and comparisons shared by the test suites. Not published.
//!
//! - [`samples()`](samples::samples): graphs that together use every operation, with inputs that hurt; [`bad_samples()`](bad::bad_samples):
//!   operations that must be refused, with the exact text.
//! - [`gradcheck`]: gradients against central differences in `f64`.
//! - [`random`]: typed random graphs with loss, gradients and updates, and a shrinker for those that fail.
//! - [`compare`](fn@compare::compare): a backend against the naive evaluator, with a running error bound.
//! - [`alloc`]: an allocator that counts.
//!
//! ```
//! use adaline_graph::{backend::CompileOptions, reference::Reference};
//! use adaline_testkit::{compare::{Tolerance, compare}, samples::samples};
//!
//! for s in samples().iter().take(3) {
//!     compare(&Reference::default(), &s.graph, &s.inputs, &s.state, &CompileOptions::default(), &Tolerance::default()).unwrap();
//! }
//! ```

pub mod alloc;
pub mod bad;
pub mod compare;
pub mod cover;
pub mod gradcheck;
pub mod random;
pub mod rng;
pub mod samples;

pub use rng::Rng;
