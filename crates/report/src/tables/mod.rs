//! Text tables for terminals: a general one, and Keras' model summary.

mod results;
mod summary;
mod text;

pub use results::{class_table, confusion_table};
pub use summary::{SummaryColumns, SummaryRow, SummaryTotals, default_line_length, keras_summary, keras_summary_wide, memory_size};
pub use text::{Align, TextTable};
