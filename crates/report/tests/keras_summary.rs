//! Model summaries against the text that Keras itself prints (`tests/keras/`, written by `make.py` there).

use adaline_report::tables::{SummaryColumns, SummaryRow, SummaryTotals, keras_summary, keras_summary_wide};

fn totals(trainable: u64, non_trainable: u64, optimizer: Option<u64>) -> SummaryTotals {
    SummaryTotals { trainable, non_trainable, optimizer, bytes_per_param: 4 }
}

fn iris() -> Vec<SummaryRow> {
    vec![
        SummaryRow::new("dense (Dense)", "(None, 16)", 80),
        SummaryRow::new("batch_normalization (BatchNormalization)", "(None, 16)", 64),
        SummaryRow::new("dense_1 (Dense)", "(None, 3)", 51),
    ]
}

fn digits() -> Vec<SummaryRow> {
    let row = |layer: &str, shape: &str, params, trainable| SummaryRow { trainable, ..SummaryRow::new(layer, shape, params) };
    vec![
        row("a_very_long_layer_name_that_must_be_wrapped_somewhere (Conv2D)", "(None, 26, 26, 32)", 320, Some(false)),
        row("max_pooling2d (MaxPooling2D)", "(None, 13, 13, 32)", 0, None),
        row("flatten (Flatten)", "(None, 5408)", 0, None),
        row("dense_2 (Dense)", "(None, 10)", 54090, Some(true)),
    ]
}

fn two_inputs() -> Vec<SummaryRow> {
    let row = |layer: &str, shape: &str, params, from: &str| SummaryRow {
        connected_to: from.into(),
        trainable: (params > 0).then_some(true),
        ..SummaryRow::new(layer, shape, params)
    };
    vec![
        row("left (InputLayer)", "(None, 8)", 0, ""),
        row("branch (Dense)", "(None, 4)", 36, "left[0][0]"),
        row("right (InputLayer)", "(None, 8)", 0, ""),
        row("joined (Concatenate)", "(None, 12)", 0, "branch[0][0], right[0][0]"),
        row("answer (Dense)", "(None, 1)", 13, "joined[0][0]"),
    ]
}

#[test]
fn default_summaries_are_keras() {
    assert_eq!(keras_summary("iris", &iris(), 163, 32, None), include_str!("keras/iris.txt"));
    assert_eq!(keras_summary("iris", &iris(), 163, 32, Some(328)), include_str!("keras/iris_compiled.txt"));
    let unbuilt = SummaryRow { params: None, ..SummaryRow::new("dense_3 (Dense)", "?", 0) };
    assert_eq!(keras_summary("unbuilt", &[unbuilt], 0, 0, None), include_str!("keras/unbuilt.txt"));
}

#[test]
fn other_widths_and_columns_are_keras() {
    let chain = SummaryColumns::default();
    let trainable = SummaryColumns { trainable: true, ..chain };
    let connected = SummaryColumns { connected_to: true, ..chain };
    let both = SummaryColumns { connected_to: true, trainable: true };
    let d = || ("digits", digits(), totals(54090, 320, None));
    let t = || ("two_inputs", two_inputs(), totals(49, 0, None));
    let cases = [
        (d(), chain, 60, include_str!("keras/digits_60.txt")),
        (d(), chain, 88, include_str!("keras/digits_88.txt")),
        (d(), trainable, 76, include_str!("keras/digits_trainable.txt")),
        (t(), connected, 76, include_str!("keras/two_inputs.txt")),
        (t(), connected, 108, include_str!("keras/two_inputs_108.txt")),
        (t(), both, 120, include_str!("keras/two_inputs_trainable_120.txt")),
    ];
    for ((name, rows, totals), columns, width, expected) in cases {
        let text = keras_summary_wide(name, &rows, totals, columns, width);
        assert_eq!(text, expected, "\n{name} at {width}\n{text}\n{expected}");
    }
}

#[test]
fn odd_input_does_not_break_the_table() {
    let rows = [SummaryRow::new("\u{1b}[31m\n犬犬犬犬犬犬犬犬犬犬犬犬犬犬犬犬犬犬犬犬犬犬 (Dense)", "", u64::MAX)];
    let text = keras_summary_wide("", &rows, totals(u64::MAX, u64::MAX, Some(1)), SummaryColumns::default(), 0);
    assert!(!text.contains('\u{1b}') && text.contains(" PB)"));
    let empty = keras_summary("empty", &[], 0, 0, None);
    assert_eq!(empty.lines().count(), 8);
}
