//! The network: drawing and layer table.

use super::Report;
use super::page::Html;
use crate::figure::LayerDrawing;
use crate::number::grouped;

/// Drawings and the table of layers.
pub(super) fn overview(html: &mut Html, report: &Report) {
    let Some(network) = &report.network else { return };
    let all = network.trainable.saturating_add(network.non_trainable);
    let name = if network.name.is_empty() { String::new() } else { format!("“{}”: ", network.name) };
    html.paragraph(
        "",
        &format!(
            "{name}{} layers, {} parameters, of which {} are trained.",
            network.layers.len(),
            grouped(all),
            grouped(network.trainable)
        ),
    );
    html.raw("<div class=\"figures\">");
    if let Some(neurons) = &network.neurons {
        html.figure(&neurons.figure(), "Blue weights are positive, orange ones negative; wide and strong lines are large.");
    }
    html.figure(&LayerDrawing { layers: network.layers.clone() }.figure(), "");
    html.raw("</div>\n");
    if network.layers.is_empty() {
        return;
    }
    html.subheading("Layers");
    let connected = network.layers.iter().any(|l| !l.inputs.is_empty());
    let mut header = vec![("layer", false), ("type", false), ("output shape", false), ("parameters", true), ("activation", false)];
    if connected {
        header.push(("input from", false));
    }
    let rows: Vec<Vec<String>> = network
        .layers
        .iter()
        .map(|l| {
            let mut row = vec![l.name.clone(), l.kind.clone(), l.output_shape.clone(), grouped(l.params), l.activation.clone()];
            if connected {
                row.push(l.inputs.join(", "));
            }
            row
        })
        .collect();
    html.table(&header, &rows, &[]);
}
