//! Graphs of tensor operations: types, builder, gradients, passes, reference evaluator.
