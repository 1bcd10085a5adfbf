//! Texts that choose weights by their paths: as much of regular expressions as paths need.

use crate::keras::{ConfigError, check};

/// Whether a text means here what it means in Keras, where it is a regular expression: `.`, `.*`, `^` at the beginning and `$` at the end
/// are understood.
pub(crate) fn understood(class: &str, key: &str, text: &str) -> Result<(), ConfigError> {
    let inner = text.strip_prefix('^').unwrap_or(text);
    let inner = inner.strip_suffix('$').unwrap_or(inner).replace(".*", "");
    let plain = !inner.contains(['^', '$', '*', '+', '?', '(', ')', '[', ']', '{', '}', '|', '\\']);
    let expected = "texts that are part of a weight's path, in which `.`, `.*`, `^` at the beginning and `$` at the end may stand";
    check(plain, class, key, expected, format!("{text:?}"))
}

/// Whether the path contains what the text says (Python's `re.search`).
pub(crate) fn found(text: &str, path: &str) -> bool {
    let (begins, text) = text.strip_prefix('^').map_or((false, text), |t| (true, t));
    let (ends, text) = text.strip_suffix('$').map_or((false, text), |t| (true, t));
    pieces_found(text, (begins, ends), path)
}

/// Whether the text describes the whole path (Python's `re.fullmatch`).
pub(crate) fn describes(text: &str, path: &str) -> bool {
    let text = text.strip_prefix('^').unwrap_or(text);
    pieces_found(text.strip_suffix('$').unwrap_or(text), (true, true), path)
}

/// Whether the pieces between `.*` stand one after another in the path, the first at its beginning and the last at its end where that is
/// said.
fn pieces_found(text: &str, (begins, ends): (bool, bool), path: &str) -> bool {
    let pieces: Vec<Vec<char>> = text.split(".*").map(|p| p.chars().collect()).collect();
    let path: Vec<char> = path.chars().collect();
    let here =
        |piece: &[char], at: usize| path.get(at..at + piece.len()).is_some_and(|p| piece.iter().zip(p).all(|(a, b)| *a == '.' || a == b));
    let mut at = 0;
    for (number, piece) in pieces.iter().enumerate() {
        let last = ends && number + 1 == pieces.len();
        let first = begins && number == 0;
        let found = match (first, last) {
            (true, true) => (piece.len() == path.len()).then_some(0),
            (true, false) => Some(0),
            (false, true) => path.len().checked_sub(piece.len()).filter(|from| *from >= at),
            (false, false) => (at..=path.len()).find(|&from| here(piece, from)),
        };
        match found.filter(|&from| here(piece, from)) {
            Some(from) => at = from + piece.len(),
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_in_paths() {
        for (text, path, found) in [
            ("hidden", "net/hidden/kernel", true),
            ("hiddem", "net/hidden/kernel", false),
            ("", "a", true),
            ("h.dden", "net/hidden/kernel", true),
            ("^net", "net/hidden/kernel", true),
            ("^hidden", "net/hidden/kernel", false),
            ("kernel$", "net/hidden/kernel", true),
            ("hidden$", "net/hidden/kernel", false),
            ("net.*kernel", "net/hidden/kernel", true),
            ("kernel.*net", "net/hidden/kernel", false),
            ("^net.*kernel$", "net/hidden/kernel", true),
            ("^net/hidden/kernel$", "net/hidden/kernel", true),
            ("^net/hidden/kern$", "net/hidden/kernel", false),
            ("kernel.*kernel$", "net/kernel", false),
            (".*", "", true),
        ] {
            assert!(understood("Muon", "exclude_layers", text).is_ok(), "{text}");
            assert_eq!(super::found(text, path), found, "{text} in {path}");
        }
        for text in ["a+", "(a|b)", "a*", "a\\d", "a^b", "[ab]"] {
            assert!(understood("Muon", "exclude_layers", text).is_err(), "{text}");
        }
    }

    #[test]
    fn texts_describe_whole_paths() {
        for (text, path, whole) in [
            ("net/hidden/kernel", "net/hidden/kernel", true),
            ("hidden/kernel", "net/hidden/kernel", false),
            ("net/hidden", "net/hidden/kernel", false),
            (".*hidden/.*", "net/hidden/kernel", true),
            (".*hidden/.*", "hidden/bias", true),
            ("net/.*/kern.l", "net/hidden/kernel", true),
            ("^net/.*$", "net/hidden/kernel", true),
            ("net/.*bias", "net/hidden/kernel", false),
            (".*", "a", true),
        ] {
            assert_eq!(describes(text, path), whole, "{text} and {path}");
        }
    }
}
