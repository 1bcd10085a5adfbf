//! "Did you mean ...?"

/// The candidate that looks most like a name, if any is close enough to be a slip of the pen; the first one on a tie.
/// Case does not count. Close enough means an edit distance (with swaps of neighbours) of at most a third of the
/// name's length, and at least 1 (0 for a single letter); or a candidate that contains the name, or is contained in it.
///
/// ```
/// assert_eq!(adaline_data::nearest("specis", ["island", "species"]), Some("species"));
/// assert_eq!(adaline_data::nearest("weight", ["island", "species"]), None);
/// ```
pub fn nearest<'a, S: AsRef<str> + ?Sized + 'a>(name: &str, candidates: impl IntoIterator<Item = &'a S>) -> Option<&'a str> {
    // The distance takes time in the product of both lengths; nobody mistypes a name this long.
    const LONGEST: usize = 200;
    let wanted = name.to_lowercase();
    let length = wanted.chars().count();
    if length == 0 || length > LONGEST {
        return None;
    }
    // one letter may only differ in case
    let allowed = if length < 2 { 0 } else { (length / 3).max(1) };
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let candidate = candidate.as_ref();
        if candidate.len() > 4 * LONGEST {
            continue;
        }
        let folded = candidate.to_lowercase();
        let mut distance = strsim::osa_distance(&wanted, &folded);
        let contained = length >= 3 && folded.len() >= 3 && (folded.contains(&wanted) || wanted.contains(&folded));
        if contained {
            distance = distance.min(allowed);
        }
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_slips_but_not_strangers() {
        let names = ["sepal_length", "sepal_width", "Species", "x"];
        for (name, expected) in [
            ("species", Some("Species")),
            ("sepal_lenght", Some("sepal_length")),
            ("length", Some("sepal_length")),
            ("X", Some("x")),
            ("y", None),
            ("zebra", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, names), expected, "{name:?}");
        }
        assert_eq!(nearest(&"a".repeat(100_000), names), None);
        assert_eq!(nearest("a", &Vec::<String>::new()), None);
    }
}
