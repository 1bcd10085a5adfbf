//! Layers, losses, metrics, optimizers, models and the training loop, in Keras' words.
