//! Recurrent layers: cells, which say what one step does, and layers that repeat a cell along a sequence.
//!
//! Sequences are `(B, T, ..)` outside, as in Keras, and `(T, B, ..)` inside. A cell writes one step;
//! [`Builder::scan`](adaline_graph::Builder::scan) sees to it that what does not depend on states is computed before the steps where that pays.

mod bidirectional;
mod conv_lstm;
mod gates;
mod gru;
mod lstm;
mod options;
mod pass;
mod rnn;
mod simple;
mod stacked;

pub use bidirectional::{Bidirectional, BidirectionalResult, MergeMode};
pub use conv_lstm::{ConvLSTM, ConvLSTM1D, ConvLSTM2D, ConvLSTM3D};
pub use gates::{GateCell, GateLayer, Kind, Recurrence};
pub use gru::{GRU, GRUCell, Gru};
pub use lstm::{LSTM, LSTMCell, Lstm};
pub use options::{Recurrent, RnnOptions, RnnResult};
pub use pass::{Outputs, Pass, Passed, RnnCell, StepCell};
pub use rnn::RNN;
pub use simple::{Simple, SimpleRNN, SimpleRNNCell};
pub use stacked::StackedRNNCells;
