//! The confusion matrix as a heat map.

use super::{Anchor, Figure, Mark, Paint, Role, Stroke, font};
use crate::number;

/// Counts of (true class, predicted class) pairs, shape (K, K); rows are true classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfusionMatrix {
    /// Class names, K of them; missing names become numbers.
    pub classes: Vec<String>,
    /// `counts[true][predicted]`; short rows count as filled up with 0.
    pub counts: Vec<Vec<u64>>,
}

impl ConfusionMatrix {
    /// Number of classes.
    pub fn size(&self) -> usize {
        self.counts.iter().map(Vec::len).max().unwrap_or(0).max(self.counts.len())
    }

    /// The count of examples of class `truth` that were called `predicted`.
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.counts.get(truth).and_then(|row| row.get(predicted)).copied().unwrap_or(0)
    }

    /// The name of class `k`.
    pub fn class(&self, k: usize) -> String {
        self.classes.get(k).cloned().unwrap_or_else(|| k.to_string())
    }

    /// Examples whose true class is `truth`.
    pub fn support(&self, truth: usize) -> u64 {
        (0..self.size()).map(|p| self.count(truth, p)).fold(0, u64::saturating_add)
    }

    /// Draws the matrix: right answers blue, wrong ones orange, the stronger the larger their share of the row. Above 40
    /// classes the numbers are left out.
    pub fn figure(&self) -> Figure {
        let k = self.size();
        if k == 0 {
            return Figure::nothing(320.0, 120.0, "no confusion matrix");
        }
        let names: Vec<String> = (0..k).map(|i| self.class(i)).collect();
        let cell = (520.0 / k as f64).clamp(if k > 40 { 8.0 } else { 26.0 }, 64.0);
        let size = (cell * 0.3).clamp(9.0, 15.0);
        let label_size = (cell * 0.5).clamp(6.0, 12.0);
        let widest = names.iter().map(|n| font::width(n, label_size)).fold(0.0, f64::max).clamp(16.0, 140.0);
        let (left, top) = (34.0 + widest, 12.0);
        let turned = widest > cell - 4.0;
        let below = if turned { widest } else { label_size } + 34.0;
        let side = cell * k as f64;
        let mut figure = Figure::new(left + side + 12.0, top + side + below, self.description());
        for t in 0..k {
            for p in 0..k {
                self.cell(&mut figure, t, p, [left + p as f64 * cell, top + t as f64 * cell, cell, cell], size);
            }
        }
        for (i, name) in names.iter().enumerate() {
            let text = font::fitted(name, label_size, 140.0);
            let middle = (i as f64 + 0.5) * cell;
            let y = top + middle + label_size * 0.35;
            figure.text([left - 8.0, y], text.clone(), label_size, Anchor::End, Role::Ink);
            let upright_at = [left + middle + label_size * 0.35, top + side + 8.0];
            let flat_at = [left + middle, top + side + label_size + 6.0];
            figure.push(Mark::Text {
                at: if turned { upright_at } else { flat_at },
                text,
                size: label_size,
                anchor: if turned { Anchor::End } else { Anchor::Middle },
                paint: Role::Ink.into(),
                bold: false,
                upright: turned,
            });
        }
        let at = [left + side / 2.0, figure.height() - 8.0];
        figure.text(at, "predicted", 12.0, Anchor::Middle, Role::Muted);
        figure.push(Mark::Text {
            at: [16.0, top + side / 2.0],
            text: "true".into(),
            size: 12.0,
            anchor: Anchor::Middle,
            paint: Role::Muted.into(),
            bold: false,
            upright: true,
        });
        figure
    }

    fn cell(&self, figure: &mut Figure, truth: usize, predicted: usize, at: [f64; 4], size: f64) {
        let [x, y, w, h] = at;
        let count = self.count(truth, predicted);
        let support = self.support(truth);
        let share = if support == 0 { 0.0 } else { count as f64 / support as f64 };
        let role = if truth == predicted { Role::First } else { Role::Second };
        let strength = if count == 0 { 0.0 } else { 0.12 + 0.88 * share };
        let tip = format!(
            "true {}, predicted {}: {} of {} ({})",
            self.class(truth),
            self.class(predicted),
            number::grouped(count),
            number::grouped(support),
            number::percent(share)
        );
        figure.push(Mark::Rect {
            at: [x + 1.0, y + 1.0, w - 2.0, h - 2.0],
            radius: 3.0_f64.min(w / 8.0),
            fill: Some(if count == 0 { Role::Panel.into() } else { Paint::faded(role, strength) }),
            stroke: (count == 0).then(|| Stroke::new(Role::Grid, 0.5)),
            tip: Some(tip),
        });
        let text = number::grouped(count);
        if w < 20.0 || font::width(&text, 8.0) > w {
            return;
        }
        let size = size.min(size * (w - 4.0) / font::width(&text, size));
        let ink = match (count, strength > 0.55) {
            (0, _) => Role::Muted,
            (_, true) => Role::OnFill,
            (_, false) => Role::Ink,
        };
        figure.text([x + w / 2.0, y + h / 2.0 + size * 0.36], text, size, Anchor::Middle, ink);
    }

    fn description(&self) -> String {
        let k = self.size();
        let right = (0..k).map(|i| self.count(i, i)).fold(0, u64::saturating_add);
        let all = (0..k).map(|i| self.support(i)).fold(0, u64::saturating_add);
        format!("confusion matrix of {k} classes: {right} of {all} examples are right")
    }
}
