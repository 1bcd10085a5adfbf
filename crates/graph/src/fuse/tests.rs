//! What becomes one region, and what does not.

use super::{Kind, Update, fuse};
use crate::backend::CompileOptions;
use crate::{Builder, DType, Distribution, Graph, Shape, SlotId, TensorType, dropout_mask};

/// Kinds of the regions, in order: `l`oop, `r`ows, `c`olumns, `d`ot, `m`ove, `o`paque.
fn kinds(graph: &Graph, disabled: &[&str]) -> String {
    let options = CompileOptions { disabled: disabled.iter().map(|s| (*s).into()).collect(), ..CompileOptions::default() };
    let fused = fuse(graph, &options).unwrap();
    let letter = |k| match k {
        Kind::Loop => 'l',
        Kind::Rows => 'r',
        Kind::Columns => 'c',
        Kind::Product(_) => 'd',
        Kind::Move(_) => 'm',
        Kind::Opaque(_) => 'o',
    };
    fused.regions.iter().map(|r| letter(r.kind)).collect()
}

fn graph(f: impl Fn(&Builder)) -> Graph {
    let b = Builder::new();
    f(&b);
    b.finish().unwrap()
}

#[test]
fn what_follows_a_product_is_its_epilogue() {
    let g = graph(|b| {
        let (x, w) = (b.input("x", TensorType::f32([8, 6])), b.input("w", TensorType::f32([6, 4])));
        b.output("y", (x.matmul(w) + b.input("b", TensorType::f32([4]))).tanh());
    });
    assert_eq!(kinds(&g, &[]), "d");
    assert_eq!(kinds(&g, &["epilogue"]), "dl");
    assert_eq!(kinds(&g, &["fuse"]), "dll");
}

#[test]
fn softmax_is_one_pass_over_rows_and_its_input_is_computed_once() {
    let g = graph(|b| b.output("y", b.input("x", TensorType::f32([32, 10])).tanh().softmax(-1)));
    assert_eq!(kinds(&g, &[]), "r");
    assert!(kinds(&g, &["rows"]).len() > 1);
    // A single row too, though its statistics are totals.
    let g = graph(|b| b.output("y", b.input("x", TensorType::f32([1, 10])).softmax(-1)));
    assert_eq!(kinds(&g, &[]), "r");
}

#[test]
fn sums_down_columns_carry_what_is_done_to_them() {
    let g = graph(|b| {
        let dz = b.input("dz", TensorType::f32([300, 32])) * 2.0;
        let bias = b.state(SlotId(0), "bias", TensorType::f32([32]));
        b.update(SlotId(0), bias - dz.sum(&[0], false) * 0.1);
        b.output("norm", dz.square().sum(&[], false).sqrt());
    });
    assert_eq!(kinds(&g, &[]), "c");
    let fused = fuse(&g, &CompileOptions::default()).unwrap();
    assert!(matches!(fused.updates[..], [Update::InPlace { region: 0, .. }]), "{fused}");
}

#[test]
fn a_result_that_all_rows_need_ends_the_region() {
    // Statistics of a batch: mean, variance, normalisation are three passes.
    let g = graph(|b| {
        let x = b.input("x", TensorType::f32([300, 32]));
        let c = x - x.mean(&[0], true);
        b.output("y", c * (c.square().mean(&[0], true) + 1e-3).rsqrt());
    });
    assert!(kinds(&g, &[]).starts_with("cc"), "{}", kinds(&g, &[]));
}

#[test]
fn updates_wait_for_readers_of_the_old_value_or_are_copied() {
    let ty = TensorType::f32([4, 4]);
    // The product reads the old value, so the update comes later and in place.
    let g = graph(|b| {
        let w = b.state(SlotId(0), "w", ty);
        b.update(SlotId(0), w * 0.5);
        b.output("y", b.input("x", ty).matmul(w));
    });
    let fused = fuse(&g, &CompileOptions::default()).unwrap();
    assert!(matches!(fused.updates[..], [Update::InPlace { region: 1, .. }]), "{fused}");
    // Two slots that change places cannot both be written directly.
    let g = graph(|b| {
        b.update(SlotId(0), b.state(SlotId(1), "b", ty));
        b.update(SlotId(1), b.state(SlotId(0), "a", ty));
    });
    let fused = fuse(&g, &CompileOptions::default()).unwrap();
    assert!(fused.updates.iter().any(|u| matches!(u, Update::Copy { .. })), "{fused}");
    assert!(fused.notes.iter().any(|n| n.contains("not updated in place")), "{fused}");
}

#[test]
fn shape_operations_and_dropout_masks_cost_no_region() {
    let g = graph(|b| {
        let x = b.input("x", TensorType::f32([8, 6]));
        b.output("y", (x.transpose(&[1, 0]).slice(&[(1, 5, 1), (0, 8, 2)]).reverse(&[0]) + 1.0).reshape([16]));
    });
    assert_eq!(kinds(&g, &[]), "l");
    let g = graph(|b| {
        let (seed, step) = (b.input("seed", TensorType::i32([2])), b.input("step", TensorType::i32(Shape::SCALAR)));
        let (x, w) = (b.input("x", TensorType::f32([8, 6])), b.input("w", TensorType::f32([6, 6])));
        let mask = dropout_mask(b, 0.5, 3, Shape::new(&[8, 6]), seed, step);
        let y = (x * mask).matmul(w) * mask; // the mask is made twice, never stored
        b.output("y", y);
        b.output("noise", b.random(Distribution::Normal, 4, [3], seed, step).cast(DType::I32));
    });
    assert_eq!(kinds(&g, &[]).chars().filter(|k| *k == 'l').count(), 2); // x * mask, and the noise
}
