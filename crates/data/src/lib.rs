//! Tensors, tables, readers, splits and preprocessing.
