//! Results of a classification as terminal tables.

use super::text::{Align, TextTable};
use crate::figure::ConfusionMatrix;
use crate::number::grouped;
use crate::scores::{ClassScores, Scores};

/// The confusion matrix; rows are true classes, columns predicted ones.
pub fn confusion_table(matrix: &ConfusionMatrix) -> TextTable {
    let k = matrix.size();
    let columns = std::iter::once(("true \\ predicted".to_owned(), Align::Left)).chain((0..k).map(|p| (matrix.class(p), Align::Right)));
    let mut table = TextTable::new(columns).max_column_width(24);
    for t in 0..k {
        table.row(std::iter::once(matrix.class(t)).chain((0..k).map(|p| grouped(matrix.count(t, p)))));
    }
    table
}

/// Precision, recall, F1 and support of each class, and their means.
pub fn class_table(matrix: &ConfusionMatrix) -> TextTable {
    let scores = ClassScores::of(matrix);
    let right = Align::Right;
    let columns = [("class", Align::Left), ("precision", right), ("recall", right), ("f1", right), ("support", right)];
    let mut table = TextTable::new(columns).max_column_width(32);
    let line = |name: String, s: &Scores| [name, four(s.precision), four(s.recall), four(s.f1), grouped(s.support)];
    for (k, s) in scores.classes.iter().enumerate() {
        table.row(line(matrix.class(k), s));
    }
    table.gap();
    table.row(["accuracy".into(), String::new(), String::new(), four(scores.accuracy), grouped(scores.macro_mean.support)]);
    table.row(line("macro mean".into(), &scores.macro_mean));
    table.row(line("weighted mean".into(), &scores.weighted_mean));
    table
}

fn four(value: f64) -> String {
    if value.is_finite() { format!("{value:.4}") } else { "–".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_a_small_matrix() {
        let matrix = ConfusionMatrix { classes: vec!["no".into(), "yes".into()], counts: vec![vec![8, 2], vec![1, 1004]] };
        assert_eq!(
            confusion_table(&matrix).to_string(),
            "true \\ predicted  no    yes\n────────────────  ──  ─────\nno                 8      2\nyes                1  1,004\n"
        );
        assert_eq!(
            class_table(&matrix).to_string(),
            "class          precision  recall      f1  support\n\
             ─────────────  ─────────  ──────  ──────  ───────\n\
             no                0.8889  0.8000  0.8421       10\n\
             yes               0.9980  0.9990  0.9985    1,005\n\
             \n\
             accuracy                          0.9970    1,015\n\
             macro mean        0.9435  0.8995  0.9203    1,015\n\
             weighted mean     0.9969  0.9970  0.9970    1,015\n"
        );
    }

    #[test]
    fn an_empty_matrix_has_no_scores() {
        let text = class_table(&ConfusionMatrix::default()).to_string();
        assert!(text.contains("accuracy") && text.contains('–'), "{text}");
    }
}
