//! Keras' `model.summary()` as text without colours.
//!
//! The layout follows what Keras 3 prints through its table library: columns at 45, 80 and 100 % of the line (30, 56, 74 and
//! 100 % with connections), the excess over the line taken evenly from the columns, words wrapped, longer words cut
//! with an ellipsis.

use super::text::{Align, clean, cut, padded, width};
use crate::number::grouped;
use std::fmt::Write;

/// One layer of a summary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SummaryRow {
    /// Name and class: `dense (Dense)`.
    pub layer: String,
    /// Output shape: `(None, 16)`; `?` where it is not known yet.
    pub output_shape: String,
    /// Number of parameters; `None` while the layer is not built.
    pub params: Option<u64>,
    /// The layers it takes its input from, as in `input_layer[0][0]`; shown where [`SummaryColumns::connected_to`] asks.
    pub connected_to: String,
    /// Whether its weights are trained; `None` for a layer without weights.
    pub trainable: Option<bool>,
}

impl SummaryRow {
    /// A row of a sequential model.
    pub fn new(layer: impl Into<String>, output_shape: impl Into<String>, params: u64) -> Self {
        Self { layer: layer.into(), output_shape: output_shape.into(), params: Some(params), ..Self::default() }
    }
}

/// Which columns a summary has besides layer, output shape and parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SummaryColumns {
    /// `Connected to`, which Keras shows for models that are not a plain chain.
    pub connected_to: bool,
    /// `Trainable`, Keras' `show_trainable=True`.
    pub trainable: bool,
}

/// Parameter counts below the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SummaryTotals {
    /// Weights that are trained.
    pub trainable: u64,
    /// Weights that are not.
    pub non_trainable: u64,
    /// The optimizer's own values; `None` before its first step.
    pub optimizer: Option<u64>,
    /// Bytes per value (4 for `float32`).
    pub bytes_per_param: u64,
}

/// Keras' summary of a sequential model of `float32` weights on a terminal of 80 columns.
///
/// ```
/// use adaline_report::tables::{SummaryRow, keras_summary};
/// let rows = [SummaryRow::new("dense (Dense)", "(None, 3)", 15)];
/// let text = keras_summary("iris", &rows, 15, 0, None);
/// assert!(text.starts_with("Model: \"iris\"\n┏━"));
/// assert!(text.ends_with(" Total params: 15 (60.00 B)\n Trainable params: 15 (60.00 B)\n Non-trainable params: 0 (0.00 B)\n"));
/// ```
pub fn keras_summary(model_name: &str, rows: &[SummaryRow], trainable: u64, non_trainable: u64, optimizer: Option<u64>) -> String {
    let totals = SummaryTotals { trainable, non_trainable, optimizer, bytes_per_param: 4 };
    keras_summary_wide(model_name, rows, totals, SummaryColumns::default(), default_line_length(SummaryColumns::default(), 80))
}

/// The line length that Keras takes on a terminal of `terminal` columns.
pub fn default_line_length(columns: SummaryColumns, terminal: usize) -> usize {
    let length = if columns.connected_to { 108 } else { 88 } + if columns.trainable { 12 } else { 0 };
    length.min(terminal.saturating_sub(4))
}

/// The summary with all its choices; `line_length` is the table's whole width (at least 40).
pub fn keras_summary_wide(
    model_name: &str,
    rows: &[SummaryRow],
    totals: SummaryTotals,
    columns: SummaryColumns,
    line_length: usize,
) -> String {
    let mut header = vec![("Layer (type)", Align::Left), ("Output Shape", Align::Left), ("Param #", Align::Right)];
    let mut positions = vec![0.45, 0.80, 1.0];
    if columns.connected_to {
        header.push(("Connected to", Align::Left));
        positions = vec![0.3, 0.56, 0.74, 1.0];
    }
    if columns.trainable {
        header.push(("Trainable", Align::Center));
        for p in &mut positions {
            *p *= 0.9;
        }
        positions.push(1.0);
    }
    let widths = column_widths(&positions, line_length.max(40));
    let aligns: Vec<Align> = header.iter().map(|h| h.1).collect();
    let mut out = format!("Model: \"{}\"\n", clean(model_name));
    rule(&mut out, &widths, ["┏", "━", "┳", "┓"]);
    let names: Vec<String> = header.iter().map(|h| h.0.to_owned()).collect();
    line(&mut out, &names, &widths, &aligns, '┃');
    rule(&mut out, &widths, ["┡", "━", "╇", "┩"]);
    for (i, row) in rows.iter().enumerate() {
        if i > 0 {
            rule(&mut out, &widths, ["├", "─", "┼", "┤"]);
        }
        line(&mut out, &cells(row, columns), &widths, &aligns, '│');
    }
    rule(&mut out, &widths, ["└", "─", "┴", "┘"]);
    push_totals(&mut out, totals);
    out
}

fn cells(row: &SummaryRow, columns: SummaryColumns) -> Vec<String> {
    let params = row.params.map_or_else(|| "0 (unbuilt)".into(), grouped);
    let mut cells = vec![clean(&row.layer), clean(&row.output_shape), params];
    if columns.connected_to {
        cells.push(if row.connected_to.is_empty() { "-".into() } else { clean(&row.connected_to) });
    }
    if columns.trainable {
        cells.push(row.trainable.map_or("-", |t| if t { "Y" } else { "N" }).into());
    }
    cells
}

fn push_totals(out: &mut String, totals: SummaryTotals) {
    let SummaryTotals { trainable, non_trainable, optimizer, bytes_per_param } = totals;
    let all = trainable.saturating_add(non_trainable).saturating_add(optimizer.unwrap_or(0));
    let mut total = |name: &str, count: u64| {
        let size = memory_size(count.saturating_mul(bytes_per_param));
        let _ = writeln!(out, " {name}: {} ({size})", grouped(count));
    };
    total("Total params", all);
    total("Trainable params", trainable);
    total("Non-trainable params", non_trainable);
    if let Some(count) = optimizer {
        total("Optimizer params", count);
    }
}

/// Bytes in the unit that fits, as Keras writes them: `780.00 B`, `2.04 KB`.
pub fn memory_size(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KB", "MB", "GB", "TB"] {
        if size / 1024.0 < 1.0 {
            return format!("{size:.2} {unit}");
        }
        size /= 1024.0;
    }
    format!("{size:.2} PB")
}

/// Widths of the columns with their padding, borders excluded.
fn column_widths(positions: &[f64], line_length: usize) -> Vec<usize> {
    let mut widths = Vec::new();
    let mut before = 0;
    for p in positions {
        let at = (p * line_length as f64) as usize;
        widths.push(at.saturating_sub(before) + 2);
        before = before.max(at);
    }
    let borders = widths.len() + 1;
    let mut excess = (widths.iter().sum::<usize>() + borders).saturating_sub(line_length);
    let mut left = widths.len();
    for width in &mut widths {
        // Halves go to the even number, as Python rounds.
        let share = (excess as f64 / left as f64).round_ties_even() as usize;
        let share = share.min(width.saturating_sub(3));
        *width -= share;
        excess -= share;
        left -= 1;
    }
    widths
}

fn rule(out: &mut String, widths: &[usize], [left, dash, middle, right]: [&str; 4]) {
    out.push_str(left);
    for (i, width) in widths.iter().enumerate() {
        if i > 0 {
            out.push_str(middle);
        }
        out.push_str(&dash.repeat(*width));
    }
    out.push_str(right);
    out.push('\n');
}

fn line(out: &mut String, cells: &[String], widths: &[usize], aligns: &[Align], bar: char) {
    let wrapped: Vec<Vec<String>> = cells.iter().zip(widths).map(|(c, w)| wrap(c, w - 2)).collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(1);
    for i in 0..height {
        for ((cell, width), align) in wrapped.iter().zip(widths).zip(aligns) {
            let text = cell.get(i).map_or("", String::as_str);
            let _ = write!(out, "{bar} {} ", padded(text, width - 2, *align));
        }
        out.push(bar);
        out.push('\n');
    }
}

/// `text` in lines of at most `limit` columns, broken at spaces; longer words are cut.
fn wrap(text: &str, limit: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(last) if width(last) + 1 + width(word) <= limit => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|l| cut(l, limit)).collect()
}
