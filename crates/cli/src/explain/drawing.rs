//! Layers over images in words: pictures as numbers or as shades of letters, windows with their products.

use super::layer::LayerView;
use super::spatial::{Convolution, Kernel, Pooling, SMALL, Step, Told, Window, is_small, peak};
use super::words::{formula, num};
use crate::maps::Maps;
use std::fmt::Write;

/// Kernels of at most so many columns are written out, and so many channels of them.
const COLUMNS: usize = 7;
const CHANNELS: usize = 3;
/// Marks across a drawing, at most.
const MARKS: usize = 32;
/// From the smallest to the largest.
const SHADES: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];

/// A map of `columns` numbers a row: all numbers where it is small, else a drawing.
fn grid(out: &mut String, indent: &str, columns: usize, values: &[f64]) {
    let columns = columns.max(1);
    if columns > SMALL || values.len() / columns > SMALL {
        return drawn(out, indent, columns, values);
    }
    let cells: Vec<String> = values.iter().map(|v| num(*v)).collect();
    let width = cells.iter().map(|c| c.chars().count()).max().unwrap_or(0);
    for row in cells.chunks(columns) {
        let row: Vec<String> = row.iter().map(|c| format!("{c:>width$}")).collect();
        let _ = writeln!(out, "{indent}{}", row.join("  "));
    }
}

/// The map in letters, each the mean of a square.
fn drawn(out: &mut String, indent: &str, columns: usize, values: &[f64]) {
    let rows = values.len() / columns;
    let factor = columns.max(rows).div_ceil(MARKS).max(1);
    let mean = |y: usize, x: usize| {
        let cells =
            (y * factor..((y + 1) * factor).min(rows)).flat_map(|r| (x * factor..((x + 1) * factor).min(columns)).map(move |c| (r, c)));
        let (sum, count) = cells.fold((0.0, 0.0), |(sum, count), (r, c)| (sum + values[r * columns + c], count + 1.0));
        sum / count
    };
    let wide = columns.div_ceil(factor);
    let means: Vec<f64> = (0..rows.div_ceil(factor)).flat_map(|y| (0..wide).map(move |x| (y, x))).map(|(y, x)| mean(y, x)).collect();
    let (low, high) = means.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
    let shade = |v: &f64| {
        let share = if high > low { (v - low) / (high - low) } else { 0.0 };
        SHADES[((share * SHADES.len() as f64) as usize).min(SHADES.len() - 1)]
    };
    for row in means.chunks(wide) {
        // Letters are about twice as high as wide.
        let line: String = row.iter().map(shade).flat_map(|mark| [mark, mark]).collect();
        let _ = writeln!(out, "{indent}|{line}|");
    }
    let each = if factor > 1 { format!("; each mark is the mean of {factor} x {factor} numbers") } else { String::new() };
    let _ = writeln!(out, "{indent}(from {} where it is blank to {} at @{each})", num(low), num(high));
}

fn numbers(maps: &Maps, channel: usize) -> Vec<f64> {
    maps.channel(channel).map(f64::from).collect()
}

/// A map in a line.
fn brief(out: &mut String, maps: &Maps, channel: usize, what: &str) {
    let values = numbers(maps, channel);
    let (row, column) = peak(maps, channel);
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    if low == high {
        let _ = writeln!(out, "  {what} {channel}: {} everywhere", num(low));
        return;
    }
    let _ = writeln!(out, "  {what} {channel}: from {} to {} at row {row}, column {column}; mean {}", num(low), num(high), num(mean));
}

/// Those that are told in a line.
fn rest(out: &mut String, maps: &Maps, told: &Told, what: &str) {
    let silent = maps.channels - told.detailed.len() - told.briefly.len();
    for &channel in &told.briefly {
        brief(out, maps, channel, what);
    }
    if silent > 0 {
        let _ = writeln!(out, "  and {silent} more, whose largest numbers are not larger");
    }
}

/// The input as a picture.
pub(super) fn picture(out: &mut String, maps: &Maps) {
    let Maps { height, width, channels, .. } = maps;
    if *channels == 1 || !is_small(maps) {
        let mean = if *channels > 1 { format!(" of {channels} channels, here their mean") } else { String::new() };
        let _ = writeln!(out, "The network gets a picture of {height} x {width} pixels{mean}:");
        grid(out, "  ", *width, &maps.mean().collect::<Vec<_>>());
    } else {
        let _ = writeln!(out, "The network gets a picture of {height} x {width} pixels of {channels} channels:");
        for c in 0..*channels {
            let _ = writeln!(out, "  channel {c}:");
            grid(out, "    ", *width, &numbers(maps, c));
        }
    }
    out.push('\n');
}

/// What the layer does, when it is one over images.
pub(super) fn step(out: &mut String, layer: &LayerView, top: usize) -> bool {
    match &layer.step {
        Step::Convolution(c) => convolution(out, c, &layer.activation, top),
        Step::Pooling(p) => pooling(out, p, top),
        Step::Maps(maps) => any_maps(out, maps, layer.inputs == layer.output, top),
        Step::Global { mean, places } => {
            let (what, why) =
                if *mean { ("mean", "how much of its pattern there is") } else { ("largest", "how surely its pattern is anywhere") };
            let _ = writeln!(out, "  Of each map only the {what} of its {places} numbers goes on: {why}, not where.");
            return false;
        }
        Step::None => return false,
    }
    true
}

fn any_maps(out: &mut String, maps: &Maps, same: bool, top: usize) {
    let told = Told::of(maps, is_small(maps), top);
    let _ = writeln!(out, "  {}:", if same { "The same numbers, as maps" } else { "Its output" });
    for &c in &told.detailed {
        if maps.channels > 1 {
            let _ = writeln!(out, "  map {c}:");
        }
        grid(out, "    ", maps.width, &numbers(maps, c));
    }
    rest(out, maps, &told, "map");
}

/// `1`, or `1 x 2` where the axes differ.
fn steps(numbers: &[usize]) -> String {
    if numbers[0] == numbers[1] { numbers[0].to_string() } else { format!("{} x {}", numbers[0], numbers[1]) }
}

fn convolution(out: &mut String, conv: &Convolution, activation: &str, top: usize) {
    let Convolution { input, output, spec, kernel, told, .. } = conv;
    let (filters, stride) = (output.channels, steps(&spec.strides));
    let plural = if stride == "1" { "" } else { "s" };
    let subject = if filters == 1 { "Its filter slides".into() } else { format!("Each of its {filters} filters slides") };
    let _ = writeln!(
        out,
        "  {subject} over the {} x {} {}, {stride} step{plural} at a time. Where it stands, it multiplies each number",
        input.height,
        input.width,
        if input.channels == 1 { "picture" } else { "maps" }
    );
    let _ = writeln!(
        out,
        "  under it by its weight and adds up the products and its bias: z. Its answer there is a = {}.",
        formula(activation)
    );
    let _ = writeln!(
        out,
        "  A filter has {} x {} x {} weights, the same at every place. All its answers are its feature map.",
        kernel.height, kernel.width, kernel.channels
    );
    if spec.dilation[..2] != [1, 1] {
        let _ = writeln!(out, "  It sees every {}. number of the rows and columns under it.", steps(&spec.dilation));
    }
    if spec.before != [0; 3] || spec.after != [0; 3] {
        let _ = writeln!(out, "  Where it reaches beyond the border, it sees zeros, written (0).");
    }
    for &filter in &told.detailed {
        let _ = writeln!(out, "  Filter {filter}{}:", if told.briefly.is_empty() { "" } else { ", the one with the largest answer" });
        weights(out, conv, &kernel.weights, filter, "weights");
        for window in conv.windows.iter().filter(|w| w.filter == filter) {
            products(out, conv, window, top);
        }
        if !matches!(activation, "" | "linear") && is_small(output) {
            let _ = writeln!(out, "    z at all places:");
            grid(out, "      ", output.width, &numbers(&conv.sums, filter));
        }
        let _ = writeln!(out, "    feature map, a at all places:");
        grid(out, "      ", output.width, &numbers(output, filter));
    }
    rest(out, output, told, "filter");
}

/// Whether the weights of a filter are few enough to be written out.
fn is_written(kernel: &Kernel) -> bool {
    kernel.channels <= CHANNELS && kernel.width <= COLUMNS && kernel.height <= COLUMNS
}

/// Numbers that belong to the weights of a filter, channel by channel, where they are few.
fn weights(out: &mut String, conv: &Convolution, values: &[f32], filter: usize, what: &str) {
    let (kernel, filters) = (&conv.kernel, conv.output.channels);
    if !is_written(kernel) {
        return;
    }
    for c in 0..kernel.channels {
        let channel = if kernel.channels > 1 { format!(" of channel {c}") } else { String::new() };
        let _ = writeln!(out, "    {what}{channel}:");
        let own: Vec<f64> =
            (0..kernel.height * kernel.width).map(|at| f64::from(values[(at * kernel.channels + c) * filters + filter])).collect();
        grid(out, "      ", kernel.width, &own);
    }
}

/// The gradients of the weights of filters that were told in detail.
pub(super) fn weight_gradients(out: &mut String, layer: &LayerView) {
    let Step::Convolution(conv) = &layer.step else { return };
    if !is_written(&conv.kernel) {
        return;
    }
    let Some(gradient) = layer.weights.iter().find(|w| w.name == "kernel").and_then(|w| w.gradient.as_ref()) else { return };
    let _ = writeln!(out, "  A weight takes part at every place: dL/dw = sum over all places of dL/dz x the number under the weight.");
    for &filter in &conv.told.detailed {
        weights(out, conv, gradient, filter, &format!("dL/dw of filter {filter}"));
    }
}

/// The sum of a window, with its numbers.
fn products(out: &mut String, conv: &Convolution, window: &Window, top: usize) {
    let Window { row, column, from, cells, weights, filter, .. } = window;
    let kernel = &conv.kernel;
    let [rows, columns] = [(kernel.height, 0), (kernel.width, 1)]
        .map(|(size, axis)| (from[axis], from[axis] + ((size - 1) * conv.spec.dilation[axis]) as isize));
    let _ =
        writeln!(out, "    at row {row}, column {column} it sees rows {} to {}, columns {} to {}:", rows.0, rows.1, columns.0, columns.1);
    let product = |at: usize| cells[at].map_or(0.0, |v| f64::from(v) * f64::from(weights[at]));
    let part = |c: usize| (c..cells.len()).step_by(kernel.channels).map(product).sum::<f64>();
    let mut order: Vec<usize> = (0..kernel.channels).collect();
    let mut parts: Vec<String> = Vec::new();
    if is_written(kernel) {
        for (c, y) in order.into_iter().flat_map(|c| (0..kernel.height).map(move |y| (c, y))) {
            let cell = |x: usize| {
                let at = (y * kernel.width + x) * kernel.channels + c;
                format!("{} x {}", cells[at].map_or_else(|| "(0)".into(), num), num(weights[at]))
            };
            let channel = if kernel.channels > 1 { format!("   (channel {c})") } else { String::new() };
            parts.push((0..kernel.width).map(cell).collect::<Vec<_>>().join(" + ") + &channel);
        }
    } else {
        order.sort_by(|&a, &b| part(b).abs().total_cmp(&part(a).abs()));
        let few = order.iter().take(top);
        parts.extend(few.map(|&c| format!("{} from the {} products of channel {c}", num(part(c)), kernel.height * kernel.width)));
        if order.len() > top {
            let rest: f64 = order[top..].iter().map(|&c| part(c)).sum();
            parts.push(format!("{} from the other {} channels together", num(rest), order.len() - top));
        }
    }
    parts.extend(kernel.bias.as_ref().and_then(|b| b.get(*filter)).map(|bias| format!("bias {}", num(*bias))));
    for (i, part) in parts.iter().enumerate() {
        let _ = writeln!(out, "      {} {part}", if i > 0 { "+" } else { " " });
    }
    let _ = writeln!(out, "      = z = {}, a = {}", num(window.sum.unwrap_or(window.output)), num(window.output));
}

fn pooling(out: &mut String, pool: &Pooling, top: usize) {
    let Pooling { mean, input, output, spec, told, windows } = pool;
    let what = if *mean { "mean" } else { "largest" };
    let stride = steps(&spec.strides);
    let plural = if stride == "1" { "" } else { "s" };
    let _ = writeln!(
        out,
        "  Of each window of {} x {} numbers only the {what} goes on; windows are {stride} step{plural} apart. So maps of {} x {} become {} x {}:",
        spec.size[0], spec.size[1], input.height, input.width, output.height, output.width
    );
    let _ = writeln!(
        out,
        "  {}.",
        if *mean { "how much of the pattern there is, not quite where" } else { "whether the pattern is there, not quite where" }
    );
    for &map in &told.detailed {
        let _ = writeln!(out, "  map {map}:");
        for Window { row, column, cells, output, .. } in windows.iter().filter(|w| w.filter == map) {
            let seen: Vec<String> = cells.iter().flatten().take(top.max(16)).map(|v| num(*v)).collect();
            let more = if seen.len() < cells.iter().flatten().count() { ", ..." } else { "" };
            let _ = writeln!(out, "    at row {row}, column {column}: the {what} of {}{more} is {}", seen.join(", "), num(*output));
        }
        grid(out, "      ", output.width, &numbers(output, map));
    }
    rest(out, output, told, "map");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_maps_are_numbers_and_large_ones_are_drawn() {
        let mut text = String::new();
        grid(&mut text, " ", 2, &[1.0, -0.5, 0.25, 10.0]);
        assert_eq!(text, "    1  -0.5\n 0.25    10\n");
        // A diagonal of 40 x 40, two numbers a mark.
        let values: Vec<f64> = (0..1600).map(|i| if i / 40 == i % 40 { 1.0 } else { 0.0 }).collect();
        let mut text = String::new();
        grid(&mut text, "", 40, &values);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 21, "{text}");
        assert!(lines[0].starts_with("|@@  ") && lines[0].len() == 42 && lines[19].ends_with("  @@|"), "{text}");
        assert_eq!(lines[20], "(from 0 where it is blank to 0.5 at @; each mark is the mean of 2 x 2 numbers)");
    }
}
