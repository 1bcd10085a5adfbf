//! What each operator is in terms of the graph, by families.

pub(crate) mod activation;
pub(crate) mod attention;
pub(crate) mod control;
pub(crate) mod conv;
pub(crate) mod einsum;
pub(crate) mod index;
pub(crate) mod loss;
pub(crate) mod math;
pub(crate) mod moves;
pub(crate) mod norm;
pub(crate) mod pool;
pub(crate) mod quantize;
pub(crate) mod recurrent;
pub(crate) mod reduce;
pub(crate) mod resize;
pub(crate) mod shape;
