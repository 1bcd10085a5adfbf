//! What a convolutional network looks for and sees: its first filters, one picture layer by layer, and where predicted classes come from.

use super::story::{THUMBNAIL, thumbnail};
use super::train::Trained;
use crate::error::CliError;
use crate::maps::{Maps, class_activation, is_convolution, is_pooling};
use crate::measure::{Outcome, choose};
use crate::problem::{Kind, Problem};
use adaline::data::{DType, RowSource, Tensor};
use adaline::nn::Model;
use adaline::nn::keras::KerasObject;
use adaline::nn::model::Inspection;
use adaline::report::figure::Image;
use adaline::report::html::{ClassActivation, Convolutions, FeatureMaps, Filters, LayerMaps};

/// Filters shown.
const FILTERS: usize = 32;
/// Maps shown of each layer, layers shown, and the longest side of a map in the report, about.
const MAPS: usize = 16;
const LAYERS: usize = 12;
const SIDE: usize = 48;
/// Right predictions of which it is shown where they come from, each of another class, and wrong ones, the most confident first.
const RIGHT: usize = 5;
const WRONG: usize = 3;

/// Rows that were measured, and where they are.
pub(super) enum Measured {
    /// Rows of the data.
    Rows(Vec<usize>),
    /// The test set that came with the data.
    OwnTest,
    /// All rows in turn, by networks that are gone.
    Folds,
}

/// A picture with its class and as the network takes it.
struct Example {
    image: Image,
    input: Vec<f32>,
    class: usize,
}

/// All of it, when the network has convolutions of images and the data have classes.
pub(super) fn convolutions(
    problem: &Problem,
    trained: &mut Trained,
    outcome: &Outcome,
    measured: &Measured,
) -> Result<Option<Convolutions>, CliError> {
    if !trained.model.layers().any(|layer| is_convolution(layer.class_name())) {
        return Ok(None);
    }
    let mut told = Convolutions { filters: filters(&trained.model), ..Convolutions::default() };
    let (examples, row_shape) = examples(problem, trained, outcome, measured)?;
    if let (false, Kind::Classes(names)) = (examples.is_empty(), &problem.info.kind) {
        let shape = [&[examples.len()], &row_shape[..]].concat();
        let x = Tensor::f32(shape, examples.iter().flat_map(|e| e.input.iter().copied()).collect())?;
        let output = trained.model.predict(&x)?;
        let chosen: Vec<(usize, f32)> = output.f32_values().chunks(output.row_len().max(1)).map(choose).collect();
        // A single output is the score of the second class.
        let single = output.row_len() == 1;
        let classes: Vec<usize> = chosen.iter().map(|c| if single { 0 } else { c.0 }).collect();
        let look = trained.model.inspect_scores(&x, &classes)?;
        let name = |class: usize| names.get(class).cloned().unwrap_or_default();
        let Some(last) = last_maps(&trained.model, &look) else { return Ok(Some(told)) };
        let mut telling = None;
        for (row, (example, (class, confidence))) in examples.iter().zip(chosen).enumerate() {
            let against = single && class == 0;
            let Some((heat, shape)) = heat(&trained.model, &look, last, row, against) else { continue };
            if heat.iter().any(|&h| h > 0.0) {
                telling = telling.or(Some(row));
            }
            told.activations.push(ClassActivation {
                heated: example.image.heated(&heat, shape),
                image: example.image.clone(),
                truth: name(example.class),
                predicted: name(class),
                confidence: f64::from(confidence),
            });
        }
        // The first in which anything speaks for its class: maps of what a network does not find are empty.
        let shown = telling.unwrap_or(0);
        told.maps = Some(FeatureMaps {
            image: examples[shown].image.clone(),
            class: name(examples[shown].class),
            layers: layers(&trained.model, &look, shown),
        });
        told.method = method(&trained.model, last);
    }
    Ok(Some(told))
}

/// The filters of the first convolution.
fn filters(model: &Model) -> Option<Filters> {
    let first = model.layers().zip(model.layer_names()).find(|(layer, _)| is_convolution(layer.class_name()))?;
    let (_, layer) = Some(first).filter(|(layer, _)| layer.class_name() == "Conv2D")?;
    let kernel = model.weight(&format!("{layer}/kernel")).ok()?;
    let &[height, width, channels, total] = kernel.shape() else { return None };
    let values = kernel.f32_values();
    // Colours only where they are those of the picture.
    let coloured = channels == 3;
    // (H, W, C) of one filter, or its mean over the channels (H, W).
    let filter = |f: usize| -> Vec<f64> {
        let own: Vec<f64> = values.iter().skip(f).step_by(total).map(|&w| f64::from(w)).collect();
        if coloured { own } else { own.chunks_exact(channels).map(|c| c.iter().sum::<f64>() / channels as f64).collect() }
    };
    let shown: Vec<Vec<f64>> = (0..total.min(FILTERS)).map(filter).collect();
    let limit = shown.iter().flatten().fold(0.0, |most: f64, w| most.max(w.abs()));
    let draw = |w: &Vec<f64>| {
        let image = if coloured { Image::signed_colours(height, width, w, limit) } else { Image::signed(height, width, w, limit) };
        image.ok()
    };
    let images: Option<Vec<Image>> = shown.iter().map(draw).collect();
    Some(Filters { layer: layer.into(), size: [height, width], images: images?, total, limit, coloured, channels })
}

/// Pictures to look at, the right predictions first, and the shape of a row.
fn examples(problem: &Problem, trained: &Trained, outcome: &Outcome, measured: &Measured) -> Result<(Vec<Example>, Vec<usize>), CliError> {
    let places = match (measured, &problem.labels) {
        (Measured::Folds, Some(labels)) => firsts(labels.iter().map(|&l| (l, true))),
        (Measured::Folds, None) => Vec::new(),
        (Measured::Rows(_) | Measured::OwnTest, _) => chosen_rows(outcome),
    };
    let take = |rows: &[usize]| -> Result<_, CliError> {
        let own: Vec<usize> = places.iter().filter_map(|&p| rows.get(p).copied()).collect();
        let part = problem.part(&trained.coder, &own)?;
        Ok((problem.raw_pictures(&own)?, part.x.x, part.y))
    };
    let (raw, x, y): (Box<dyn RowSource>, Box<dyn RowSource>, Tensor) = match (measured, problem.own_test()) {
        (Measured::OwnTest, Some((x, y))) => {
            let own = x.take_rows(&places)?;
            (Box::new(own.clone()), Box::new(own), y.take_rows(&places)?)
        }
        (Measured::Rows(rows), _) => take(rows)?,
        (Measured::Folds | Measured::OwnTest, _) => take(&problem.rows)?,
    };
    let labels = y.as_i32().unwrap_or(&[]);
    let mut told = Vec::with_capacity(places.len());
    for (row, &class) in labels.iter().enumerate() {
        let mut input = vec![0.0; x.row_len()];
        x.gather_f32_into(&[row], &mut input)?;
        if let Some(image) = shown(&*raw, row, problem.info.image) {
            told.push(Example { image, input, class: class as usize });
        }
    }
    Ok((told, x.row_shape().to_vec()))
}

/// A row as a picture: bytes as they are, numbers of which the height and width are known stretched to grey.
fn shown(x: &dyn RowSource, row: usize, size: Option<[usize; 2]>) -> Option<Image> {
    if x.dtype() == DType::U8 && x.row_shape().len() == 3 {
        return thumbnail(x, row);
    }
    let [height, width] = size?;
    let mut values = vec![0.0; x.row_len()];
    x.gather_f32_into(&[row], &mut values).ok()?;
    let values: Vec<f64> = values.into_iter().map(f64::from).collect();
    Some(Image::from_values(height, width, &values).ok()?.shrunk(THUMBNAIL))
}

/// The first place of each of the first classes, among those that count.
fn firsts(labels: impl Iterator<Item = (i32, bool)>) -> Vec<usize> {
    let (mut seen, mut places) = (Vec::new(), Vec::new());
    for (place, (label, counts)) in labels.enumerate() {
        if counts && places.len() < RIGHT && !seen.contains(&label) {
            seen.push(label);
            places.push(place);
        }
    }
    places
}

/// The first right prediction of each of the first classes, then the most confident wrong ones.
fn chosen_rows(outcome: &Outcome) -> Vec<usize> {
    let Outcome::Classes { truth, predicted, .. } = outcome else { return Vec::new() };
    let mut places = firsts(truth.iter().zip(predicted).map(|(t, p)| (*t, t == p)));
    places.extend(outcome.mistakes().into_iter().take(WRONG));
    places
}

/// A row's maps after each layer that makes some.
fn layers(model: &Model, look: &Inspection, row: usize) -> Vec<LayerMaps> {
    let makes = |class: &str| is_convolution(class) || is_pooling(class);
    let told = look.layers.iter().filter(|seen| makes(&seen.class)).filter_map(|seen| {
        let layer = model.get_layer(&seen.layer).ok()?;
        let maps = Maps::of(layer, &seen.output, row)?;
        let (low, high) = maps.range();
        let limit = f64::from(low.abs().max(high.abs()));
        let draw = |k| {
            let values: Vec<f64> = maps.channel(k).map(f64::from).collect();
            Some(Image::signed(maps.height, maps.width, &values, limit).ok()?.shrunk(SIDE))
        };
        Some(LayerMaps {
            name: seen.name.clone(),
            kind: seen.class.clone(),
            size: [maps.height, maps.width],
            images: (0..maps.channels.min(MAPS)).filter_map(draw).collect(),
            total: maps.channels,
            limit,
            signed: low < 0.0,
        })
    });
    told.take(LAYERS).collect()
}

/// The last convolution whose maps have more than one place.
fn last_maps(model: &Model, look: &Inspection) -> Option<usize> {
    let has_places = |at: usize| {
        let maps = model.get_layer(&look.layers[at].layer).ok().and_then(|layer| Maps::of(layer, &look.layers[at].output, 0));
        maps.is_some_and(|maps| maps.height * maps.width > 1)
    };
    (0..look.layers.len()).rev().find(|&at| is_convolution(&look.layers[at].class) && has_places(at))
}

/// Where the row's class comes from; with `against`, where it comes from that it is not that of the score.
fn heat(model: &Model, look: &Inspection, layer: usize, row: usize, against: bool) -> Option<(Vec<f64>, [usize; 2])> {
    let seen = &look.layers[layer];
    let own = model.get_layer(&seen.layer).ok()?;
    let maps = Maps::of(own, &seen.output, row)?;
    let mut gradient = Maps::of(own, seen.gradient.as_ref()?, row)?;
    if against {
        gradient.values.iter_mut().for_each(|g| *g = -*g);
    }
    Some((class_activation(&maps, &gradient), [maps.height, maps.width]))
}

/// How the heat is computed, in words.
fn method(model: &Model, layer: usize) -> String {
    let name = model.layer_names().nth(layer).unwrap_or_default();
    let after: Vec<&str> = model.layers().skip(layer + 1).map(KerasObject::class_name).filter(|class| *class != "Dropout").collect();
    if let ["GlobalAveragePooling2D", "Dense"] | ["GlobalAveragePooling2D", "Dense", "Activation" | "Softmax"] = after[..] {
        return format!(
            "How it is computed: a class activation map (Zhou and others, 2016). The network averages each map of {name} and weighs the means \
             to get the score of a class; the map here is the sum of the maps of {name} with the same weights, where it is above 0, stretched \
             to the picture."
        );
    }
    format!(
        "How it is computed: HiResCAM (Draelos and Carin, 2020). Each number of the maps of {name}, the last convolution, is multiplied by how much \
         the score of the class (before the last activation function) grows with it, its gradient. The map here is the sum of these products at \
         each place, where it is above 0, stretched to the picture."
    )
}
