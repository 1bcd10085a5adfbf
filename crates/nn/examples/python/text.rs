//! Python's texts: comments of Rust as docstrings, values as literals, lines of a width.

use serde_json::Value;

/// Columns of a docstring, and of a line that is told whole.
const WIDTH: usize = 100;

/// Comments as paragraphs without what only Rust's readers need: links, examples, errors.
pub(crate) fn paragraphs(doc: &str) -> Vec<String> {
    let (mut out, mut code, mut skip) = (Vec::<String>::new(), false, false);
    let mut current = String::new();
    for line in doc.lines().chain([""]) {
        if line.trim_start().starts_with("```") {
            code = !code;
            continue;
        }
        if code {
            continue;
        }
        if line.starts_with("# ") {
            skip = true;
        }
        if line.trim().is_empty() {
            if !skip && !current.is_empty() {
                out.push(sentences(&unlinked(&current)));
            }
            skip = skip && current.is_empty();
            current.clear();
        } else {
            if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(line.trim());
        }
    }
    out.retain(|p| !p.is_empty());
    out
}

/// Words of sentences that speak of Rust alone.
const RUST: [&str; 10] =
    ["Nothing for ", "::new(", "are the layers.", "is the layer.", " `Box", "`Var", "&[", "call_with_states", "Trace", "impl "];

/// A paragraph without the sentences that speak of Rust.
fn sentences(text: &str) -> String {
    let mut kept = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        // A sentence ends at a point and a capital, a number does not.
        let end = rest
            .match_indices(". ")
            .map(|(at, _)| at + 1)
            .find(|&at| rest[at + 1..].starts_with(|c: char| c.is_uppercase() || c == '`' || c == '('))
            .unwrap_or(rest.len());
        let (sentence, behind) = rest.split_at(end);
        // An example of Rust goes alone.
        let (told, example) =
            sentence.split_once(", such as `").filter(|(_, example)| example.contains("::new(")).unwrap_or((sentence, ""));
        if !RUST.iter().any(|word| told.contains(word)) {
            kept.push(if example.is_empty() { told.trim().to_owned() } else { format!("{}.", told.trim()) });
        }
        rest = behind.trim_start();
    }
    kept.join(" ")
        .split('`')
        .enumerate()
        .map(|(at, part)| if at % 2 == 1 { spelled(part) } else { part.into() })
        .collect::<Vec<_>>()
        .join("`")
}

/// A path in code as Python spells it: a variant is a text, of others the last name counts.
fn spelled(code: &str) -> String {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    match code.rsplit_once("::").filter(|_| code.chars().all(word)) {
        Some((_, last)) if last.starts_with(char::is_uppercase) && code.starts_with(char::is_uppercase) => {
            format!("\"{}\"", crate::classes::snake(last))
        }
        Some((_, last)) => last.into(),
        None => code.into(),
    }
}

/// `[`Name`](path)` and `[`Name`]` as `Name`; `Self::` goes.
fn unlinked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("[`") {
        let (before, link) = rest.split_at(at);
        out.push_str(before);
        let Some((inner, after)) = link[1..].split_once("`]") else {
            out.push_str("[`");
            rest = &link[2..];
            continue;
        };
        out.push_str(inner);
        out.push('`');
        rest = match after.strip_prefix('(').and_then(|path| path.split_once(')')) {
            Some((_, behind)) => behind,
            None => after,
        };
    }
    out.push_str(rest);
    out
}

/// Words in lines of a width, the first with one indent and the others with another.
pub(crate) fn wrapped(text: &str, first: &str, others: &str) -> String {
    let mut out = String::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in &words(text) {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            out.push_str(&line);
            out.push('\n');
            others.clone_into(&mut line);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    out + &line + "\n"
}

/// Words, and short code as a whole.
fn words(text: &str) -> Vec<String> {
    const LONGEST: usize = 60;
    let mut out: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match out.last_mut() {
            Some(last) if last.matches('`').count() % 2 == 1 && last.chars().count() + word.chars().count() < LONGEST => {
                last.push(' ');
                last.push_str(word);
            }
            _ => out.push(word.into()),
        }
    }
    out
}

/// A docstring of paragraphs and told arguments.
pub(crate) fn docstring(paragraphs: &[String], arguments: &[(String, String)], indent: &str) -> String {
    let mut body = String::new();
    for (at, paragraph) in paragraphs.iter().enumerate() {
        body.push_str(&if at == 0 {
            wrapped(paragraph, &format!("{indent}\"\"\"{}", if paragraph.starts_with('"') { " " } else { "" }), indent)
        } else {
            format!("\n{}", wrapped(paragraph, indent, indent))
        });
    }
    if arguments.is_empty() && paragraphs.len() == 1 && body.lines().count() == 1 && body.trim_end().chars().count() + 3 <= WIDTH {
        return format!("{}\"\"\"\n", body.trim_end()).replace('\\', "\\\\");
    }
    if !arguments.is_empty() {
        body.push_str(&format!("\n{indent}Args:\n"));
    }
    for (name, text) in arguments {
        body.push_str(&wrapped(&format!("{name}: {text}"), &format!("{indent}    "), &format!("{indent}        ")));
    }
    format!("{body}{indent}\"\"\"\n").replace('\\', "\\\\")
}

/// A value as Python writes it; a list, of which nobody may change a default, as a tuple.
pub(crate) fn literal(value: &Value) -> String {
    match value {
        Value::Bool(yes) => if *yes { "True" } else { "False" }.into(),
        Value::Number(n) => n.to_string(),
        Value::String(text) => format!("{text:?}"),
        Value::Array(values) => {
            let each: Vec<String> = values.iter().map(literal).collect();
            format!("({}{})", each.join(", "), if each.len() == 1 { "," } else { "" })
        }
        Value::Null | Value::Object(_) => "None".into(),
    }
}

/// `head(a, b) tail`, in one line where it fits, else a line for each.
pub(crate) fn call(indent: &str, head: &str, arguments: &[String], tail: &str) -> String {
    let one = format!("{indent}{head}({}){tail}\n", arguments.join(", "));
    if one.chars().count() <= WIDTH + 1 {
        return one;
    }
    let lines: Vec<String> = arguments.iter().map(|argument| format!("{indent}    {argument},\n")).collect();
    format!("{indent}{head}(\n{}{indent}){tail}\n", lines.concat())
}

/// `from module import a, b`.
pub(crate) fn import(module: &str, names: &[&str]) -> String {
    let one = format!("from {module} import {}\n", names.join(", "));
    if one.chars().count() <= WIDTH + 1 {
        return one;
    }
    let lines: Vec<String> = names.iter().map(|name| format!("    {name},\n")).collect();
    format!("from {module} import (\n{})\n", lines.concat())
}

/// `{a, b}` as the last argument of a call in a function's body: in one line where it fits into the call's lines.
pub(crate) fn dictionary(entries: &[String]) -> String {
    let one = format!("{{{}}}", entries.join(", "));
    // Indent and the comma behind it.
    if one.chars().count() + 9 <= WIDTH {
        return one;
    }
    let lines: Vec<String> = entries.iter().map(|entry| format!("            {entry},\n")).collect();
    format!("{{\n{}        }}", lines.concat())
}
