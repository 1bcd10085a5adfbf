//! Where a network does not fit together: the layers up to there with the shapes of their results, and what to try.

use super::input::dims_text;
use super::{Call, InputSpec, Network};
use adaline_graph::{GraphError, Shape};
use std::fmt;

/// Layers shown before the one that does not fit.
const SHOWN: usize = 8;

/// Sizes, the batch first, none where a size is open.
type Sizes = Vec<Option<usize>>;

/// A layer that does not fit what it is called on.
#[derive(Debug)]
pub struct Unfit {
    /// What the layer says.
    pub source: GraphError,
    /// Inputs and layers before it in the order in which they are called: path, class, shapes of the results with `None` for the batch.
    pub before: Vec<(String, String, String)>,
    /// Path of the layer.
    pub layer: String,
    /// Its class.
    pub class: String,
    /// What it is called on: shape, and name of the layer that gives it.
    pub takes: Vec<(String, String)>,
    /// What to try, where that is known.
    pub advice: Option<String>,
}

impl std::error::Error for Unfit {}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nThe layers up to there, and the shapes of what they give:", self.source)?;
        let left_out = self.before.len().saturating_sub(SHOWN);
        if left_out > 0 {
            write!(f, "\n  ({left_out} more before these)")?;
        }
        let shown = &self.before[left_out..];
        let label = |path: &str, class: &str| format!("{path} ({class})");
        let last = label(&self.layer, &self.class);
        let width =
            shown.iter().map(|(path, class, _)| label(path, class)).chain([last.clone()]).map(|l| l.chars().count()).max().unwrap_or(0);
        for (path, class, shape) in shown {
            write!(f, "\n  {:width$}  {shape}", label(path, class))?;
        }
        let takes: Vec<String> = self.takes.iter().map(|(shape, from)| format!("{shape} of `{from}`")).collect();
        write!(f, "\n  {last:width$}  does not fit {}", takes.join(" and "))?;
        self.advice.as_ref().map_or(Ok(()), |advice| write!(f, "\nWhat to try: {advice}."))
    }
}

/// Shapes of one call in a network.
pub(crate) struct Recorded {
    /// Path of the layer.
    pub(crate) path: String,
    pub(crate) class: &'static str,
    /// Number of its call.
    pub(crate) number: usize,
    pub(crate) inputs: Vec<Shape>,
    pub(crate) results: Vec<Shape>,
}

/// The first call that did not fit.
pub(crate) struct Misfit {
    path: String,
    class: &'static str,
    /// Shapes that it was called on, each with the name of the layer that gives it.
    takes: Vec<(Shape, String)>,
}

/// All calls of a trace up to the first that did not fit.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) fitting: Vec<Recorded>,
    pub(crate) misfit: Option<Misfit>,
}

impl Calls {
    /// Keeps one more, of a network within `above`. After the first that failed all others are fillers.
    pub(crate) fn add(&mut self, above: &str, net: &Network, call: &Call, inputs: Vec<Shape>, results: Vec<Shape>, failed: bool) {
        if self.misfit.is_some() {
            return;
        }
        let named = &net.layers[call.layer];
        let path = if above.is_empty() { named.name.clone() } else { format!("{above}/{}", named.name) };
        let class = named.layer.class_name();
        if failed {
            let takes = inputs.into_iter().zip(&call.inputs).map(|(shape, &value)| (shape, net.origin(value).0.to_owned())).collect();
            self.misfit = Some(Misfit { path, class, takes });
        } else {
            self.fitting.push(Recorded { path, class, number: call.number, inputs, results });
        }
    }
}

/// Sizes that are the same in traces at two sizes, and none where they differ, as Keras finds open ones.
pub(crate) fn open_sizes(a: &Shape, b: &Shape) -> Sizes {
    a.dims().iter().zip(b.dims()).map(|(a, b)| (a == b).then_some(*a)).collect()
}

/// The error of a trace, with the calls of it and of another at other sizes.
pub(crate) fn unfit(source: GraphError, inputs: &[InputSpec], calls: &Calls, others: &Calls) -> Result<Unfit, GraphError> {
    let Some(misfit) = &calls.misfit else { return Err(source) };
    // A trace at other sizes need not end at the same place.
    let sizes = |shape: &Shape, other: Option<&Shape>| match other.filter(|other| other.rank() == shape.rank()) {
        Some(other) => open_sizes(shape, other),
        None => shape.dims().iter().enumerate().map(|(axis, &d)| (axis > 0).then_some(d)).collect(),
    };
    let text = |sizes: &Sizes| dims_text(sizes.iter().copied());
    let input = |i: &InputSpec| (i.name.clone(), "Input".into(), dims_text([i.batch].into_iter().chain(i.row.iter().copied())));
    let mut before: Vec<(String, String, String)> = inputs.iter().map(input).collect();
    for (at, call) in calls.fitting.iter().enumerate() {
        // What is within a network that fits as a whole is not of interest.
        let around = call.path.rsplit_once('/').map_or("", |(around, _)| around);
        if !around.is_empty() && !misfit.path.strip_prefix(around).is_some_and(|rest| rest.starts_with('/')) {
            continue;
        }
        let other = others.fitting.get(at).filter(|other| other.path == call.path);
        let result = |(i, shape)| text(&sizes(shape, other.and_then(|o| o.results.get(i))));
        let results: Vec<String> = call.results.iter().enumerate().map(result).collect();
        before.push((call.path.clone(), call.class.into(), results.join(" and ")));
    }
    let other = others.misfit.as_ref().filter(|other| other.path == misfit.path);
    let taken: Vec<Sizes> =
        misfit.takes.iter().enumerate().map(|(i, (s, _))| sizes(s, other.and_then(|o| o.takes.get(i)).map(|t| &t.0))).collect();
    let giver = |name: &str| calls.fitting.iter().rev().find(|c| c.path.rsplit('/').next() == Some(name)).map_or("Input", |c| c.class);
    let from: Vec<(&str, &str)> = misfit.takes.iter().map(|(_, name)| (name.as_str(), giver(name))).collect();
    Ok(Unfit {
        advice: advice(misfit.class, &taken, &from, matches!(source, GraphError::Shape(_))),
        source,
        before,
        layer: misfit.path.clone(),
        class: misfit.class.into(),
        takes: taken.iter().map(text).zip(misfit.takes.iter().map(|(_, name)| name.clone())).collect(),
    })
}

/// What to try: for the class of the layer, the sizes it is called on, and names and classes of the layers that give them. `operation`: not the
/// layer refused, but an operation within it.
fn advice(class: &str, taken: &[Sizes], from: &[(&str, &str)], operation: bool) -> Option<String> {
    let (row, &(giver, giver_class)) = (taken.first()?.get(1..)?, from.first()?);
    // `[28, 28, 1]` with sizes added, `height` and the like where they are open.
    let reshape = |row: &[Option<usize>], more: &[usize]| {
        let sizes: Option<Vec<usize>> = row.iter().copied().chain(more.iter().map(|&m| Some(m))).collect();
        sizes.map_or_else(|| "Reshape".to_owned(), |sizes| format!("Reshape({sizes:?})"))
    };
    let recurrent = |class: &str| matches!(class, "LSTM" | "GRU" | "SimpleRNN" | "RNN" | "Bidirectional");
    let sequence = |what: &str| match row.len() {
        1 if recurrent(giver_class) => {
            Some(format!("return_sequences(true) for `{giver}`, so that it gives all steps, not the last alone"))
        }
        1 => Some(format!("{} before it, {what}; Embedding makes such rows of word numbers", reshape(row, &[1]))),
        2.. => Some("TimeDistributed(Flatten) before it, which makes one list of the numbers of each step".into()),
        0 => None,
    };
    let axes =
        (1..=3).find(|n| class.contains(&format!("{n}D"))).filter(|_| !class.starts_with("ConvLSTM") && !class.starts_with("Global"));
    match (class, axes) {
        (_, Some(axes)) if row.len() == axes + 1 => operation.then(|| {
            format!(
                "padding \"same\", a smaller window (`kernel_size`, `pool_size`, `cropping`), or fewer layers before it that make {} smaller",
                if axes == 1 { "sequences" } else { "pictures" }
            )
        }),
        (_, Some(1)) if row.len() == 1 => sequence("a sequence of single numbers"),
        (_, Some(axes)) if row.len() == axes => {
            Some(format!("{} before it, or as the shape of the input: the last axis is that of the channels, 1 for grey", reshape(row, &[1])))
        }
        (_, Some(axes)) if row.len() == 1 => {
            let shape = ["steps", "height, width", "depth, height, width"].get(axes - 1)?;
            let place = match giver_class {
                "Flatten" | "Dense" => format!("`{giver}` behind the layers that need pictures, or "),
                _ if giver_class.starts_with("Global") => format!("`{giver}` behind the layers that need pictures, or "),
                _ => String::new(),
            };
            Some(format!("{place}Reshape([{shape}, channels]) before it"))
        }
        (_, Some(_)) if row.len() > 1 => Some(format!("TimeDistributed({class}) for a picture in each step, or Reshape before it")),
        ("MultiHeadAttention" | "GroupQueryAttention" | "Attention" | "AdditiveAttention", _) if row.len() == 1 => {
            sequence("a sequence of single numbers")
        }
        (class, _) if recurrent(class) => sequence("a sequence of single numbers"),
        ("Add" | "Subtract" | "Multiply" | "Average" | "Maximum" | "Minimum", _) => {
            let (other, second) = taken.iter().zip(from).skip(1).find(|(sizes, _)| **sizes != taken[0])?;
            match (other.len() == taken[0].len(), taken[0].last()?, second) {
                (true, &Some(size), (name, "Dense")) if other.last() != taken[0].last() => {
                    Some(format!("{size} units for `{name}`, as many as `{giver}` gives"))
                }
                (true, &Some(size), (name, of)) if of.starts_with("Conv") && other.last() != taken[0].last() => {
                    Some(format!("{size} filters for `{name}`, as many as `{giver}` gives"))
                }
                (true, ..) => Some("padding \"same\" and equal strides in both branches, and equal `units` or `filters` at their ends".into()),
                _ => Some("Flatten, Reshape or global pooling at the end of the branch that has more axes".into()),
            }
        }
        ("Concatenate", _) => {
            Some("Flatten or global pooling at the ends of the branches, or padding \"same\" and equal strides in them".into())
        }
        ("Reshape", _) => {
            let size: usize = row.iter().copied().product::<Option<usize>>()?;
            Some(format!("a `target_shape` whose sizes multiply to {size}, or -1 for the one that follows from the others"))
        }
        ("RepeatVector", _) if row.len() > 1 => Some("Flatten before it".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::layers::{Add, Concatenate, Conv2D, Dense, Flatten, Input, LSTM, MaxPooling2D, Padding, Reshape};
    use crate::{Apply, Error, Functional, Layer, Seed, Sequential};
    use adaline_graph::reference::Reference;
    use std::sync::Arc;

    fn error_of(layers: Vec<Box<dyn Layer>>) -> String {
        let error = Sequential::of(layers).build_on(Arc::new(Reference::default()), Seed(0)).unwrap_err();
        assert!(matches!(error, Error::Unfit(_)), "{error}");
        error.to_string()
    }

    fn try_of(layers: Vec<Box<dyn Layer>>) -> String {
        let text = error_of(layers);
        text.rsplit_once("\nWhat to try: ").unwrap_or_else(|| panic!("{text}")).1.to_owned()
    }

    #[test]
    fn the_layers_up_to_the_one_that_does_not_fit_are_shown() {
        let text = error_of(vec![
            Input::new([28, 28]).into(),
            Dense::new(16).into(),
            Conv2D::new(8, [3, 3]).name("eyes").into(),
            Flatten::new().into(),
        ]);
        assert_eq!(
            text,
            "layer `eyes`: Conv2D needs an input (batch, height, width, channels) of rank 4, got shape [2, 28, 16]; try a Reshape before it\n\
             The layers up to there, and the shapes of what they give:\n  \
               input_layer (Input)  (None, 28, 28)\n  \
               dense (Dense)        (None, 28, 16)\n  \
               eyes (Conv2D)        does not fit (None, 28, 16) of `dense`\n\
             What to try: Reshape([28, 16, 1]) before it, or as the shape of the input: the last axis is that of the channels, 1 for grey."
        );
    }

    #[test]
    fn open_sizes_and_networks_within_are_shown_as_they_are() {
        let inner = Sequential::new().name("body").add(Dense::new(4)).add(Reshape::new([3]));
        let before = Sequential::new().name("head").add(Dense::new(6)).add(Dense::new(5));
        let text = error_of(vec![Input::with_batch_shape([None, None, Some(3)]).into(), before.into(), inner.into()]);
        let (_, chain) = text.split_once("give:\n").unwrap();
        assert_eq!(
            chain,
            "  input_layer (Input)     (None, None, 3)\n  \
               head (Sequential)       (None, None, 5)\n  \
               body/dense (Dense)      (None, None, 4)\n  \
               body/reshape (Reshape)  does not fit (None, None, 4) of `dense`"
        );
    }

    #[test]
    fn a_long_chain_is_cut() {
        let mut layers: Vec<Box<dyn Layer>> = vec![Input::new([6]).into()];
        layers.extend((0..10).map(|_| Box::from(Dense::new(6))));
        layers.push(Reshape::new([4]).into());
        let text = error_of(layers);
        assert!(text.contains("give:\n  (3 more before these)\n  dense_2 (Dense)    (None, 6)\n"), "{text}");
        assert!(
            text.ends_with("What to try: a `target_shape` whose sizes multiply to 6, or -1 for the one that follows from the others."),
            "{text}"
        );
    }

    #[test]
    fn what_to_try_follows_from_the_layer_and_what_it_is_given() {
        let picture = || Box::<dyn Layer>::from(Input::new([28, 28, 3]));
        assert_eq!(
            try_of(vec![picture(), Flatten::new().into(), Conv2D::new(8, [3, 3]).into()]),
            "`flatten` behind the layers that need pictures, or Reshape([height, width, channels]) before it."
        );
        assert_eq!(
            try_of(vec![Input::new([4, 4, 3]).into(), MaxPooling2D::new([2, 2]).into(), Conv2D::new(8, [3, 3]).into()]),
            "padding \"same\", a smaller window (`kernel_size`, `pool_size`, `cropping`), or fewer layers before it that make pictures smaller."
        );
        assert_eq!(
            try_of(vec![Input::new([9, 2]).into(), LSTM::new(4).into(), LSTM::new(4).into()]),
            "return_sequences(true) for `lstm`, so that it gives all steps, not the last alone."
        );
        assert_eq!(
            try_of(vec![Input::new([9]).into(), LSTM::new(4).into()]),
            "Reshape([9, 1]) before it, a sequence of single numbers; Embedding makes such rows of word numbers."
        );
        assert_eq!(
            try_of(vec![Input::new([5, 8, 8, 3]).into(), Conv2D::new(8, [3, 3]).into()]),
            "TimeDistributed(Conv2D) for a picture in each step, or Reshape before it."
        );
    }

    #[test]
    fn branches_that_do_not_meet_are_named() {
        let reference = || Arc::new(Reference::default()) as Arc<_>;
        let x = Input::new([16]).tensor();
        let (a, b) = (Dense::new(8).name("left").apply(&x), Dense::new(4).name("right").apply(&x));
        let sum = Functional::new(&x, &Add::new().apply([&a, &b])).unwrap().build_on(reference(), Seed(0));
        let text = sum.unwrap_err().to_string();
        assert!(text.contains("\n  add (Add)            does not fit (None, 8) of `left` and (None, 4) of `right`\n"), "{text}");
        assert!(text.ends_with("What to try: 8 units for `right`, as many as `left` gives."), "{text}");

        let x = Input::new([8, 8, 1]).tensor();
        let (a, b) = (Conv2D::new(4, [3, 3]).apply(&x), Conv2D::new(4, [3, 3]).padding(Padding::Same).apply(&x));
        let both = Functional::new(&x, &Concatenate::new().apply([&a, &b])).unwrap().build_on(reference(), Seed(0));
        let text = both.unwrap_err().to_string();
        assert!(
            text.ends_with(
                "What to try: Flatten or global pooling at the ends of the branches, or padding \"same\" and equal strides in them."
            ),
            "{text}"
        );
    }
}
