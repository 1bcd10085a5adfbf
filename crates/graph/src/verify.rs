//! Well-formedness: the rules that every graph keeps, checked independently of the code that keeps them.

use crate::{DType, Graph, GraphError, Node, NodeId, Op, TensorType, infer};
use std::collections::HashSet;

/// How far a graph has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// As built, gradients included.
    Built,
    /// After [`crate::pass::simplify`]: no [`Op::StopGradient`] is left.
    Simplified,
}

/// Checks that nodes use earlier nodes only, that types are those that inference gives, that no two nodes are equal, that inputs and
/// slots are declared with the types used, and that outputs and updates exist and fit. A violation is a defect of a pass, not of a
/// user's model.
pub fn verify(graph: &Graph, stage: Stage) -> Result<(), GraphError> {
    let mut seen = HashSet::new(); // looked up, never iterated
    for (at, node) in graph.nodes().iter().enumerate() {
        let fail = |message: String| Err(GraphError::Malformed { node: at, message });
        if let Some(late) = node.inputs.iter().find(|i| i.index() >= at) {
            return fail(format!("{} uses node {}, which is not before it", node.op.name(), late.index()));
        }
        let types: Vec<TensorType> = node.inputs.iter().map(|&i| graph.ty(i)).collect();
        match infer(node.op, &types) {
            Err(e) => return fail(e.to_string()),
            Ok(ty) if ty != node.ty => return fail(format!("{} is {ty} but says {}", node.op.name(), node.ty)),
            Ok(_) => {}
        }
        if let Err(e) = graph.fits_body(&node.op, &types) {
            return fail(e.to_string());
        }
        if !seen.insert((node.op, node.inputs.clone())) {
            return fail(format!("{} stands twice with the same inputs", node.op.name()));
        }
        if let Err(message) = declared(graph, node) {
            return fail(message);
        }
        if stage == Stage::Simplified && node.op == Op::StopGradient {
            return fail("stop_gradient is left after simplification".into());
        }
    }
    results(graph)
}

/// Whether an input, a slot or a body that a node reads is declared, with its type.
fn declared(graph: &Graph, node: &Node) -> Result<(), String> {
    match node.op {
        Op::Input { id, ty } => match graph.inputs().get(id.index()) {
            None => Err(format!("reads input {}, which is not declared", id.index())),
            Some(d) if d.ty != ty => Err(format!("reads input `{}` as {ty}; it is declared as {}", d.name, d.ty)),
            Some(_) => Ok(()),
        },
        Op::Scan { body, .. } => verify(graph.body(body).graph(), Stage::Built).map_err(|e| format!("its body: {e}")),
        Op::State { slot, ty } => match graph.slots().iter().find(|s| s.slot == slot) {
            None => Err(format!("reads slot {}, which is not declared", slot.0)),
            Some(s) if s.ty != ty => Err(format!("reads slot `{}` as {ty}; it is declared as {}", s.name, s.ty)),
            Some(s) if s.ty.dtype == DType::Bool => Err(format!("reads slot `{}` of truth values; slots are f32 or i32", s.name)),
            Some(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Outputs and updates.
fn results(graph: &Graph) -> Result<(), GraphError> {
    let exists = |what: &str, n: NodeId| {
        let message = || format!("{what} is a node that does not exist");
        graph.nodes().get(n.index()).ok_or_else(|| GraphError::Malformed { node: n.index(), message: message() })
    };
    for (name, n) in &graph.outputs().values {
        exists(&format!("output `{name}`"), *n)?;
    }
    for (i, (slot, n)) in graph.outputs().updates.iter().enumerate() {
        let node = exists(&format!("the update of slot {}", slot.0), *n)?;
        let fail = |message: String| Err(GraphError::Malformed { node: n.index(), message });
        if graph.outputs().updates[..i].iter().any(|(s, _)| s == slot) {
            return fail(format!("slot {} is updated twice", slot.0));
        }
        if let Some(s) = graph.slots().iter().find(|s| s.slot == *slot)
            && s.ty != node.ty
        {
            return fail(format!("updates slot `{}` of type {} with {}", s.name, s.ty, node.ty));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, InputId, Outputs, Shape, SlotId, UnaryOp};

    fn text(stage: Stage, make: impl FnOnce(&mut Graph, NodeId)) -> String {
        let mut g = Graph::new();
        let x = g.add_input("x", TensorType::f32([2]));
        make(&mut g, x);
        verify(&g, stage).map_or_else(|e| e.to_string(), |()| "ok".into())
    }

    #[test]
    fn every_broken_rule_is_named() {
        let exp = Op::Unary(UnaryOp::Exp);
        assert_eq!(text(Stage::Simplified, |g, x| drop(g.add(exp, &[x]))), "ok");
        assert_eq!(text(Stage::Built, |g, x| drop(g.add(Op::StopGradient, &[x]))), "ok");
        type Break = fn(&mut Graph, NodeId);
        let cases: [(&str, Break); 11] = [
            ("node 1: stop_gradient is left after simplification", |g, x| drop(g.add(Op::StopGradient, &[x]))),
            ("node 1: reads input 7, which is not declared", |g, _| {
                drop(g.add(Op::Input { id: InputId(7), ty: TensorType::f32([2]) }, &[]));
            }),
            ("node 1: reads input `x` as f32[3]; it is declared as f32[2]", |g, _| {
                drop(g.add(Op::Input { id: InputId(0), ty: TensorType::f32([3]) }, &[]));
            }),
            ("node 1: reads slot 4, which is not declared", |g, _| {
                drop(g.add(Op::State { slot: SlotId(4), ty: TensorType::f32([2]) }, &[]));
            }),
            ("node 2: reads slot `s` as i32[2]; it is declared as f32[2]", |g, _| {
                g.add_state(SlotId(4), "s", TensorType::f32([2]));
                g.add_state(SlotId(4), "s", TensorType::i32([2]));
            }),
            ("node 1: reads slot `s` of truth values; slots are f32 or i32", |g, _| {
                g.add_state(SlotId(4), "s", TensorType::bool([2]));
            }),
            ("node 9: output `y` is a node that does not exist", |g, _| g.add_output("y", NodeId(9))),
            ("node 9: the update of slot 1 is a node that does not exist", |g, _| g.add_update(SlotId(1), NodeId(9))),
            ("node 0: updates slot `s` of type f32[] with f32[2]", |g, x| {
                g.add_state(SlotId(1), "s", TensorType::f32(Shape::SCALAR));
                g.add_update(SlotId(1), x);
            }),
            ("node 0: slot 1 is updated twice", |g, x| {
                g.set_outputs(Outputs { values: Vec::new(), updates: vec![(SlotId(1), x), (SlotId(1), x)] });
            }),
            ("node 1: exp is f32[2] but says f32[5]", |g, x| {
                let e = g.add(Op::Unary(UnaryOp::Exp), &[x]).unwrap();
                g.node_mut(e).ty = TensorType::f32([5]);
            }),
        ];
        for (expected, make) in cases {
            assert_eq!(text(Stage::Simplified, make), format!("graph is not well formed at {expected}"));
        }
        assert_eq!(
            text(Stage::Built, |g, x| {
                let e = g.add(exp, &[x]).unwrap();
                g.node_mut(e).inputs[0] = e;
            }),
            "graph is not well formed at node 1: exp uses node 1, which is not before it"
        );
        assert_eq!(
            text(Stage::Built, |g, x| {
                g.add(exp, &[x]).unwrap();
                let other = g.add(Op::Unary(UnaryOp::Tanh), &[x]).unwrap();
                g.node_mut(other).op = exp;
            }),
            "graph is not well formed at node 2: exp stands twice with the same inputs"
        );
    }

    #[test]
    fn what_the_builder_makes_is_well_formed() {
        let b = Builder::new();
        let x = b.input("x", TensorType::f32([3, 4]));
        let loss = x.softmax(-1).log().mean(&[], false);
        let dx = b.with_graph(|g| crate::grad::gradients(g, loss.id(), &[x.id()])).unwrap()[0];
        b.output("dx", b.var(dx));
        let g = b.finish().unwrap();
        verify(&g, Stage::Built).unwrap();
        let small = crate::pass::pipeline(&g, &crate::backend::CompileOptions::default()).unwrap();
        verify(&small, Stage::Simplified).unwrap();
        assert!(small.nodes().len() < g.nodes().len());
    }
}
