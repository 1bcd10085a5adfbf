//! Figures as SVG text.
//!
//! Each mark carries its light colour as an attribute, which every viewer understands, and a class, which the dark
//! rules of the style sheet override.

use super::{Anchor, Figure, Mark, Paint, Role, Stroke, Theme};
use crate::escape::push_escaped;
use crate::number::coordinate;
use std::fmt::Write;

const FONT: &str = "system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif";

/// Rules that recolour figures for readers who prefer dark pages.
pub(crate) fn theme_css() -> String {
    let mut css = String::from("@media screen and (prefers-color-scheme:dark){");
    for role in Role::ALL {
        let (name, colour) = (role.name(), hex(role.rgb(Theme::Dark)));
        let _ = write!(css, ".f-{name}{{fill:{colour}}}.s-{name}{{stroke:{colour}}}");
    }
    css.push('}');
    css
}

/// A complete SVG document.
pub(super) fn document(figure: &Figure) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    open(&mut out, figure, true);
    let _ = write!(out, "<style>{}</style>", theme_css());
    out.push_str("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\" class=\"f-surface\"/>");
    marks(&mut out, figure);
    out.push_str("</svg>\n");
    out
}

/// An `<svg>` element for a page that has [`theme_css`] and a background of its own.
pub(super) fn fragment(figure: &Figure) -> String {
    let mut out = String::new();
    open(&mut out, figure, false);
    marks(&mut out, figure);
    out.push_str("</svg>");
    out
}

fn open(out: &mut String, figure: &Figure, document: bool) {
    let (w, h) = (coordinate(figure.width), coordinate(figure.height));
    out.push_str("<svg ");
    if document {
        out.push_str("xmlns=\"http://www.w3.org/2000/svg\" ");
    }
    let _ = write!(out, "width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\" aria-label=\"");
    push_escaped(out, &figure.description);
    let _ = write!(out, "\" font-family=\"{FONT}\">");
}

fn marks(out: &mut String, figure: &Figure) {
    for mark in &figure.marks {
        write_mark(out, mark);
    }
}

fn write_mark(out: &mut String, mark: &Mark) {
    let c = coordinate;
    match mark {
        Mark::Rect { at: [x, y, w, h], radius, fill, stroke, tip } => {
            let (w, h) = (w.max(0.0), h.max(0.0));
            let _ = write!(out, "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", c(*x), c(*y), c(w), c(h));
            if *radius > 0.0 {
                let _ = write!(out, " rx=\"{}\"", c(*radius));
            }
            paint(out, *fill, *stroke);
            close(out, "rect", tip.as_deref());
        }
        Mark::Line { points, stroke, tip } => {
            if let [[x1, y1], [x2, y2]] = points.as_slice() {
                let _ = write!(out, "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"", c(*x1), c(*y1), c(*x2), c(*y2));
                paint(out, None, Some(*stroke));
                close(out, "line", tip.as_deref());
            } else {
                out.push_str("<polyline points=\"");
                for (i, [x, y]) in points.iter().enumerate() {
                    if i > 0 {
                        out.push(' ');
                    }
                    let _ = write!(out, "{},{}", c(*x), c(*y));
                }
                out.push_str("\" stroke-linejoin=\"round\"");
                paint(out, None, Some(*stroke));
                close(out, "polyline", tip.as_deref());
            }
        }
        Mark::Circle { center: [x, y], radius, fill, stroke, tip } => {
            let _ = write!(out, "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"", c(*x), c(*y), c(radius.max(0.0)));
            paint(out, *fill, *stroke);
            close(out, "circle", tip.as_deref());
        }
        Mark::Text { at: [x, y], text, size, anchor, paint: colour, bold, upright } => {
            let _ = write!(out, "<text x=\"{}\" y=\"{}\" font-size=\"{}\"", c(*x), c(*y), c(*size));
            match anchor {
                Anchor::Start => {}
                Anchor::Middle => out.push_str(" text-anchor=\"middle\""),
                Anchor::End => out.push_str(" text-anchor=\"end\""),
            }
            if *bold {
                out.push_str(" font-weight=\"600\"");
            }
            if *upright {
                let _ = write!(out, " transform=\"rotate(-90 {} {})\"", c(*x), c(*y));
            }
            paint(out, Some(*colour), None);
            out.push('>');
            push_escaped(out, text);
            out.push_str("</text>");
        }
        Mark::Picture { at: [x, y, w, h], image, tip } => {
            let _ = write!(
                out,
                "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
                 style=\"image-rendering:pixelated\" href=\"{}\"",
                c(*x),
                c(*y),
                c(*w),
                c(*h),
                image.data_uri()
            );
            close(out, "image", tip.as_deref());
        }
    }
}

fn close(out: &mut String, element: &str, tip: Option<&str>) {
    match tip {
        Some(tip) => {
            out.push_str("><title>");
            push_escaped(out, tip);
            let _ = write!(out, "</title></{element}>");
        }
        None => out.push_str("/>"),
    }
}

fn paint(out: &mut String, fill: Option<Paint>, stroke: Option<Stroke>) {
    match fill {
        Some(fill) => {
            let _ = write!(out, " fill=\"{}\"", hex(fill.role.rgb(Theme::Light)));
            opacity(out, "fill-opacity", fill.alpha);
        }
        None => out.push_str(" fill=\"none\""),
    }
    if let Some(stroke) = stroke {
        let colour = hex(stroke.paint.role.rgb(Theme::Light));
        let _ = write!(out, " stroke=\"{colour}\" stroke-width=\"{}\"", coordinate(stroke.width));
        opacity(out, "stroke-opacity", stroke.paint.alpha);
        if stroke.dashed {
            out.push_str(" stroke-dasharray=\"4 3\"");
        }
    }
    match (fill, stroke) {
        (Some(f), Some(s)) => {
            let _ = write!(out, " class=\"f-{} s-{}\"", f.role.name(), s.paint.role.name());
        }
        (Some(f), None) => {
            let _ = write!(out, " class=\"f-{}\"", f.role.name());
        }
        (None, Some(s)) => {
            let _ = write!(out, " class=\"s-{}\"", s.paint.role.name());
        }
        (None, None) => {}
    }
}

fn opacity(out: &mut String, name: &str, alpha: f64) {
    if alpha < 1.0 {
        let _ = write!(out, " {name}=\"{}\"", coordinate(alpha));
    }
}

fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}
