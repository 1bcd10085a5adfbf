//! Several tensors made one, element by element.

mod concatenate;
mod dot;

pub use concatenate::Concatenate;
pub use dot::{Dot, DotAxes};

use super::common::{LayerCommon, layer_builder, layer_identity, layer_methods};
use crate::{Layer, Trace, keras::KerasObject};
use adaline_graph::{DType, Shape, Var};
use serde::{Deserialize, Serialize};

/// What is made of the elements.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Merge {
    Add,
    Subtract,
    Multiply,
    Average,
    Maximum,
    Minimum,
}

macro_rules! merging {
    ($($ty:ident $class:literal $doc:literal),* $(,)?) => {$(
        #[doc = $doc]
        ///
        /// Shapes broadcast: sizes of an axis are equal or 1, and a tensor of fewer axes gets axes of size 1 after the batch axis. The result has a
        /// mask where all inputs have one: a step counts that counts in any of them.
        #[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
        pub struct $ty {
            common: LayerCommon,
        }
        layer_builder!($ty, $class, []);
        impl $ty {
            /// A new layer.
            pub fn new() -> Self {
                Self::default()
            }
        }
        impl KerasObject for $ty {
            layer_identity!($class);
        }
        impl Layer for $ty {
            layer_methods!(masking);
            fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
                Merge::$ty.trace(cx, $class, inputs)
            }
            fn mask<'g>(&self, cx: &mut Trace<'g, '_>, _: &[Var<'g>], _: Option<Var<'g>>) -> Option<Var<'g>> {
                let masks: Vec<Var<'g>> = cx.masks().iter().copied().collect::<Option<_>>()?;
                masks.into_iter().reduce(Var::or)
            }
        }
    )*};
}

merging! {
    Add "Add" "The sum of its inputs.",
    Subtract "Subtract" "The first of two inputs minus the second.",
    Multiply "Multiply" "The product of its inputs, element by element. Masked steps of an input count as ones; where all inputs have masks, the result is 0 where none counts.",
    Average "Average" "The mean of its inputs.",
    Maximum "Maximum" "The largest of its inputs, element by element, of those that are not masked.",
    Minimum "Minimum" "The smallest of its inputs, element by element, of those that are not masked.",
}

impl Merge {
    fn trace<'g>(self, cx: &mut Trace<'g, '_>, class: &str, inputs: &[Var<'g>]) -> Var<'g> {
        let shapes = shapes(inputs);
        if self == Self::Subtract && inputs.len() != 2 {
            return cx.builder().error(format!("{class} takes two inputs, got {}", inputs.len()));
        }
        let Some(&first) = inputs.first() else {
            return cx.builder().error(format!("{class} takes one input or more, got none"));
        };
        let batch = first.dim(0);
        if inputs.iter().any(|x| x.rank() == 0 || x.dim(0) != batch) {
            return cx.builder().error(format!("{class} needs inputs of one batch size, got shapes {shapes}"));
        }
        let rank = inputs.iter().map(|x| x.rank()).max().unwrap_or(0);
        // (B, ..) with axes of size 1 after the batch axis; Keras loses the mask of such an input here.
        let masks = cx.masks().to_vec();
        let wide = inputs.iter().zip(masks.into_iter().chain(std::iter::repeat(None))).map(|(&x, mask)| {
            let mut dims = x.shape().dims().to_vec();
            dims.splice(1..1, std::iter::repeat_n(1, rank - x.rank()));
            (cx.compute(x.reshape(Shape::new(&dims))), mask.filter(|_| x.rank() == rank))
        });
        let wide: Vec<(Var<'g>, Option<Var<'g>>)> = wide.collect();
        let common = wide.iter().try_fold(wide[0].0.shape(), |s, x| Shape::broadcast(&s, &x.0.shape()));
        if common.is_none() {
            return cx.builder().error(format!(
                "{class} needs inputs whose sizes are equal or 1 along each axis, got shapes {shapes}; Concatenate puts different ones side by side"
            ));
        }
        let mut masked = Vec::with_capacity(wide.len());
        for (x, mask) in wide {
            let mask = match mask.filter(|_| matches!(self, Self::Multiply | Self::Maximum | Self::Minimum)) {
                Some(mask) if mask.rank() + 1 != x.rank() => return cx.builder().error(format!(
                    "{class} takes masks with an entry for each place of an input but the last axis, but the input has shape {} and the mask {}",
                    x.shape(),
                    mask.shape()
                )),
                mask => mask.map(|m| m.expand_dims(-1).broadcast_to(x.shape())),
            };
            masked.push((x, mask));
        }
        match self {
            Self::Multiply => multiply(cx, &masked),
            Self::Maximum => extreme(&masked, Var::maximum),
            Self::Minimum => extreme(&masked, Var::minimum),
            Self::Subtract => masked[0].0 - masked[1].0,
            Self::Add | Self::Average => {
                let sum = masked[1..].iter().fold(masked[0].0, |sum, x| cx.compute(sum + x.0));
                if self == Self::Add { sum } else { sum / masked.len() as f32 }
            }
        }
    }
}

/// Masks are of the inputs' shapes.
fn multiply<'g>(cx: &Trace<'g, '_>, inputs: &[(Var<'g>, Option<Var<'g>>)]) -> Var<'g> {
    let number = |v: f32| cx.builder().scalar(v);
    let factors = inputs.iter().map(|&(x, mask)| mask.map_or(x, |m| m.select(x, number(1.0))));
    let product = factors.reduce(|a, b| cx.compute(a * b)).unwrap_or_else(|| number(1.0));
    let any = inputs.iter().map(|x| x.1).collect::<Option<Vec<_>>>().and_then(|masks| masks.into_iter().reduce(Var::or));
    any.map_or(product, |any| any.select(product, number(0.0)))
}

/// Keras' order: an input takes the value so far where it is masked, and so does what was so far.
fn extreme<'g>(inputs: &[(Var<'g>, Option<Var<'g>>)], of: impl Fn(Var<'g>, Var<'g>) -> Var<'g>) -> Var<'g> {
    let (mut y, mut so_far) = inputs[0];
    for &(x, mask) in &inputs[1..] {
        let x = mask.map_or(x, |m| m.select(x, y));
        let kept = so_far.map_or(y, |m| m.select(y, x));
        so_far = so_far.zip(mask).map(|(a, b)| a.or(b));
        y = of(kept, x);
    }
    y
}

/// Shapes for messages.
fn shapes(inputs: &[Var<'_>]) -> String {
    inputs.iter().map(|x| x.shape().to_string()).collect::<Vec<_>>().join(", ")
}

/// Whether any along the last axis is true.
fn any_of_last(mask: Var<'_>) -> Var<'_> {
    mask.cast(DType::F32).max(&[-1], false).gt_scalar(0.5)
}
