//! The CPU backend: kernels, memory plan, immutable plans and mutable sessions.

pub mod simd;
pub mod vmath;
pub mod gemm;
pub mod pool;
