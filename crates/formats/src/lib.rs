//! Model files: Keras archives to and from JSON and named tensors.
