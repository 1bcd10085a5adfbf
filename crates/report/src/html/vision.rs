//! What a convolutional network looks for and what it sees: filters, feature maps, where a class comes from.

use super::page::Html;
use super::pictures::picture;
use super::{ClassActivation, Convolutions, FeatureMaps, Filters, Report};
use crate::figure::Image;
use crate::number::{grouped, percent, short};

/// Cells of the picture of a colour scale.
const SCALE: usize = 41;

/// All three.
pub(super) fn overview(html: &mut Html, report: &Report) {
    let Some(Convolutions { filters, maps, activations, method }) = &report.convolutions else { return };
    if let Some(filters) = filters {
        of_filters(html, filters);
    }
    if let Some(maps) = maps {
        of_maps(html, maps, filters.as_ref());
    }
    if !activations.is_empty() {
        of_classes(html, activations, method);
    }
}

/// `8`, or `32 of 64`.
fn of_all(shown: usize, total: usize) -> String {
    if shown >= total { grouped(total as u64) } else { format!("{} of {}", grouped(shown as u64), grouped(total as u64)) }
}

/// Small pictures with their numbers.
fn numbered(html: &mut Html, images: &[Image], what: &str) {
    html.raw("<div class=\"pictures maps\">");
    for (i, image) in images.iter().enumerate() {
        html.raw("<figure>");
        picture(html, image, &format!("{what} {i}"));
        html.raw("<figcaption>").text(&i.to_string()).raw("</figcaption></figure>");
    }
    html.raw("</div>\n");
}

/// The colours of numbers up to a size.
fn scale(html: &mut Html, limit: f64, signed: bool) {
    let value = |i: usize| i as f64 / (SCALE - 1) as f64;
    let values: Vec<f64> = (0..SCALE).map(|i| if signed { 2.0 * value(i) - 1.0 } else { value(i) }).collect();
    let Some(image) = Image::signed(1, SCALE, &values, 1.0).ok().filter(|_| limit > 0.0) else { return };
    let low = if signed { short(-limit) } else { "0".into() };
    html.raw("<p class=\"muted small\">").text(&low).raw(" <img class=\"scale\" alt=\"colour scale\" src=\"");
    html.raw(&image.data_uri()).raw("\"/> ").text(&short(limit)).raw("</p>\n");
}

fn of_filters(html: &mut Html, filters: &Filters) {
    let Filters { layer, size: [height, width], images, total, limit, coloured, channels } = filters;
    html.subheading(&format!("Filters of {layer}: {}, each {height} × {width}", of_all(images.len(), *total)));
    numbered(html, images, "filter");
    if *coloured {
        html.paragraph(
            "muted small",
            &format!(
                "Each square is a filter: the pattern that it looks for as it slides over the picture. Grey is a weight of 0; a weight of \
                 {} gives a channel its full colour, one of {} takes it away. A filter whose sides differ in brightness answers to edges, one \
                 whose sides differ in colour to borders between colours, and one of a single colour to patches of that colour. Filters that \
                 look like noise have found nothing simple.",
                short(*limit),
                short(-*limit)
            ),
        );
        return;
    }
    scale(html, *limit, true);
    let mean = if *channels > 1 { format!(" Shown is the mean over the {channels} channels.") } else { String::new() };
    html.paragraph(
        "muted small",
        &format!(
            "Each square is a filter: the pattern that it looks for as it slides over the picture. Where a weight is blue, a bright pixel \
             adds to the filter’s answer; where it is orange, it takes away; white does not matter. A blue side beside an orange one finds \
             edges, blue in the middle with orange around it finds dots or lines, a single colour all over measures brightness. Filters that \
             look like noise have found nothing simple.{mean}"
        ),
    );
}

fn of_maps(html: &mut Html, maps: &FeatureMaps, filters: Option<&Filters>) {
    html.subheading("One picture on its way through the network");
    html.raw("<div class=\"pictures\"><figure>");
    picture(html, &maps.image, &maps.class);
    html.raw("<figcaption>").text(&maps.class).raw("</figcaption></figure></div>\n");
    let own = match (filters, maps.layers.first()) {
        (Some(f), Some(first)) if f.layer == first.name => format!(" Map 0 of {} belongs to its filter 0 above, and so on.", f.layer),
        _ => String::new(),
    };
    html.paragraph(
        "muted small",
        &format!(
            "Each small picture is a feature map: how strongly one filter answers at each place. White is 0; the darker the blue, the better \
             the place fits what the filter looks for; orange is below 0. The colours of one layer can be compared.{own} The first \
             layers answer to edges and spots; later ones, which look at larger parts of the picture, to shapes. Pooling makes maps smaller: it says \
             less exactly where, and hardly less surely whether. A map that is white all over belongs to a filter that finds nothing here."
        ),
    );
    for layer in &maps.layers {
        let [height, width] = layer.size;
        let name = format!("{} ({}): {} maps of {height} × {width}", layer.name, layer.kind, of_all(layer.images.len(), layer.total));
        html.raw("<h4>").text(&name).raw("</h4>\n");
        numbered(html, &layer.images, &format!("{}, map", layer.name));
        scale(html, layer.limit, layer.signed);
    }
}

fn of_classes(html: &mut Html, activations: &[ClassActivation], method: &str) {
    html.subheading("Where the network looks");
    html.raw("<div class=\"pictures\">");
    for ClassActivation { image, heated, truth, predicted, confidence } in activations {
        html.raw("<figure class=\"pair\">");
        picture(html, image, truth);
        picture(html, heated, &format!("where {predicted} comes from"));
        html.raw("<figcaption>").text(truth).raw("<br/>").raw(if truth == predicted { "<span>" } else { "<strong>" });
        html.text(predicted).raw(if truth == predicted { "</span> " } else { "</strong> " }).text(&percent(*confidence));
        html.raw("</figcaption></figure>");
    }
    html.raw("</div>\n");
    html.paragraph(
        "muted small",
        "Each picture beside itself in grey, with what speaks for the predicted class in colour: from yellow to red the more, nothing where \
         nothing does. Below them the true class, and the predicted one with its probability, strong where it is wrong. Colours on the thing \
         itself are a good sign. Colours on the background or the border mean that the network may be right for a wrong reason; on mistakes they \
         show what misled it. A picture without colour was recognized by what it lacks.",
    );
    html.paragraph("muted small", method);
}
