//! The CPU backend: kernels, memory plan, immutable plans and mutable sessions.

pub mod ceiling;
pub mod gemm;
pub mod pool;
mod scan;
pub mod simd;
pub mod vmath;

mod backend;
mod conv;
mod direct;
mod dot;
mod fused;
mod lower;
mod memory;
mod moves;
mod par;
mod plan;
mod report;
mod session;
mod sums;
mod verify;

pub use backend::{CompileTimes, Cpu, CpuPlan, dump_fused};
pub use session::CpuSession;
