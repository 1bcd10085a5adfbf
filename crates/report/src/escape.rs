//! Untrusted text made safe for HTML and SVG.

/// Appends `text` to `out` so that it reads as text in HTML and XML, in elements and in quoted attributes alike.
///
/// Control characters, which XML does not allow at all, become U+FFFD.
pub(crate) fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            // Direction overrides would let a column name reorder the text around it.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

/// `text` as safe HTML or XML text.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_escaped(&mut out, text);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_quotes_and_controls_become_text() {
        let cases = [
            ("plain", "plain"),
            ("<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"),
            ("a & b", "a &amp; b"),
            ("\" onload=\"x", "&quot; onload=&quot;x"),
            ("a\u{0}b\u{1b}[31m", "a\u{fffd}b\u{fffd}[31m"),
            ("größe €", "größe €"),
            ("\u{202e}abc", "\u{fffd}abc"),
        ];
        for (input, expected) in cases {
            assert_eq!(escaped(input), expected);
        }
    }
}
