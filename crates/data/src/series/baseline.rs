//! Forecasts that need no network. What a network must beat.

/// A simple rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The last value goes on.
    Last,
    /// The value of the same place in the last season, of so many steps. Before there is a season, the last value.
    Season(usize),
    /// The same, moved by the change over the last season: what a trend would add. Before there are a season and a value, the last value.
    Drift(usize),
    /// The line through the last so many values by least squares, extended.
    Trend(usize),
}

impl Rule {
    /// The rules that suit a window and a season. A line needs two points at least, and is drawn through two seasons where the window is
    /// shorter than that.
    pub fn all(window: usize, season: Option<usize>) -> Vec<Self> {
        let season = season.filter(|s| *s > 1);
        let line = window.max(season.map_or(2, |s| s.saturating_mul(2)));
        [Some(Self::Last), season.map(Self::Season), season.map(Self::Drift), Some(Self::Trend(line))].into_iter().flatten().collect()
    }

    /// In words.
    pub fn name(self) -> String {
        match self {
            Self::Last => "last value".into(),
            Self::Season(steps) => format!("seasonal last value ({steps} steps)"),
            Self::Drift(steps) => format!("seasonal with change ({steps} steps)"),
            Self::Trend(steps) => format!("linear trend ({steps} steps)"),
        }
    }

    /// In a word.
    pub fn short(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Season(_) => "seasonal",
            Self::Drift(_) => "drift",
            Self::Trend(_) => "trend",
        }
    }

    /// The next `steps` values after a past without gaps. NaN after no past.
    pub fn forecast(self, past: &[f64], steps: usize) -> Vec<f64> {
        let last = past.last().copied().unwrap_or(f64::NAN);
        match self {
            Self::Last => vec![last; steps],
            Self::Season(season) if season == 0 || season > past.len() => vec![last; steps],
            Self::Season(season) => (0..steps).map(|step| past[past.len() - season + step % season]).collect(),
            Self::Drift(season) if season == 0 || season >= past.len() => vec![last; steps],
            Self::Drift(season) => {
                let change = last - past[past.len() - 1 - season];
                let seasons = |step: usize| (step / season + 1) as f64;
                (0..steps).map(|step| past[past.len() - season + step % season] + seasons(step) * change).collect()
            }
            Self::Trend(points) => {
                let tail = &past[past.len().saturating_sub(points.max(1))..];
                let n = tail.len() as f64;
                let (mean_x, mean_y) = ((n - 1.0) / 2.0, tail.iter().sum::<f64>() / n);
                let (mut xy, mut xx) = (0.0, 0.0);
                for (x, y) in tail.iter().enumerate() {
                    let dx = x as f64 - mean_x;
                    xy += dx * (y - mean_y);
                    xx += dx * dx;
                }
                let slope = if xx > 0.0 { xy / xx } else { 0.0 };
                (0..steps).map(|step| mean_y + slope * (n + step as f64 - mean_x)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_by_hand() {
        let past = [9.0, 1.0, 2.0, 3.0];
        assert_eq!(Rule::Last.forecast(&past, 2), [3.0, 3.0]);
        assert_eq!(Rule::Season(3).forecast(&past, 5), [1.0, 2.0, 3.0, 1.0, 2.0]);
        assert_eq!(Rule::Season(5).forecast(&past, 2), [3.0, 3.0], "no season yet");
        assert_eq!(Rule::Drift(2).forecast(&[1.0, 5.0, 2.0, 6.0], 4), [3.0, 7.0, 4.0, 8.0]);
        assert_eq!(Rule::Drift(4).forecast(&past, 1), [3.0], "nothing to change from");
        assert_eq!(Rule::Trend(3).forecast(&past, 3), [4.0, 5.0, 6.0]);
        assert_eq!(Rule::Trend(1).forecast(&past, 2), [3.0, 3.0]);
        let line = Rule::Trend(9).forecast(&[0.0, 1.0, 0.0, 1.0], 1)[0]; // y = 0.2 + 0.2 x
        assert!((line - 1.0).abs() < 1e-12);
        assert!(Rule::Last.forecast(&[], 1)[0].is_nan() && Rule::Season(2).forecast(&[], 1)[0].is_nan());
        assert!(Rule::Trend(2).forecast(&[], 1)[0].is_nan());
    }

    #[test]
    fn rules_that_say_nothing_new_are_left_out() {
        assert_eq!(Rule::all(6, Some(12)), [Rule::Last, Rule::Season(12), Rule::Drift(12), Rule::Trend(24)]);
        assert_eq!(Rule::all(1, None), [Rule::Last, Rule::Trend(2)]);
        assert_eq!(Rule::all(30, Some(1)), [Rule::Last, Rule::Trend(30)]);
    }
}
