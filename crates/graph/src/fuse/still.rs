//! Stillness: where the product of a region is zero, do all of its results stay as they lie in their slots? Then what a product leaves at zero,
//! as rows of a table that no index names, need not be visited at all.
//!
//! Nothing here knows an optimizer: zero is put in place of the product and followed through the region, to the bit. With plain gradient descent
//! `w - rate * 0` is `w`, for every `w`, as long as the rate is finite and its sign is positive (`-0 - (-0)` is 0); what must hold of numbers
//! that only a run knows is returned as a condition.

use super::{Access, Edge, Fused, Place, Region, Update};
use crate::{BinaryOp, DType, Literal, NodeId, Op, SlotId, UnaryOp};
use std::collections::BTreeMap;

/// One number in memory: a node that lies there, and the word within it.
pub type Number = (NodeId, usize);

/// What is known of a value at every point where the product is zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    /// Nothing.
    Nothing,
    /// The same bits as the old value of this slot, at the same place.
    Old(SlotId),
    /// A zero.
    Zero { negative: bool },
    /// A finite number with this sign.
    Finite { negative: bool },
}

impl Known {
    fn constant(value: Literal) -> Self {
        let Literal::F32(bits) = value else { return Self::Nothing };
        let (x, negative) = (f32::from_bits(bits), bits >> 31 == 1);
        match () {
            () if x == 0.0 => Self::Zero { negative },
            () if x.is_finite() => Self::Finite { negative },
            () => Self::Nothing,
        }
    }

    fn negated(self) -> Self {
        match self {
            Self::Zero { negative } => Self::Zero { negative: !negative },
            Self::Finite { negative } => Self::Finite { negative: !negative },
            Self::Old(_) | Self::Nothing => Self::Nothing,
        }
    }

    /// A product. That of finite numbers may overflow, and nothing is known of it.
    fn times(self, other: Self) -> Self {
        match (self, other) {
            (Self::Zero { negative: a }, Self::Zero { negative: b } | Self::Finite { negative: b })
            | (Self::Finite { negative: a }, Self::Zero { negative: b }) => Self::Zero { negative: a != b },
            _ => Self::Nothing,
        }
    }

    /// A sum: only the negative zero changes nothing, `-0 + 0` is 0. That a product before it may be rounded together with the sum
    /// makes no difference, since the product is a zero.
    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Zero { negative: a }, Self::Zero { negative: b }) => Self::Zero { negative: a && b },
            (x, Self::Zero { negative: true }) | (Self::Zero { negative: true }, x) => x,
            _ => Self::Nothing,
        }
    }
}

impl Fused {
    /// The numbers in memory which must be finite and of positive sign for this to hold: wherever the product of the region is (positive) zero,
    /// every result is what its slot holds already, and goes nowhere else. `None` where that cannot be shown.
    pub fn still(&self, region: &Region) -> Option<Vec<Number>> {
        let product = region.product()?;
        let mut numbers = Vec::new();
        let mut known = BTreeMap::from([(product, Known::Zero { negative: false })]);
        for m in region.members.iter().filter(|m| m.node != product) {
            let of = if m.place == Place::Full && !self.is_copy(m.node) && self.graph.ty(m.node).dtype == DType::F32 {
                let edges = self.edges(region, m.node)?;
                let operands: Vec<Known> = edges.iter().map(|e| self.known(e, &known, &mut numbers)).collect();
                match (self.graph.node(m.node).op, &operands[..]) {
                    (Op::Unary(UnaryOp::Neg), [x]) => x.negated(),
                    (Op::Binary(BinaryOp::Mul), [x, y]) => x.times(*y),
                    (Op::Binary(BinaryOp::Add), [x, y]) => x.plus(*y),
                    (Op::Binary(BinaryOp::Sub), [x, y]) => x.plus(y.negated()),
                    _ => Known::Nothing,
                }
            } else {
                Known::Nothing
            };
            known.insert(m.node, of);
        }
        let named = |n: NodeId| self.graph.outputs().values.iter().any(|v| self.memory_of(v.1).is_none_or(|v| v.base == n));
        let stays = |n: &NodeId| {
            let Some(Known::Old(slot)) = known.get(n) else { return false };
            let mut updates =
                self.updates.iter().filter(|u| matches!(u, Update::InPlace { node, .. } | Update::Copy { node, .. } if node == n));
            let there = updates.next().is_some_and(|u| matches!(u, Update::InPlace { slot: s, .. } if s == slot));
            there && updates.next().is_none() && !named(*n)
        };
        region.outputs.iter().all(stays).then_some(numbers)
    }

    fn known(&self, edge: &Edge, known: &BTreeMap<NodeId, Known>, numbers: &mut Vec<Number>) -> Known {
        match edge {
            Edge::Value(n) => known.get(n).copied().unwrap_or(Known::Nothing),
            Edge::Const(value) => Known::constant(*value),
            Edge::Load(v) if self.graph.ty(v.base).dtype == DType::F32 => match (v.access(), self.graph.node(v.base).op) {
                (Access::Scalar, _) => {
                    if !numbers.contains(&(v.base, v.offset)) {
                        numbers.push((v.base, v.offset));
                    }
                    Known::Finite { negative: false }
                }
                (Access::Direct, Op::State { slot, .. }) if v.len() == self.graph.ty(v.base).len() => Known::Old(slot),
                _ => Known::Nothing,
            },
            Edge::Load(_) | Edge::Expand(_) => Known::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::CompileOptions;
    use crate::{Builder, Shape, TensorType, Var, fuse};

    /// The numbers that must be finite, by name, for an update of a table `w` with memory `m`, a rate and a gradient by three indices.
    fn still(update: impl for<'g> Fn(&'g Builder, [Var<'g>; 4]) -> (Var<'g>, Option<Var<'g>>)) -> Option<Vec<String>> {
        let b = Builder::new();
        let ty = TensorType::f32([1, 5, 2]);
        let (w, m) = (b.state(SlotId(0), "w", ty), b.state(SlotId(1), "m", ty));
        let rate = b.input("rate", TensorType::f32(Shape::SCALAR));
        let (values, at) = (b.input("values", TensorType::f32([1, 3, 2])), b.input("at", TensorType::i32([1, 3])));
        let (w, m) = update(&b, [w, m, rate, values.scatter_add(at, 5)]);
        b.update(SlotId(0), w);
        if let Some(m) = m {
            b.update(SlotId(1), m);
        }
        let fused = fuse::fuse(&b.finish().unwrap(), &CompileOptions::default()).unwrap();
        let region = fused.regions.iter().find(|r| r.product().is_some()).unwrap();
        let name = |(n, _): Number| match fused.graph.node(n).op {
            Op::Input { id, .. } => fused.graph.inputs()[id.index()].name.clone(),
            _ => format!("%{}", n.0),
        };
        fused.still(region).map(|numbers| numbers.into_iter().map(name).collect())
    }

    #[test]
    fn plain_descent_leaves_alone_what_has_no_gradient() {
        let rate = Some(vec!["rate".to_string()]);
        assert_eq!(still(|_, [w, _, rate, g]| (w - g * rate, None)), rate);
        assert_eq!(still(|_, [w, _, rate, g]| (w + -(rate * (g * 0.5)), None)), rate);
        assert_eq!(still(|_, [w, _, rate, g]| (w + g * -rate.exp(), None)).map(|n| n.len()), None); // -rate lies in memory, its sign is not known
        assert_eq!(still(|_, [w, _, _, g]| (w - g * 0.5, None)), Some(vec![]));
    }

    #[test]
    fn what_moves_without_a_gradient_is_visited() {
        // The sign of a zero would change.
        assert_eq!(still(|_, [w, _, rate, g]| (w + g * rate, None)), None);
        assert_eq!(still(|_, [w, _, _, g]| (w - g * -0.5, None)), None);
        // Decay, momentum, another slot's value, a number that may be infinite.
        assert_eq!(still(|_, [w, _, rate, g]| (w * 0.9 - g * rate, None)), None);
        assert_eq!(still(|_, [w, m, rate, g]| (w - (m * 0.9 + g) * rate, Some(m * 0.9 + g))), None);
        assert_eq!(still(|_, [_, m, rate, g]| (m - g * rate, None)), None);
        assert_eq!(still(|_, [w, _, rate, g]| (w - g * (w * rate), None)), None);
        // A second result that is not the slot's.
        assert_eq!(
            still(|b, [w, _, rate, g]| {
                b.output("gradient", g);
                (w - g * rate, None)
            }),
            None
        );
        assert_eq!(
            still(|b, [w, _, rate, g]| {
                b.output("new", w - g * rate);
                (w - g * rate, None)
            }),
            None
        );
        // Sums that are rounded before they are added.
        assert_eq!(still(|_, [w, _, rate, g]| (w - (g + 1e-7) * rate, None)), None);
    }
}
