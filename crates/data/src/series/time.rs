//! Times as a column writes them: dates, dates with a time of day, months, quarters, or plain numbers.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400_000_000;
const HOUR: i64 = DAY / 24;
const MINUTE: i64 = HOUR / 60;
const SECOND: i64 = MINUTE / 60;

/// A point in time. All times of a column are of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Time {
    /// A number that goes up: a year, a day count, seconds.
    Number(f64),
    /// Microseconds since 1970-01-01T00:00 on the clock that the column goes by (UTC where it gives zones).
    Calendar(i64),
}

impl Time {
    /// Order in time; numbers come before calendar times, which never meet in one column.
    pub fn order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(&b),
            (Self::Calendar(a), Self::Calendar(b)) => a.cmp(&b),
            (Self::Number(_), Self::Calendar(_)) => Ordering::Less,
            (Self::Calendar(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

/// How a column writes its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum TimeFormat {
    /// A number with so many digits after the point.
    Number {
        /// Digits after the point.
        digits: usize,
    },
    /// `1949-Q1`.
    Quarter,
    /// `1949-01`.
    Month,
    /// `1949-01-31`.
    Date,
    /// `19490131`.
    Compact,
    /// `1949-01-31T08:30`, to the second or its parts.
    DateTime {
        /// What stands between date and time: a T, or a space.
        letter: bool,
        /// Digits after the point of seconds; `None`: no seconds.
        seconds: Option<usize>,
        /// Whether the times have a zone; they are then written in UTC.
        zoned: bool,
    },
}

impl TimeFormat {
    /// The format that can write the times of both; `None` when these cannot stand in one column.
    fn with(self, other: Self) -> Option<Self> {
        Some(match (self, other) {
            (Self::Number { digits: a }, Self::Number { digits: b }) => Self::Number { digits: a.max(b) },
            (Self::DateTime { letter, seconds: a, zoned }, Self::DateTime { letter: _, seconds: b, zoned: other }) if zoned == other => {
                Self::DateTime { letter, seconds: a.max(b), zoned }
            }
            (a @ Self::DateTime { zoned: false, .. }, Self::Date) | (Self::Date, a @ Self::DateTime { zoned: false, .. }) => a,
            (a, b) if a == b => a,
            _ => return None,
        })
    }

    /// The time as the column writes it.
    pub fn write(self, time: Time) -> String {
        let micros = match time {
            Time::Number(value) => {
                let digits = if let Self::Number { digits } = self { digits } else { 0 };
                return format!("{value:.digits$}");
            }
            Time::Calendar(micros) => micros,
        };
        let (year, month, day) = civil(micros.div_euclid(DAY));
        let of_day = micros.rem_euclid(DAY);
        match self {
            Self::Number { .. } => micros.to_string(),
            Self::Quarter => format!("{year:04}-Q{}", (month - 1) / 3 + 1),
            Self::Month => format!("{year:04}-{month:02}"),
            Self::Date => format!("{year:04}-{month:02}-{day:02}"),
            Self::Compact => format!("{year:04}{month:02}{day:02}"),
            Self::DateTime { letter, seconds, zoned } => {
                let (hour, minute, second, part) = (of_day / HOUR, of_day / MINUTE % 60, of_day / SECOND % 60, of_day % SECOND);
                let seconds = match seconds {
                    None => String::new(),
                    Some(0) => format!(":{second:02}"),
                    Some(digits) => format!(":{second:02}.{}", &format!("{part:06}")[..digits.min(6)]),
                };
                let (between, zone) = (if letter { 'T' } else { ' ' }, if zoned { "Z" } else { "" });
                format!("{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}{seconds}{zone}")
            }
        }
    }
}

/// What a column of times holds.
pub(super) struct Times {
    /// One for each cell.
    pub(super) times: Vec<Time>,
    pub(super) format: TimeFormat,
}

/// The first cell that is no time, or not of the kind of those before it.
pub(super) enum BadTime {
    /// No value.
    Missing { row: usize },
    /// Nothing known.
    Unknown { row: usize },
    /// Not the kind of the first cell.
    Mixed { row: usize },
}

/// Reads all cells of a column. Rows are counted from 0.
pub(super) fn parse<'a>(cells: impl Iterator<Item = Option<&'a str>> + Clone) -> Result<Times, BadTime> {
    // Eight digits are a date when they are one in every row.
    let compact = cells.clone().all(|cell| cell.and_then(compact_date).is_some());
    let mut times = Vec::new();
    let mut format: Option<TimeFormat> = None;
    for (row, cell) in cells.enumerate() {
        let text = cell.ok_or(BadTime::Missing { row })?;
        let (time, own) = if compact { compact_date(text) } else { one(text) }.ok_or(BadTime::Unknown { row })?;
        format = Some(match format {
            None => own,
            Some(before) => before.with(own).ok_or(BadTime::Mixed { row })?,
        });
        times.push(time);
    }
    Ok(Times { times, format: format.unwrap_or(TimeFormat::Number { digits: 0 }) })
}

fn one(text: &str) -> Option<(Time, TimeFormat)> {
    if let Some(value) = text.parse::<f64>().ok().filter(|v| v.is_finite()) {
        let digits = if text.contains(['e', 'E']) { 0 } else { text.split_once('.').map_or(0, |(_, part)| part.len()) };
        return Some((Time::Number(value), TimeFormat::Number { digits: digits.min(12) }));
    }
    if let Some((date, zoneless)) = text.split_once(['T', ' ']) {
        let days = date_of(date)?;
        let (clock, offset) = zone(zoneless.trim_start())?;
        let (of_day, seconds) = clock_of(clock)?;
        let format = TimeFormat::DateTime { letter: text.contains('T'), seconds, zoned: offset.is_some() };
        return Some((Time::Calendar(days * DAY + of_day - offset.unwrap_or(0)), format));
    }
    if let Some(days) = date_of(text) {
        return Some((Time::Calendar(days * DAY), TimeFormat::Date));
    }
    let (year, rest) = text.split_at_checked(4)?;
    let (year, rest) = (digits(year, 4)?, rest.strip_prefix(['-', '/', ' ']).unwrap_or(rest));
    let (month, format) = match rest.strip_prefix(['Q', 'q']) {
        Some(quarter) => (digits(quarter, 1).filter(|q| (1..=4).contains(q))? * 3 - 2, TimeFormat::Quarter),
        None => (digits(rest, 2).filter(|m| (1..=12).contains(m))?, TimeFormat::Month),
    };
    Some((Time::Calendar(days_of(year, month, 1) * DAY), format))
}

/// `20240131`.
fn compact_date(text: &str) -> Option<(Time, TimeFormat)> {
    let all = digits(text, 8)?;
    let days = valid(all / 10_000, all / 100 % 100, all % 100).filter(|_| (1000..3000).contains(&(all / 10_000)))?;
    Some((Time::Calendar(days * DAY), TimeFormat::Compact))
}

/// Exactly so many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// `2024-01-31` or `2024/01/31`, as days since 1970.
fn date_of(text: &str) -> Option<i64> {
    let separator = text.chars().nth(4).filter(|c| matches!(c, '-' | '/'))?;
    let mut parts = text.split(separator);
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() { None } else { valid(year, month, day) }
}

fn valid(year: i64, month: i64, day: i64) -> Option<i64> {
    ((1..=12).contains(&month) && day >= 1 && day <= last_day(year, month)).then(|| days_of(year, month, day))
}

/// Splits off `Z`, `+01:00`, `-0530`, `+02`; the offset in microseconds.
fn zone(text: &str) -> Option<(&str, Option<i64>)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, Some(0)));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, None)) };
    let (clock, offset) = text.split_at(at);
    let (hours, minutes) = offset[1..].split_once(':').unwrap_or_else(|| offset[1..].split_at_checked(2).unwrap_or((&offset[1..], "")));
    let hours = digits(hours, 2).filter(|h| *h < 24)?;
    let minutes = if minutes.is_empty() { 0 } else { digits(minutes, 2).filter(|m| *m < 60)? };
    let size = hours * HOUR + minutes * MINUTE;
    Some((clock, Some(if offset.starts_with('-') { -size } else { size })))
}

/// `08:30`, `08:30:15`, `08:30:15.25`: microseconds of the day, and the digits after the point of seconds.
fn clock_of(text: &str) -> Option<(i64, Option<usize>)> {
    let mut parts = text.split(':');
    let (hour, minute) = (digits(parts.next()?, 2).filter(|h| *h < 24)?, digits(parts.next()?, 2).filter(|m| *m < 60)?);
    let of_day = hour * HOUR + minute * MINUTE;
    let Some(seconds) = parts.next() else { return Some((of_day, None)) };
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, ""));
    let whole = digits(whole, 2).filter(|s| *s < 60)?;
    if parts.next().is_some() || part.len() > 6 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let micros = if part.is_empty() { 0 } else { part.parse::<i64>().ok()? * 10i64.pow(6 - part.len() as u32) };
    Some((of_day + whole * SECOND + micros, Some(part.len())))
}

/// Days since 1970-01-01 of a date of the Gregorian calendar (H. Hinnant, *chrono-Compatible Low-Level Date Algorithms*).
pub(super) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day, the other way round (same source).
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// How many days a month has.
pub(super) fn last_day(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(i64, TimeFormat)> {
        match one(text)? {
            (Time::Calendar(micros), format) => Some((micros, format)),
            (Time::Number(_), _) => None,
        }
    }

    #[test]
    fn days_go_round_the_calendar() {
        assert_eq!((days_of(1970, 1, 1), days_of(2000, 3, 1), days_of(1969, 12, 31)), (0, 11_017, -1));
        for days in (-800_000..800_000).step_by(97) {
            let (year, month, day) = civil(days);
            assert!((1..=12).contains(&month) && day >= 1 && day <= last_day(year, month));
            assert_eq!(days_of(year, month, day), days);
        }
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for text in [
            "1949-01",
            "1949-Q3",
            "2024-02-29",
            "0001-01-01",
            "2024-02-29T23:59",
            "2024-02-29 23:59:58",
            "1969-12-31T00:00:00.250",
            "2024-02-29T23:59Z",
        ] {
            let (micros, format) = read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(format.write(Time::Calendar(micros)), text);
        }
        for (text, same) in [
            ("1949/01", "1949-01"),
            ("1949Q3", "1949-Q3"),
            ("2024/02/29", "2024-02-29"),
            ("2024-03-01T01:30+02:00", "2024-02-29T23:30Z"),
            ("2024-02-29T18:00-0530", "2024-02-29T23:30Z"),
        ] {
            let (micros, format) = read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(format.write(Time::Calendar(micros)), same);
        }
        let (time, format) = one("1958.2083").unwrap();
        assert_eq!((time, format.write(time)), (Time::Number(1958.2083), "1958.2083".into()));
        let Ok(Times { times, format }) = parse([Some("20240229"), Some("20240301")].into_iter()) else { panic!("dates") };
        assert_eq!(format.write(times[1]), "20240301");
        let Ok(Times { format, .. }) = parse([Some("20240229"), Some("20240230")].into_iter()) else { panic!("numbers") };
        assert_eq!(format, TimeFormat::Number { digits: 0 });
    }

    #[test]
    fn no_times() {
        for text in ["", "1949-13", "1949-1", "2023-02-29", "31.12.1999", "12/31/1999", "1949-Q5", "now", "inf", "nan", "2024-01-01T24:00"]
        {
            assert!(one(text).is_none(), "{text}");
        }
        for text in ["2024-01-01T08", "2024-01-01T08:60", "2024-01-01T08:00:00.1234567", "2024-01-01T08:00+25", "ééé", "2024-0é"] {
            assert!(one(text).is_none(), "{text}");
        }
    }
}
