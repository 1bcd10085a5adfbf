//! Where the data are pictures: some of each class, and those about which the network was most sure and wrong.

use super::page::Html;
use super::{Mistake, Report};
use crate::escape::escaped;
use crate::figure::Image;
use crate::number::percent;

/// Shorter pictures are shown with hard pixel edges.
const PIXELS: usize = 32;

/// Pictures of each class.
pub(super) fn classes(html: &mut Html, report: &Report) {
    for class in report.class_images.iter().filter(|class| !class.images.is_empty()) {
        html.subheading(&class.class);
        html.raw("<div class=\"pictures\">");
        for image in &class.images {
            html.raw("<figure>");
            picture(html, image, &class.class);
            html.raw("</figure>");
        }
        html.raw("</div>\n");
    }
}

/// Wrong predictions.
pub(super) fn mistakes(html: &mut Html, report: &Report) {
    if report.mistakes.is_empty() {
        return;
    }
    html.paragraph("", "What the network was most sure of and wrong about. Some may be the data’s mistakes.");
    html.raw("<div class=\"pictures\">");
    for Mistake { image, truth, predicted, confidence } in &report.mistakes {
        html.raw("<figure>");
        picture(html, image, &format!("{truth}, taken for {predicted}"));
        html.raw("<figcaption>").text(truth).raw("<br/><strong>").text(predicted).raw("</strong> ").text(&percent(*confidence));
        html.raw("</figcaption></figure>");
    }
    html.raw("</div>\n<p class=\"muted small\">The true class; below it the predicted one with its probability.</p>\n");
}

/// One picture; `words` for those who cannot see it.
pub(super) fn picture(html: &mut Html, image: &Image, words: &str) {
    let class = if image.height().max(image.width()) < PIXELS { " class=\"pixels\"" } else { "" };
    html.raw(&format!("<img{class} alt=\"{}\" src=\"{}\"/>", escaped(words), image.data_uri()));
}
