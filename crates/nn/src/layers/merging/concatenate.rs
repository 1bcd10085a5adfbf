//! Tensors side by side.

use super::{any_of_last, shapes};
use crate::{
    Layer, Trace,
    keras::KerasObject,
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::{Literal, Var, concat};
use serde::{Deserialize, Serialize};

/// Its inputs one after the other along an axis, by default the last; all other axes are of one size.
///
/// The result has a mask where any input has one; without a mask all of an input counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Concatenate {
    common: LayerCommon,
    axis: isize,
}

impl Default for Concatenate {
    fn default() -> Self {
        Self { common: LayerCommon::default(), axis: -1 }
    }
}

layer_builder!(Concatenate, "Concatenate", []);

impl Concatenate {
    /// Along the last axis.
    pub fn new() -> Self {
        Self::default()
    }
    /// Along this axis, the batch axis 0 excluded.
    pub fn axis(mut self, axis: isize) -> Self {
        self.axis = axis;
        self
    }
}

impl KerasObject for Concatenate {
    layer_identity!("Concatenate");
}

impl Layer for Concatenate {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let Some(first) = inputs.first().map(|x| x.shape()) else {
            return cx.builder().error("Concatenate takes one input or more, got none");
        };
        let Some(along) = first.axis(self.axis).filter(|&a| a > 0) else {
            return cx.builder().error(format!(
                "Concatenate needs an axis after the batch axis, but `axis` is {} and the inputs have shapes {}; try -1, the last",
                self.axis,
                shapes(inputs)
            ));
        };
        let fits = |x: &Var<'g>| x.rank() == first.rank() && x.shape().with_dim(along, 1) == first.with_dim(along, 1);
        if !inputs.iter().all(fits) {
            return cx
                .builder()
                .error(format!("Concatenate along axis {along} needs inputs of one size along all others, got shapes {}", shapes(inputs)));
        }
        let parts: Vec<Var<'g>> = inputs.iter().map(|&x| cx.compute(x)).collect();
        concat(cx.builder(), &parts, along as isize)
    }
    fn mask<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>], _: Option<Var<'g>>) -> Option<Var<'g>> {
        if cx.builder().failed() || cx.masks().iter().all(Option::is_none) {
            return None;
        }
        let all = cx.masks().iter().copied().chain(std::iter::repeat(None));
        // (B, T), or an entry for each element, of each input
        let masks: Vec<Var<'g>> = inputs
            .iter()
            .zip(all)
            .map(|(x, mask)| {
                let Some(mask) = mask else { return cx.builder().constant(Literal::Bool(true), x.shape()) };
                if mask.rank() < x.rank() { mask.expand_dims(-1).broadcast_to(x.shape()) } else { mask }
            })
            .collect();
        Some(any_of_last(concat(cx.builder(), &masks, self.axis)))
    }
}
