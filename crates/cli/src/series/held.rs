//! Forecasts of what is known, beside the truth and beside simple rules.

use crate::error::CliError;
use adaline::data::{Encoded, Frame, Past, Rule, Tensor, WindowCoder};
use adaline::nn::Model;
use adaline::report::scores::RegressionScores;

/// Windows that are forecast at once: bounds the memory of long series.
const BLOCK: usize = 4096;
/// From fewer errors than these nothing is said of an interval.
const FEWEST: usize = 10;
/// At most so many errors are kept for each step ahead.
const KEPT: usize = 1000;

/// Forecasts of the steps after some rows. All lists of values lie window by window, [`Held::span`] steps each.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub horizon: usize,
    /// Steps ahead that were forecast, at least the horizon; beyond it from forecasts.
    pub span: usize,
    /// The frame's row before each forecast.
    pub origins: Vec<usize>,
    /// NaN where nothing is known.
    pub truth: Vec<f64>,
    pub predicted: Vec<f64>,
    pub rules: Vec<(Rule, Vec<f64>)>,
    /// The scale of each window's series.
    pub scales: Vec<f64>,
}

/// Which steps ahead, and by which rules.
pub(crate) struct Ahead {
    pub window: usize,
    pub horizon: usize,
    pub span: usize,
    pub rules: Vec<Rule>,
}

impl Held {
    /// Forecasts from rows of the frame. Truth is what follows each row without a gap.
    pub(crate) fn of(frame: &Frame, coder: &WindowCoder, model: &mut Model, origins: Vec<usize>, ahead: &Ahead) -> Result<Self, CliError> {
        let &Ahead { window, horizon, span, ref rules } = ahead;
        let encoded = coder.encode(frame, window)?;
        let predicted = roll(model, &encoded, &origins, span)?;
        let mut truth = Vec::with_capacity(predicted.len());
        let mut by_rule: Vec<(Rule, Vec<f64>)> = rules.iter().map(|&rule| (rule, Vec::with_capacity(predicted.len()))).collect();
        let mut scales = Vec::with_capacity(origins.len());
        for &origin in &origins {
            let stretch = frame.stretch(origin);
            truth.extend((origin + 1..=origin + span).map(|row| if row < stretch.end { frame.values()[row] } else { f64::NAN }));
            for (rule, values) in &mut by_rule {
                values.extend(rule.forecast(&frame.values()[stretch.start..=origin], span));
            }
            scales.push(coder.scale_of(frame, frame.series_of(origin), window)?);
        }
        Ok(Self { horizon, span, origins, truth, predicted, rules: by_rule, scales })
    }

    /// Appends windows of the same task.
    pub(crate) fn extend(&mut self, other: Self) {
        self.origins.extend(other.origins);
        self.truth.extend(other.truth);
        self.predicted.extend(other.predicted);
        self.scales.extend(other.scales);
        for ((_, values), (_, more)) in self.rules.iter_mut().zip(other.rules) {
            values.extend(more);
        }
    }

    /// One step ahead, from 1, of each window.
    pub(crate) fn step<'a>(&self, values: &'a [f64], ahead: usize) -> impl Iterator<Item = f64> + 'a {
        values.iter().skip(ahead - 1).step_by(self.span).copied()
    }

    /// The steps within the horizon.
    fn within(&self, values: &[f64]) -> Vec<f64> {
        values.chunks(self.span).flat_map(|window| &window[..self.horizon]).copied().collect()
    }

    /// Errors over all steps of the horizon.
    pub(crate) fn scores(&self) -> RegressionScores {
        self.scores_of(&self.predicted)
    }

    fn scores_of(&self, values: &[f64]) -> RegressionScores {
        RegressionScores::of(&self.within(&self.truth), &self.within(values))
    }

    /// The root mean squared error of each rule over the horizon.
    pub(crate) fn rule_scores(&self) -> Vec<(String, f64)> {
        self.rules.iter().map(|(rule, values)| (rule.name(), self.scores_of(values).rmse)).collect()
    }

    /// The rule with the smallest error.
    pub(crate) fn best_rule(&self) -> Option<(String, f64)> {
        self.rule_scores().into_iter().filter(|(_, score)| score.is_finite()).min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Whether the difference between the network's squared errors and those of the best rule is larger than chance would often make it: two
    /// standard errors of its mean over the windows, of which those that overlap count as one (after F. X. Diebold and R. S. Mariano,
    /// *Comparing predictive accuracy*, 1995).
    pub(crate) fn is_sure(&self) -> bool {
        let of = |values: &[f64]| -> Vec<f64> {
            let squared = |(t, p): (&f64, &f64)| (t - p) * (t - p);
            let windows = self.truth.chunks(self.span).zip(values.chunks(self.span));
            windows.map(|(t, p)| t.iter().zip(p).take(self.horizon).map(squared).sum()).collect()
        };
        let best = self.rules.iter().min_by(|a, b| self.scores_of(&a.1).rmse.total_cmp(&self.scores_of(&b.1).rmse));
        let Some((_, rule)) = best else { return false };
        let gains: Vec<f64> = of(rule).iter().zip(of(&self.predicted)).map(|(rule, own)| rule - own).collect();
        let n = gains.len() as f64;
        let mean = gains.iter().sum::<f64>() / n;
        let variance = gains.iter().map(|g| (g - mean) * (g - mean)).sum::<f64>() / (n - 1.0);
        let apart = (n / self.horizon as f64).max(1.0);
        mean.abs() > 2.0 * (variance / apart).sqrt()
    }

    /// The root mean squared error of each step of the horizon, of some forecasts.
    pub(crate) fn by_step(&self, values: &[f64]) -> Vec<f64> {
        let rmse = |ahead| {
            let (truth, values): (Vec<f64>, Vec<f64>) = (self.step(&self.truth, ahead).collect(), self.step(values, ahead).collect());
            RegressionScores::of(&truth, &values).rmse
        };
        (1..=self.horizon).map(rmse).collect()
    }

    /// Truth − forecast in units of the series' scale, sorted, for each step ahead as far as there are enough of them.
    pub(crate) fn residuals(&self) -> Vec<Vec<f64>> {
        let mut out = Vec::new();
        for ahead in 1..=self.span {
            let (truth, predicted) = (self.step(&self.truth, ahead), self.step(&self.predicted, ahead));
            let mut own: Vec<f64> =
                truth.zip(predicted).zip(&self.scales).map(|((t, p), scale)| (t - p) / scale).filter(|r| r.is_finite()).collect();
            let needed = if ahead <= self.horizon { 1 } else { FEWEST };
            if own.len() < needed {
                break;
            }
            own.sort_unstable_by(f64::total_cmp);
            let last = own.len() - 1;
            if own.len() > KEPT {
                own = (0..KEPT).map(|i| own[i * last / (KEPT - 1)]).collect();
            }
            out.push(own);
        }
        out
    }
}

/// Forecasts so many steps from each row, in the units of the table. Beyond the network's horizon it sees its own forecasts.
pub(crate) fn roll(model: &mut Model, encoded: &Encoded, origins: &[usize], steps: usize) -> Result<Vec<f64>, CliError> {
    let mut out = Vec::with_capacity(origins.len() * steps);
    for block in origins.chunks(BLOCK) {
        let mut pasts: Vec<Past> = block.iter().map(|&origin| encoded.past(origin)).collect::<Result<_, _>>()?;
        let shape = encoded.row_shape();
        let row: usize = shape.iter().product();
        let mut told = vec![Vec::with_capacity(steps); block.len()];
        while told.first().is_some_and(|t| t.len() < steps) {
            let mut x = vec![0.0; block.len() * row];
            for (past, x) in pasts.iter().zip(x.chunks_exact_mut(row)) {
                past.write(x);
            }
            let output = model.predict(&Tensor::f32([block.len(), shape[0], shape[1]], x)?)?;
            let values = output.f32_values();
            for ((past, told), output) in pasts.iter_mut().zip(&mut told).zip(values.chunks_exact(output.row_len().max(1))) {
                told.extend(past.extend(output));
            }
        }
        for mut told in told {
            told.truncate(steps);
            out.append(&mut told);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of a horizon of 1 and a span of 2 whose truth is 0, the first step as forecast.
    fn held(predicted: &[f64], rule: &[f64]) -> Held {
        let both = |first: &[f64]| first.iter().flat_map(|v| [*v, 5.0]).collect::<Vec<f64>>();
        let n = predicted.len();
        Held {
            horizon: 1,
            span: 2,
            origins: (0..n).collect(),
            truth: (0..n).flat_map(|i| [0.0, if i < 9 { 1.0 } else { f64::NAN }]).collect(),
            predicted: both(predicted),
            rules: vec![(Rule::Last, both(rule)), (Rule::Trend(2), vec![9.0; 2 * n])],
            scales: vec![2.0; n],
        }
    }

    #[test]
    fn errors_are_those_of_the_horizon() {
        let held = held(&[1.0, -1.0, 1.0, -1.0], &[3.0, 4.0, 0.0, 0.0]);
        assert_eq!((held.scores().rmse, held.by_step(&held.predicted)), (1.0, vec![1.0]));
        assert_eq!(held.rule_scores(), [("last value".to_owned(), 2.5), ("linear trend (2 steps)".to_owned(), 9.0)]);
        assert_eq!(held.best_rule(), Some(("last value".to_owned(), 2.5)));
        assert_eq!(held.residuals(), [vec![-0.5, -0.5, 0.5, 0.5]], "in units of the scale; four are too few beyond the horizon");
    }

    #[test]
    fn intervals_reach_as_far_as_enough_is_known() {
        let many: Vec<f64> = (0..3000).map(f64::from).collect();
        let mut held = held(&many, &many);
        assert_eq!(held.residuals().len(), 1, "nine truths two steps ahead");
        assert_eq!(held.residuals()[0].len(), KEPT);
        assert_eq!((held.residuals()[0][0], held.residuals()[0][KEPT - 1]), (-2999.0 / 2.0, 0.0));
        held.truth[19] = 1.0;
        assert_eq!(held.residuals()[1], [-2.0; 10]);
    }

    #[test]
    fn a_small_difference_may_be_chance() {
        // errors of 1 against errors of 0 and 1.5 in turn: better in the mean, but not by much more than the spread
        let rule: Vec<f64> = (0..20).map(|i| [0.0, 1.5][i % 2]).collect();
        assert!(!held(&[1.0; 20], &rule).is_sure());
        let rule: Vec<f64> = (0..20).map(|i| [1.5, 2.0][i % 2]).collect();
        assert!(held(&[1.0; 20], &rule).is_sure());
        assert!(!held(&[1.0], &[2.0]).is_sure(), "one window proves nothing");
    }
}
