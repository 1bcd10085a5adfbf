//! The story in words.

use super::layer::LayerView;
use super::{Story, Truth, drawing};
use crate::measure::choose;
use crate::problem::Kind;
use adaline::report::number;
use adaline::report::tables::{Align, TextTable};
use std::fmt::Write;

/// Layers of at most so many units, and units of at most so many inputs, are shown whole.
const WHOLE: usize = 8;

/// All of it; where a layer is too large, its `top` largest parts.
pub(super) fn text(story: &Story, top: usize) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "The way of {} through the network `{}`\n", story.row, story.model);
    inputs(&mut out, story, top);
    for (at, layer) in story.layers.iter().enumerate() {
        forward(&mut out, at + 1, layer, top);
    }
    result(&mut out, story);
    if let Some(words) = &story.words {
        super::text::shares(&mut out, words, top);
    }
    match &story.no_way_back {
        Some(why) => {
            let _ = writeln!(out, "\nThere is no loss and no way back: {why}.");
        }
        None => backward(&mut out, story, top),
    }
    out
}

pub(super) fn num(v: impl Into<f64>) -> String {
    number::short(v.into())
}

/// How many of `count` to show.
fn shown(count: usize, top: usize) -> usize {
    if count <= WHOLE { count } else { top.min(count) }
}

fn inputs(out: &mut String, story: &Story, top: usize) {
    if !story.cells.is_empty() {
        let cells: Vec<String> = story.cells.iter().take(20).map(|(n, c)| format!("{n} = {c}")).collect();
        let more = if story.cells.len() > cells.len() { format!(", and {} more", story.cells.len() - cells.len()) } else { String::new() };
        let _ = writeln!(out, "The row says: {}{more}", cells.join(", "));
    }
    if let Some(picture) = &story.picture {
        return drawing::picture(out, picture);
    }
    if let Some(words) = &story.words {
        super::text::inputs(out, words);
        if story.beside.is_empty() {
            return;
        }
        let (names, values): (Vec<String>, Vec<f32>) = story.beside.iter().cloned().unzip();
        return numbers(out, "The network gets, beside the text,", &names, &values, top);
    }
    numbers(out, "The network gets", &story.input_names, &story.inputs, top);
}

/// A table of what goes in.
fn numbers(out: &mut String, begin: &str, names: &[String], values: &[f32], top: usize) {
    let count = values.len();
    let (few, order) = most(values, top.max(WHOLE));
    let _ = writeln!(out, "{}", if few { format!("{begin} {count} numbers, the largest:") } else { format!("{begin} {count} numbers:") });
    let mut table = TextTable::new([("input", Align::Left), ("value", Align::Right)]);
    for i in order {
        table.row([names.get(i).cloned().unwrap_or_default(), num(values[i])]);
    }
    let _ = writeln!(out, "{table}");
}

/// Places in order, or those of the largest values when there are too many.
fn most(values: &[f32], top: usize) -> (bool, Vec<usize>) {
    let n = shown(values.len(), top);
    if n == values.len() { (false, (0..n).collect()) } else { (true, LayerView::largest(values).into_iter().take(n).collect()) }
}

/// What an activation function does, as a formula.
pub(super) fn formula(activation: &str) -> String {
    match activation {
        "" | "linear" => "z itself".into(),
        "relu" => "relu(z) = max(z, 0)".into(),
        "sigmoid" => "sigmoid(z) = 1 / (1 + e^-z)".into(),
        "tanh" => "tanh(z), between -1 and 1".into(),
        "softmax" => "softmax(z) = e^z / (sum of e^z over all units): positive, together 1".into(),
        other => format!("{other}(z)"),
    }
}

fn forward(out: &mut String, number: usize, layer: &LayerView, top: usize) {
    let count = layer.output.len();
    let plural = if count == 1 { "" } else { "s" };
    let size = match layer.step.size() {
        Some([height, width, maps]) => format!("{maps} map{} of {height} x {width}", if maps == 1 { "" } else { "s" }),
        None => format!("{count} output{plural}"),
    };
    let _ = writeln!(out, "Layer {number}: {} ({}, {size})", layer.name, layer.class);
    if drawing::step(out, layer, top) {
        out.push('\n');
        return;
    }
    let Some(dense) = &layer.dense else {
        if layer.inputs == layer.output {
            let _ = writeln!(out, "  It passes the {count} number{plural} on as {}.\n", if count == 1 { "it is" } else { "they are" });
            return;
        }
        let (few, order) = most(&layer.output, top);
        let _ = writeln!(out, "  Its output{}:", if few { ", the largest" } else { "" });
        for i in order {
            let before = layer.inputs.get(i).filter(|_| layer.inputs.len() == layer.output.len());
            let from = before.map_or_else(String::new, |b| format!("{} -> ", num(*b)));
            let _ = writeln!(out, "    {}: {from}{}", layer.unit_names[i], num(layer.output[i]));
        }
        out.push('\n');
        return;
    };
    let _ = writeln!(out, "  Each unit weighs its inputs and adds them up with its bias: z = sum of input x weight, + bias.");
    let _ = writeln!(out, "  Its output is a = {}.", formula(&layer.activation));
    let sums = layer.sums.as_deref().unwrap_or(&layer.output);
    let (few, order) = most(&layer.output, top);
    if few {
        let _ = writeln!(out, "  The {} units of {} with the largest outputs:", order.len(), count);
    }
    for unit in order {
        let _ = writeln!(out, "  {}: z = {}, a = {}", layer.unit_names[unit], num(sums[unit]), num(layer.output[unit]));
        let parts = layer.contributions(unit);
        let n = shown(parts.len(), top);
        let width = parts.iter().take(n).map(|p| layer.input_names[p.0].chars().count()).max().unwrap_or(0);
        for (input, weight, product) in parts.iter().take(n) {
            let name = &layer.input_names[*input];
            let _ = writeln!(out, "      {name:width$}  {} x {} = {}", num(layer.inputs[*input]), num(*weight), num(*product));
        }
        if n < parts.len() {
            let rest: f64 = parts[n..].iter().map(|p| p.2).sum();
            let _ = writeln!(out, "      the other {} inputs together  {}", parts.len() - n, num(rest));
        }
        if let Some(bias) = dense.bias.as_ref().and_then(|b| b.get(unit)) {
            let _ = writeln!(out, "      bias  {}", num(*bias));
        }
    }
    out.push('\n');
}

fn result(out: &mut String, story: &Story) {
    match &story.kind {
        Kind::Classes(names) => {
            let (class, p) = choose(&story.output);
            let name = |c: usize| names.get(c).map_or("?", String::as_str);
            let _ = writeln!(out, "The network chooses {} with probability {}.", name(class), number::percent(f64::from(p)));
            if let Some(t) = &story.truth {
                let truth = t.values.first().copied().unwrap_or(0.0) as usize;
                let _ = writeln!(out, "The row is {}: {}.", name(truth), if truth == class { "right" } else { "wrong" });
            }
        }
        Kind::Numbers(_) => {
            let list = |v: &[f64]| v.iter().map(|v| num(*v)).collect::<Vec<_>>().join(", ");
            let what = story.target.as_deref().unwrap_or("the value");
            let _ = writeln!(out, "The network predicts {what} = {}.", list(&story.predicted));
            if story.predicted.iter().zip(&story.output).any(|(p, &o)| (p - f64::from(o)).abs() > 1e-6 * p.abs().max(1.0)) {
                let _ = writeln!(out, "(Its output {} brought back to the units of the data.)", num(story.output[0]));
            }
            if let Some(t) = &story.truth {
                let _ = writeln!(out, "The row says {}.", list(&t.raw));
            }
        }
    }
}

/// The loss as a formula with this row's numbers in it, and what the formula gives.
fn loss_formula(story: &Story, truth: &Truth) -> Option<(String, f64)> {
    let (out, t) = (&story.output, &truth.values);
    match story.loss_class.as_str() {
        "SparseCategoricalCrossentropy" => {
            let p = f64::from(*out.get(t.first().copied()? as usize)?);
            Some((format!("-ln(probability of the true class) = -ln({})", num(p)), -p.ln()))
        }
        "BinaryCrossentropy" => {
            let (&[p], &[y]) = (&out[..], &t[..]) else { return None };
            let right = if y > 0.5 { f64::from(p) } else { 1.0 - f64::from(p) };
            Some((format!("-ln(probability of the true class) = -ln({})", num(right)), -right.ln()))
        }
        "MeanSquaredError" => {
            let sum: f64 = out.iter().zip(t).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
            let text = match (&out[..], &t[..]) {
                ([a], [b]) => format!("(output - truth)² = ({} - {})²", num(*a), num(*b)),
                _ => "mean of (output - truth)²".into(),
            };
            Some((text, sum / out.len().max(1) as f64))
        }
        "MeanAbsoluteError" => {
            let sum: f64 = out.iter().zip(t).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs()).sum();
            Some(("mean of |output - truth|".into(), sum / out.len().max(1) as f64))
        }
        _ => None,
    }
}

fn backward(out: &mut String, story: &Story, top: usize) {
    let (Some(loss), Some(truth)) = (story.loss, &story.truth) else { return };
    let _ = match loss_formula(story, truth) {
        Some((text, value)) if (value - f64::from(loss)).abs() <= 1e-3 * value.abs().max(1e-3) => {
            writeln!(out, "\nLoss ({}): L = {text} = {}", story.loss_class, num(loss))
        }
        Some((text, value)) if value.is_finite() => writeln!(
            out,
            "\nLoss ({}): L = {} ({text} = {}; penalties on the weights or limits of the loss make the rest)",
            story.loss_class,
            num(loss),
            num(value)
        ),
        _ => writeln!(out, "\nLoss ({}): L = {}", story.loss_class, num(loss)),
    };
    let _ = writeln!(
        out,
        "\nBackwards: how much L grows when a value grows a little. Each layer hands this to the one before it (the chain rule)."
    );
    if story.loss_class.ends_with("CategoricalCrossentropy") {
        let _ = writeln!(
            out,
            "(This loss first divides the probabilities by their sum, so dL/da at the end is -1/a for the true class, and 1 more for all.)"
        );
    }
    for layer in story.layers.iter().rev() {
        backward_layer(out, layer, top);
    }
    if let Some(step) = &story.step {
        let _ = writeln!(
            out,
            "\nOne step of plain gradient descent on this row alone, each weight moved by -{} x its dL/dw: the loss goes from {} to {}.",
            num(step.rate),
            num(loss),
            num(step.loss)
        );
    }
}

fn backward_layer(out: &mut String, layer: &LayerView, top: usize) {
    let Some(gradient) = &layer.gradient else { return };
    let _ = writeln!(out, "\n{} ({}):", layer.name, layer.class);
    let by = layer.sum_gradient.as_deref().unwrap_or(gradient);
    let (few, order) = most(by, top);
    if few {
        let _ = writeln!(out, "  the {} largest of {}", order.len(), by.len());
    }
    let mut table = TextTable::new([("unit", Align::Left), ("dL/da", Align::Right), ("dL/dz", Align::Right)]);
    for i in order {
        let z = layer.sum_gradient.as_ref().and_then(|s| s.get(i)).map_or_else(|| "-".into(), |g| num(*g));
        table.row([layer.unit_names.get(i).cloned().unwrap_or_default(), gradient.get(i).map_or_else(String::new, |g| num(*g)), z]);
    }
    for line in table.to_string().lines() {
        let _ = writeln!(out, "  {line}");
    }
    drawing::weight_gradients(out, layer);
    let Some((dense, of_kernel)) = layer.dense.as_ref().and_then(|d| Some((d, d.kernel_gradient.as_ref()?))) else { return };
    let units = layer.output.len();
    let _ = writeln!(out, "  dL/dw = dL/dz of the unit x the input; the largest:");
    for at in LayerView::largest(of_kernel).into_iter().take(top) {
        let (input, unit) = (at / units, at % units);
        let _ = writeln!(
            out,
            "    {} -> {}: {} (the weight is {})",
            layer.input_names[input],
            layer.unit_names[unit],
            num(of_kernel[at]),
            num(dense.weight(input, unit, units))
        );
    }
}
