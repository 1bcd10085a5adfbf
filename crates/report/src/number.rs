//! Numbers as people read them.

/// A value with about four significant digits: `0.9123`, `12.35`, `1.234e-5`, `–` for NaN, `∞` for infinities.
///
/// ```
/// use adaline_report::number::short;
/// assert_eq!(short(0.91234), "0.9123");
/// assert_eq!(short(1234567.0), "1,234,567");
/// assert_eq!(short(0.00001234), "1.234e-5");
/// assert_eq!(short(f64::NAN), "–");
/// ```
pub fn short(value: f64) -> String {
    if value.is_nan() {
        return "–".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.into();
    }
    let size = value.abs();
    if value == 0.0 {
        "0".into()
    } else if !(1e-4..1e9).contains(&size) {
        scientific(value, 3)
    } else if value.fract() == 0.0 {
        let sign = if value < 0.0 { "-" } else { "" };
        format!("{sign}{}", grouped(size as u64))
    } else {
        let digits = (3 - size.log10().floor() as i32).clamp(0, 7) as usize;
        let text = trimmed(format!("{value:.digits$}"));
        if size >= 1e4 { group_text(&text) } else { text }
    }
}

/// Values of one table column with the same number of decimals, so that their points stand below each other.
pub(crate) fn column(values: &[f64]) -> Vec<String> {
    let largest = values.iter().filter(|v| v.is_finite()).fold(0.0, |m: f64, v| m.max(v.abs()));
    if !(1e-2..1e9).contains(&largest) && largest != 0.0 {
        return values.iter().map(|v| short(*v)).collect();
    }
    let digits = (3 - largest.max(1.0).log10().floor() as i32 + i32::from(largest < 10.0)).max(0) as usize;
    let text = |v: &f64| if v.is_finite() { group_text(&format!("{v:.digits$}")) } else { short(*v) };
    values.iter().map(text).collect()
}

/// A share of one as percent: `91.23 %`.
pub fn percent(value: f64) -> String {
    if value.is_finite() { format!("{} %", trimmed(format!("{:.2}", value * 100.0))) } else { short(value) }
}

/// A count with thousands separators: `1,234`.
pub fn grouped(count: u64) -> String {
    group_text(&count.to_string())
}

/// A duration in the unit that fits: `850 ms`, `12.3 s`, `4 min 05 s`, `2 h 03 min`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".into();
    }
    if seconds < 1e-3 {
        format!("{:.0} µs", seconds * 1e6)
    } else if seconds < 0.9995 {
        format!("{:.0} ms", seconds * 1e3)
    } else if seconds < 59.95 {
        format!("{} s", trimmed(format!("{seconds:.1}")))
    } else {
        let whole = seconds.round() as u64;
        if whole < 3600 {
            format!("{} min {:02} s", whole / 60, whole % 60)
        } else {
            format!("{} h {:02} min", whole / 3600, whole % 3600 / 60)
        }
    }
}

/// `text` of a decimal number with thousands separators in its whole part.
fn group_text(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(w, f)| (w, Some(f)));
    let mut out = String::from(sign);
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// Without trailing zeros after the point.
fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `1.234e-5`, without trailing zeros in the mantissa.
fn scientific(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => format!("{}e{exponent}", trimmed(mantissa.to_owned())),
        None => text,
    }
}

/// The value of an axis tick; `step` decides the number of digits, so that all ticks of an axis agree.
pub(crate) fn tick(value: f64, step: f64) -> String {
    let value = if value.abs() < step * 1e-9 { 0.0 } else { value };
    if value != 0.0 && (value.abs() >= 1e7 || step < 1e-5) {
        return scientific(value, 3);
    }
    // As many decimals as the step itself needs: 0.25 takes two, not one.
    let needs = |d: &usize| {
        let scaled = step * 10f64.powi(*d as i32);
        (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1.0) && scaled > 0.5
    };
    let digits = (0..=8).find(needs).unwrap_or(8);
    let text = format!("{value:.digits$}");
    if value.abs() >= 1e4 { group_text(&text) } else { text }
}

/// `value` for SVG coordinates: at most two decimals; what is not finite becomes 0.
pub(crate) fn coordinate(value: f64) -> String {
    if value.is_finite() {
        let text = trimmed(format!("{value:.2}"));
        if text == "-0" { "0".into() } else { text }
    } else {
        "0".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_keeps_four_digits() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (-3.0, "-3"),
            (0.5, "0.5"),
            (0.912_345, "0.9123"),
            (12.345_67, "12.35"),
            (-1234.5678, "-1235"),
            (12345.678, "12,346"),
            (0.000_1, "0.0001"),
            (0.000_012_34, "1.234e-5"),
            (1e12, "1e12"),
            (f64::INFINITY, "∞"),
            (f64::NEG_INFINITY, "−∞"),
        ];
        for (value, expected) in cases {
            assert_eq!(short(value), expected, "{value}");
        }
    }

    #[test]
    fn values_of_a_column_share_their_decimals() {
        assert_eq!(column(&[1.0, 0.966_66, f64::NAN]), ["1.0000", "0.9667", "–"]);
        assert_eq!(column(&[23_412.7, 1.0]), ["23,413", "1"]);
        assert_eq!(column(&[123.456, 0.5]), ["123.5", "0.5"]);
        assert_eq!(column(&[1e-5, 2e-6]), ["1e-5", "2e-6"]);
        assert_eq!(column(&[0.0, 0.0]), ["0.0000", "0.0000"]);
        assert_eq!(column(&[]), Vec::<String>::new());
    }

    #[test]
    fn durations_take_the_unit_that_fits() {
        let cases = [
            (0.000_25, "250 µs"),
            (0.85, "850 ms"),
            (0.9999, "1 s"),
            (12.34, "12.3 s"),
            (245.0, "4 min 05 s"),
            (7384.0, "2 h 03 min"),
            (f64::NAN, "–"),
            (-1.0, "–"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(duration(seconds), expected);
        }
    }

    #[test]
    fn ticks_of_one_axis_share_their_digits() {
        assert_eq!(tick(0.2, 0.05), "0.20");
        assert_eq!(tick(0.0, 0.05), "0.00");
        assert_eq!(tick(0.75, 0.25), "0.75");
        assert_eq!(tick(7.5, 2.5), "7.5");
        assert_eq!(tick(0.0025, 0.0025), "0.0025");
        assert_eq!(tick(0.30000000000000004, 0.1), "0.3");
        assert_eq!(tick(500.0, 250.0), "500");
        assert_eq!(tick(20_000.0, 5_000.0), "20,000");
        assert_eq!(tick(-1e-20, 0.5), "0.0");
        assert_eq!(tick(1.0, 1.0), "1");
    }

    #[test]
    fn percents_and_coordinates() {
        assert_eq!(percent(0.9667), "96.67 %");
        assert_eq!(percent(f64::NAN), "–");
        assert_eq!(coordinate(f64::NAN), "0");
        assert_eq!(coordinate(-0.001), "0");
        assert_eq!(coordinate(12.0), "12");
    }
}
