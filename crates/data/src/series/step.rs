//! The usual step between the times of a series: found, counted in, and added.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::time::{DAY, Time, civil, days_of, last_day};

/// A step between numbers may be off by this share: decimal years are rounded.
const SLACK: f64 = 0.02;
/// Microseconds of an hour, a minute and a second.
const HOUR: i64 = DAY / 24;
const MINUTE: i64 = HOUR / 60;
const SECOND: i64 = MINUTE / 60;

/// The step from one time to the next.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Step {
    /// A number.
    Number(f64),
    /// A fixed time in microseconds: days, weeks, hours, minutes, seconds.
    Micros(i64),
    /// Months of the calendar, which differ in length.
    Months {
        /// How many: 3 is a quarter, 12 a year.
        months: u32,
        /// Whether the times are the last days of months.
        ends: bool,
    },
    /// From Monday to Friday, with nothing between Friday and Monday.
    Weekdays,
}

/// Months since the year 0.
fn month_of(micros: i64) -> i64 {
    let (year, month, _) = civil(micros.div_euclid(DAY));
    year * 12 + month - 1
}

/// 0 for Monday to 6 for Sunday; 1970-01-01 was a Thursday.
fn weekday(micros: i64) -> i64 {
    (micros.div_euclid(DAY) + 3).rem_euclid(7)
}

/// Weekdays since a Monday long ago; a weekend counts as the Friday before it.
fn weekdays(micros: i64) -> i64 {
    let days = micros.div_euclid(DAY) + 3;
    days.div_euclid(7) * 5 + days.rem_euclid(7).min(4)
}

impl Step {
    /// The step that comes most often in the sorted times of each series; `None` without two times. Dates of which no two lie in one
    /// month go by months, dates without a weekend by weekdays.
    pub(super) fn find<'a>(series: &(impl Iterator<Item = &'a [Time]> + Clone)) -> Option<Self> {
        let pairs = || series.clone().flat_map(|times| times.windows(2).map(|w| (w[0], w[1])));
        let mut numbers: Vec<f64> = Vec::new();
        let mut micros: Vec<(i64, i64)> = Vec::new();
        for pair in pairs() {
            match pair {
                (Time::Number(a), Time::Number(b)) => numbers.push(b - a),
                (Time::Calendar(a), Time::Calendar(b)) => micros.push((a, b)),
                _ => {}
            }
        }
        if !numbers.is_empty() {
            numbers.sort_unstable_by(f64::total_cmp);
            return Some(Self::Number(numbers[(numbers.len() - 1) / 2]));
        }
        if micros.is_empty() {
            return None;
        }
        let months: Vec<i64> = micros.iter().map(|&(a, b)| month_of(b) - month_of(a)).collect();
        let whole_days = micros.iter().all(|&(a, b)| (b - a) % DAY == 0);
        if whole_days && !months.contains(&0) {
            let (usual, count) = most_frequent(months);
            let same_day = micros.iter().all(|&(a, b)| civil(a.div_euclid(DAY)).2 == civil(b.div_euclid(DAY)).2);
            if same_day || count * 10 >= micros.len() * 9 {
                let at_end = |t: i64| {
                    let (year, month, day) = civil(t.div_euclid(DAY));
                    day == last_day(year, month)
                };
                let ends = micros.iter().all(|&(a, b)| at_end(a) && at_end(b));
                return Some(Self::Months { months: u32::try_from(usual).unwrap_or(1), ends });
            }
        }
        let (usual, _) = most_frequent(micros.iter().map(|&(a, b)| b - a).collect());
        let free = micros.iter().all(|&(a, b)| weekday(a) < 5 && weekday(b) < 5);
        let over_weekend = micros.iter().any(|&(a, b)| b - a == 3 * DAY && weekday(a) == 4);
        Some(if usual == DAY && free && over_weekend { Self::Weekdays } else { Self::Micros(usual) })
    }

    /// How many steps lie between two times; `None` where it is no whole number of them.
    pub fn between(self, from: Time, to: Time) -> Option<i64> {
        match (self, from, to) {
            (Self::Number(step), Time::Number(a), Time::Number(b)) => {
                let steps = (b - a) / step;
                ((steps - steps.round()).abs() <= SLACK && steps.abs() < 1e15).then(|| steps.round() as i64)
            }
            (Self::Micros(step), Time::Calendar(a), Time::Calendar(b)) if step > 0 => ((b - a) % step == 0).then(|| (b - a) / step),
            (Self::Months { months, .. }, Time::Calendar(a), Time::Calendar(b)) if months > 0 => {
                let (between, months) = (month_of(b) - month_of(a), i64::from(months));
                (between % months == 0).then(|| between / months)
            }
            (Self::Weekdays, Time::Calendar(a), Time::Calendar(b)) => {
                ((b - a) % DAY == 0 && weekday(a) < 5 && weekday(b) < 5).then(|| weekdays(b) - weekdays(a))
            }
            _ => None,
        }
    }

    /// The time so many steps later. It stays within what a 64-bit count of microseconds holds.
    pub fn add(self, time: Time, steps: usize) -> Time {
        let steps = i64::try_from(steps).unwrap_or(i64::MAX);
        match (self, time) {
            (Self::Number(step), Time::Number(t)) => Time::Number(t + step * steps as f64),
            (Self::Micros(step), Time::Calendar(t)) => Time::Calendar(t.saturating_add(step.saturating_mul(steps))),
            (Self::Months { months, ends }, Time::Calendar(t)) => {
                let month = month_of(t).saturating_add(i64::from(months).saturating_mul(steps)).min(12 * 200_000);
                let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
                let last = last_day(year, month);
                let day = if ends { last } else { civil(t.div_euclid(DAY)).2.min(last) };
                Time::Calendar(days_of(year, month, day) * DAY + t.rem_euclid(DAY))
            }
            (Self::Weekdays, Time::Calendar(t)) => {
                let steps = weekday(t).min(4).saturating_add(steps);
                let monday = t - weekday(t) * DAY;
                Time::Calendar(monday.saturating_add((steps / 5 * 7 + steps % 5).saturating_mul(DAY)))
            }
            (_, time) => time,
        }
    }

    /// After how many steps a season repeats, where the step tells: a year of months or quarters, 52 weeks, a week of days or
    /// weekdays, a day of hours or minutes, an hour of seconds' parts of it.
    pub fn season(self) -> Option<usize> {
        let whole = |all: i64, step: i64| (step > 0 && all % step == 0 && all / step > 1).then(|| usize::try_from(all / step).ok())?;
        match self {
            Self::Number(_) => None,
            Self::Months { months, .. } => whole(12, i64::from(months)),
            Self::Weekdays => Some(5),
            Self::Micros(step) if step == 7 * DAY => Some(52),
            Self::Micros(step) if step >= DAY => whole(7 * DAY, step),
            Self::Micros(step) if step >= MINUTE => whole(DAY, step),
            Self::Micros(step) => whole(MINUTE, step),
        }
    }

    /// Whether a step from a file makes sense.
    pub fn is_sound(self) -> bool {
        match self {
            Self::Number(step) => step.is_finite() && step > 0.0,
            Self::Micros(step) => step > 0,
            Self::Months { months, .. } => (1..=12_000).contains(&months),
            Self::Weekdays => true,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |f: &mut fmt::Formatter<'_>, n: i64, unit: &str| if n == 1 { write!(f, "1 {unit}") } else { write!(f, "{n} {unit}s") };
        match *self {
            // Decimal years leave digits that say nothing.
            Self::Number(step) => write!(f, "{}", (step * 1e6).round() / 1e6),
            Self::Months { months: 3, .. } => f.write_str("1 quarter"),
            Self::Months { months, .. } if months % 12 == 0 => count(f, i64::from(months / 12), "year"),
            Self::Months { months, .. } => count(f, i64::from(months), "month"),
            Self::Weekdays => f.write_str("1 weekday"),
            Self::Micros(step) => {
                let units = [(7 * DAY, "week"), (DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second"), (1, "microsecond")];
                match units.into_iter().find(|(size, _)| step % size == 0) {
                    Some((size, unit)) => count(f, step / size, unit),
                    None => write!(f, "{step} microseconds"),
                }
            }
        }
    }
}

/// The most frequent value, the smallest on a tie, and how often it comes. The list is not empty.
fn most_frequent(mut values: Vec<i64>) -> (i64, usize) {
    values.sort_unstable();
    values.chunk_by(|a, b| a == b).fold((0, 0), |best, run| if run.len() > best.1 { (run[0], run.len()) } else { best })
}

#[cfg(test)]
mod tests {
    use super::super::time::parse;
    use super::*;

    fn times(cells: &[&str]) -> Vec<Time> {
        parse(cells.iter().map(|c| Some(*c))).map_or_else(|_| panic!("{cells:?}"), |t| t.times)
    }

    #[test]
    fn steps_are_found_added_and_counted() {
        for (cells, name, season) in [
            (&["1949-01", "1949-02", "1949-03"][..], "1 month", Some(12)),
            (&["2020-01-31", "2020-02-29", "2020-03-31"], "1 month", Some(12)),
            (&["2020-03-31", "2020-06-30", "2020-09-30"], "1 quarter", Some(4)),
            (&["2020-Q4", "2021-Q1"], "1 quarter", Some(4)),
            (&["2019-07-01", "2020-07-01", "2021-07-01"], "1 year", None),
            (&["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-05"], "1 day", Some(7)),
            (&["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"], "1 weekday", Some(5)),
            (&["2020-01-01", "2020-01-08", "2020-01-15"], "1 week", Some(52)),
            (&["2020-01-01 00:00", "2020-01-01 01:00", "2020-01-01 02:00"], "1 hour", Some(24)),
            (&["2020-01-01T23:45", "2020-01-02T00:00", "2020-01-02T00:15"], "15 minutes", Some(96)),
            (&["1949", "1950", "1951", "1953"], "1", None),
            (&["1958.2083", "1958.2917", "1958.375", "1958.4583"], "0.0833", None),
        ] {
            let times = times(cells);
            let step = Step::find(&std::iter::once(&times[..])).unwrap();
            assert_eq!((step.to_string().as_str(), step.season()), (name, season), "{cells:?}");
            assert_eq!(step.between(times[0], times[1]), Some(1), "{cells:?}");
            let third = step.add(times[0], 2);
            if !matches!(step, Step::Number(_)) && times.len() > 2 {
                assert_eq!(third, times[2], "{cells:?}");
            }
        }
        assert_eq!(Step::find(&std::iter::once(&times(&["2020-01"])[..])), None);
        let month = Step::Months { months: 1, ends: false };
        let day = times(&["2021-01-31", "2021-02-28", "2021-03-31"]);
        assert_eq!([month.add(day[0], 1), month.add(day[0], 2)], [day[1], day[2]]);
        assert_eq!(Step::Weekdays.add(times(&["2020-01-03"])[0], 6), times(&["2020-01-13"])[0]);
    }

    #[test]
    fn what_is_no_whole_number_of_steps() {
        let hours = times(&["2020-01-01T00:00", "2020-01-01T01:30", "2020-01-01T03:00"]);
        let step = Step::Micros(HOUR);
        assert_eq!([step.between(hours[0], hours[1]), step.between(hours[0], hours[2])], [None, Some(3)]);
        assert_eq!(Step::Number(1.0).between(Time::Number(1.0), Time::Number(2.5)), None);
        assert_eq!(Step::Number(1.0).between(Time::Number(1.0), hours[0]), None);
    }
}
