//! What the sources tell of types, their fields and their methods: the comments before them, and types of fields. Read line by line, since macros
//! hold many of them.

use std::{fs, io, path::Path};

/// What an item is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Type,
    Variant,
    Field,
    Function,
}

/// Something with a name.
pub(crate) struct Item {
    pub(crate) kind: Kind,
    /// The type that it belongs to; none for types and free functions.
    pub(crate) owner: String,
    pub(crate) name: String,
    /// Its comment.
    pub(crate) doc: String,
    /// Of a field its type; of another name of a type that type.
    pub(crate) of: String,
    /// Path from `src`.
    pub(crate) file: String,
}

/// All items of the crate, by file and line.
pub(crate) struct Source(Vec<Item>);

impl Source {
    /// Reads the files below a folder.
    pub(crate) fn read(folder: &Path) -> io::Result<Self> {
        let (mut items, mut paths, mut folders) = (Vec::new(), Vec::new(), vec![folder.to_path_buf()]);
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "rs") {
                    paths.push(path);
                }
            }
        }
        paths.sort();
        for path in paths {
            let file = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            scan(&file, &fs::read_to_string(&path)?, &mut items);
        }
        Ok(Self(items))
    }

    /// A type below a folder.
    pub(crate) fn ty(&self, folder: &str, name: &str) -> Option<&Item> {
        self.0.iter().find(|i| i.kind == Kind::Type && i.name == name && i.file.starts_with(folder))
    }
    /// Something of a type, or a free function with an owner of "".
    pub(crate) fn of(&self, folder: &str, kind: Kind, owner: &str, name: &str) -> Option<&Item> {
        self.0.iter().find(|i| i.kind == kind && i.owner == owner && i.name == name && i.file.starts_with(folder))
    }
    /// Whether it is a type of variants.
    pub(crate) fn is_enum(&self, ty: &str) -> bool {
        self.0.iter().any(|i| i.kind == Kind::Variant && i.owner == ty)
    }
    /// Fields and methods of a name, the nearest to a type first: its own, those of its file, those of its folder.
    pub(crate) fn nearest<'s>(&'s self, owners: &[&str], file: &str, name: &str) -> Vec<&'s Item> {
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let top = file.split('/').next().unwrap_or(file);
        let mut found: Vec<(usize, &Item)> = self
            .0
            .iter()
            .filter(|i| matches!(i.kind, Kind::Field | Kind::Function) && i.name == name && i.file.starts_with(top))
            .map(|i| {
                let near = if owners.contains(&i.owner.as_str()) {
                    0
                } else if i.file == file {
                    1
                } else if i.file.rsplit_once('/').map_or("", |(folder, _)| folder) == folder {
                    2
                } else {
                    3
                };
                (near, i)
            })
            .collect();
        found.sort_by_key(|(near, _)| *near);
        found.into_iter().map(|(_, item)| item).collect()
    }
}

/// The identifier that a text begins with.
fn identifier(text: &str) -> &str {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or("")
}

/// The type of `impl<..> Trait for Type<..> {`.
fn implemented(line: &str) -> &str {
    let head = line.split_once(" for ").map_or_else(
        || {
            let rest = line.trim_start_matches("impl");
            // Past the generic arguments, of which none nests another.
            if rest.starts_with('<') { rest.split_once('>').map_or(rest, |(_, rest)| rest) } else { rest }
        },
        |(_, ty)| ty,
    );
    identifier(head.trim())
}

/// A class told to a macro as `Type "class" "comment",`.
fn literals(code: &str) -> Option<(&str, &str)> {
    let (name, rest) = code.split_once(" \"")?;
    let (_, doc) = rest.strip_suffix("\",")?.split_once("\" \"")?;
    (name == identifier(name) && name.starts_with(char::is_uppercase)).then_some((name, doc))
}

fn scan(file: &str, text: &str, items: &mut Vec<Item>) {
    let (mut doc, mut owner) = (Vec::<&str>::new(), String::new());
    let (mut fields, mut variants) = (false, false);
    // The comment of the struct that a macro writes.
    let mut template = String::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(comment) = trimmed.strip_prefix("///") {
            doc.push(comment.strip_prefix(' ').unwrap_or(comment));
            continue;
        }
        if trimmed.starts_with("#[") || trimmed.starts_with("$(#[") {
            continue;
        }
        let comment = std::mem::take(&mut doc).join("\n");
        if line.starts_with('}') {
            (fields, variants) = (false, false);
            owner.clear();
        }
        let mut push = |kind: Kind, owner: &str, name: &str, of: &str| {
            items.push(Item { kind, owner: owner.into(), name: name.into(), doc: comment.clone(), of: of.into(), file: file.into() });
        };
        let mut code = trimmed;
        for prefix in ["pub(crate) ", "pub(super) ", "pub "] {
            code = code.strip_prefix(prefix).unwrap_or(code);
        }
        if let Some(rest) = code.strip_prefix("struct ").or_else(|| code.strip_prefix("enum ")).or_else(|| code.strip_prefix("trait ")) {
            let name = identifier(rest);
            if name.is_empty() {
                template = comment;
                continue;
            }
            push(Kind::Type, "", name, "");
            owner = name.into();
            (fields, variants) = (code.starts_with("struct ") && code.ends_with('{'), code.starts_with("enum ") && code.ends_with('{'));
        } else if let Some((name, target)) = code.strip_prefix("type ").and_then(|rest| rest.split_once(" = ")) {
            push(Kind::Type, "", identifier(name), target.trim_end_matches(';'));
        } else if code.starts_with("impl") {
            owner = implemented(code).into();
        } else if let Some(rest) = code.strip_prefix("fn ") {
            push(Kind::Function, &owner, identifier(rest), "");
        } else if variants && code.starts_with(char::is_uppercase) {
            push(Kind::Variant, &owner, identifier(code), "");
        } else if !comment.is_empty() && code.starts_with(char::is_uppercase) && code.contains([',', '(']) {
            // A class told to a macro.
            let name = identifier(code);
            push(Kind::Type, "", name, "");
            owner = name.into();
        } else if let Some((name, doc)) = literals(code) {
            let doc = format!("{doc}\n{template}");
            items.push(Item { kind: Kind::Type, owner: String::new(), name: name.into(), doc, of: String::new(), file: file.into() });
        } else if let Some((name, ty)) = code.split_once(": ").filter(|(name, _)| *name == identifier(name) && !name.is_empty())
            && (fields || !comment.is_empty())
        {
            push(Kind::Field, &owner, name, ty.trim_end_matches(',').split(" = ").next().unwrap_or(ty));
        }
    }
}
