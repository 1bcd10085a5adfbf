//! What acts on weights against real Keras: optimizers, schedules, initializers, regularizers, constraints (`scripts/goldens/updates.py` and
//! `catalogue.py` made the files).

mod support;

use adaline_graph::{Builder, NodeId, Shape, TensorType, Var, eval::Value};
use adaline_nn::{
    Optimizer, catalogue,
    constraints::Constraint,
    initializers::Initializer,
    optimizers::{self, Kept, Phase, Target, Update},
    regularizers::Regularizer,
    schedules::Schedule,
};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use support::{ABSOLUTE, Feed, RELATIVE, close, goldens, gradients, tensor, tensors};

#[test]
fn regularizers_and_their_gradients() {
    for case in [goldens("regularizers"), goldens("update_regularizers")].concat() {
        let (b, mut feed) = (Builder::new(), Feed::default());
        let w = feed.input(&b, &tensor(&case["w"]));
        let penalty = Regularizer::from_json(&case["object"]).unwrap().penalty(w);
        let dw = gradients(&b, penalty, &[w])[0];
        let penalty = penalty.id();
        let run = feed.run(b, &[penalty, dw]);
        let theirs = Value::of(TensorType::f32(Shape::SCALAR), vec![case["penalty"].as_f64().unwrap()]);
        close(&case["object"].to_string(), &run[0], &theirs, RELATIVE, ABSOLUTE);
        close(&case["object"].to_string(), &run[1], &tensor(&case["gradient"]), RELATIVE, ABSOLUTE);
    }
}

#[test]
fn schedules_at_forty_steps() {
    for case in [goldens("schedules"), goldens("update_schedules")].concat() {
        let schedule = Schedule::from_json(&case["object"]).unwrap();
        let rates = case["steps"].as_array().unwrap().iter().zip(case["rates"].as_array().unwrap());
        assert_eq!(rates.len(), 40);
        for (step, rate) in rates {
            let (ours, theirs) = (schedule.at(step.as_u64().unwrap()), rate.as_f64().unwrap());
            assert!((ours - theirs).abs() <= 2e-6 * theirs, "{} at {step}: ours {ours}, Keras' {theirs}", case["object"]);
        }
    }
}

#[test]
fn constraints_put_weights_back() {
    for case in goldens("update_constraints") {
        let (b, mut feed) = (Builder::new(), Feed::default());
        let w = feed.input(&b, &tensor(&case["w"]));
        let value = Constraint::from_json(&case["object"]).unwrap().apply(w).id();
        close(&case["object"].to_string(), &feed.run(b, &[value])[0], &tensor(&case["value"]), RELATIVE, ABSOLUTE);
    }
}

#[test]
fn initializers_make_the_same_numbers_or_of_the_same_law() {
    for case in goldens("update_initializers") {
        let initializer = Initializer::from_json(&case["object"]).unwrap();
        let what = case["object"].to_string();
        let filled = |shape: Shape| {
            let mut out = vec![0.0; shape.len()];
            initializer.fill(shape, 7, 11, &mut out).unwrap();
            out
        };
        if !case["value"].is_null() {
            let theirs = tensor(&case["value"]);
            let ours = Value::f32(theirs.ty.shape, &filled(theirs.ty.shape));
            close(&what, &ours, &theirs, RELATIVE, ABSOLUTE);
            continue;
        }
        let dims: Vec<usize> = case["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
        let values = filled(Shape::new(&dims));
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let deviation = (values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n).sqrt();
        let least = f64::from(values.iter().copied().fold(f32::INFINITY, f32::min));
        let most = f64::from(values.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let theirs = |key: &str| case[key].as_f64().unwrap();
        let spread = theirs("deviation");
        // Both are samples: means are off by about spread / sqrt(n), deviations by less.
        assert!((mean - theirs("mean")).abs() < 6.0 * spread / n.sqrt(), "{what} {dims:?}: mean {mean}, Keras' {}", theirs("mean"));
        assert!((deviation / spread - 1.0).abs() < 6.0 / n.sqrt(), "{what} {dims:?}: deviation {deviation}, Keras' {spread}");
        // Only the plain normal law has no bounds.
        if !what.contains("\"RandomNormal\"") && !what.contains("untruncated") {
            for (ours, theirs) in [(least, theirs("least")), (most, theirs("most"))] {
                assert!((ours - theirs).abs() < 0.01 * spread, "{what} {dims:?}: bound {ours}, Keras' {theirs}");
            }
        }
    }
}

/// Weights after some of the calls and the memory after the last against Keras'.
fn optimizer_as_keras(object: &Json, start: &[Value], of_calls: &[Vec<Value>], after: &BTreeMap<u32, Vec<Value>>, memory: &Json) {
    let optimizer = catalogue::optimizer_from_json(object).unwrap();
    let (what, common) = (object.to_string(), optimizer.common().clone());
    let targets: Vec<Target<'_>> = start.iter().map(|w| Target { path: "layer/weight", shape: w.ty.shape }).collect();
    let declared = Kept::of(&*optimizer, &targets);
    let mut weights = start.to_vec();
    let mut kept = declared.map(|slot| Value::zeros(TensorType::f32(slot.shape)));
    for ((slots, values), weight) in declared.slots.iter().zip(&mut kept.slots).zip(start) {
        for (slot, value) in slots.iter().zip(values) {
            *value = first(slot, &weight.to_f32());
        }
    }
    kept.shared = declared.shared.as_ref().map(|slot| first(slot, &[]));
    for (call, gradient) in (1u32..).zip(of_calls) {
        step(&*optimizer, call, gradient, &mut weights, &mut kept);
        for (ours, theirs) in weights.iter().zip(after.get(&call).into_iter().flatten()) {
            close(&format!("{what}, call {call}"), ours, theirs, RELATIVE, 1e-5);
        }
    }
    // The memory, in the order of Keras' file.
    let mut order: Vec<(&str, &Value)> = Vec::new();
    if common.use_ema {
        order.extend(kept.averages.iter().map(|v| ("average", v)));
    }
    if common.gradient_accumulation_steps.is_some() {
        order.extend(kept.accumulators.iter().map(|v| ("gradient_accumulator", v)));
    }
    for group in optimizer.file_groups(declared.slots.iter().map(Vec::len).max().unwrap_or(0)) {
        for (names, values) in declared.slots.iter().zip(&kept.slots) {
            order.extend(group.iter().filter_map(|&i| Some((names.get(i)?.name, &values[i]))));
        }
    }
    order.extend(declared.shared.iter().zip(&kept.shared).map(|(s, v)| (s.name, v)));
    let theirs = memory.as_array().unwrap();
    // `catalogue.py` leaves the accumulators out.
    if !theirs.iter().any(|m| m["name"].as_str().unwrap().ends_with("gradient_accumulator")) {
        order.retain(|(name, _)| *name != "gradient_accumulator");
    }
    assert_eq!(order.len(), theirs.len(), "{what}");
    for ((name, ours), theirs) in order.into_iter().zip(theirs) {
        assert!(theirs["name"].as_str().unwrap().ends_with(name), "{what}: {name} against {}", theirs["name"]);
        close(&format!("{what}: {name}"), ours, &tensor(theirs), 1e-4, 1e-5);
    }
}

/// First values of a piece of memory.
fn first(slot: &optimizers::Slot, weight: &[f32]) -> Value {
    let mut out = vec![f32::NAN; slot.shape.len()];
    slot.fill(weight, &mut out);
    Value::f32(slot.shape, &out)
}

/// One call of the optimizer, as a training step makes it.
fn step(optimizer: &dyn Optimizer, call: u32, gradient: &[Value], weights: &mut Vec<Value>, kept: &mut Kept<Value>) {
    let common = optimizer.common();
    let several = common.gradient_accumulation_steps.unwrap_or(1);
    let (b, mut feed) = (Builder::new(), Feed::default());
    let mut input = |value: &Value| feed.input(&b, value);
    let mut scalar = |v: f64| input(&Value::f32(Shape::SCALAR, &[v as f32]));
    let (learning_rate, t) = (scalar(common.learning_rate.at(u64::from(call - 1))), scalar(f64::from((call - 1) / several + 1)));
    let w: Vec<Var<'_>> = weights.iter().map(&mut input).collect();
    let factor = common.loss_scale_factor.unwrap_or(1.0) as f32;
    let g = gradient.iter().map(|g| input(g) * factor).collect();
    let memory = kept.map(&mut input);
    let phase = Phase::of(call, common.gradient_accumulation_steps);
    let (w, memory) = Update { optimizer, learning_rate, t, constraints: &[], decays: &[], phase }.write(&w, g, &memory);
    let wanted: Vec<NodeId> = w.iter().chain(memory.iter()).map(|v| v.id()).collect();
    let mut run = feed.run(b, &wanted).into_iter().map(|v| Value::f32(v.ty.shape, &v.to_f32()));
    *weights = run.by_ref().take(weights.len()).collect();
    *kept = kept.map(|old| run.next().unwrap_or_else(|| old.clone()));
}

#[test]
fn optimizers_step_by_step() {
    for case in goldens("optimizers") {
        let (calls, after) = (case["gradients"].as_array().unwrap(), case["weights"].as_array().unwrap());
        let after = (1..).zip(after).map(|(call, w)| (call, tensors(w))).collect();
        optimizer_as_keras(
            &case["object"],
            &tensors(&case["start"]),
            &calls.iter().map(tensors).collect::<Vec<_>>(),
            &after,
            &case["slots"],
        );
    }
}

#[test]
fn all_options_of_optimizers_step_by_step() {
    let cases = goldens("update_optimizers");
    let (start, calls) = (tensors(&cases[0]["start"]), cases[0]["gradients"].as_array().unwrap());
    let calls: Vec<Vec<Value>> = calls.iter().map(tensors).collect();
    assert!(calls.len() == 12 && cases.len() > 150);
    for case in &cases[1..] {
        let after = case["weights"].as_object().unwrap().iter().map(|(call, w)| (call.parse().unwrap(), tensors(w))).collect();
        optimizer_as_keras(&case["object"], &start, &calls, &after, &case["slots"]);
    }
    // Those that wrap others are in whole trainings.
    let trained = goldens("scaled_training");
    let wraps = |class: &str| trained.iter().any(|c| c["config"]["compile_config"]["optimizer"]["class_name"] == class);
    let rows =
        catalogue::OPTIMIZERS.iter().filter(|row| !cases.iter().any(|c| c["object"]["class_name"] == row.class) && !wraps(row.class));
    assert_eq!(rows.count(), 0, "an optimizer has no golden");
}

/// Without it a mean that decays ends at the smallest numbers there are, whose tenth rounds to nothing.
#[test]
fn memory_that_decays_ends_at_zero() {
    let mut decayed = 0;
    // Those that wrap others have no memory of weights.
    for row in catalogue::OPTIMIZERS.iter().filter(|row| !["LossScaleOptimizer", "MultiOptimizer"].contains(&row.class)) {
        let object = serde_json::json!({"class_name": row.class, "config": {"momentum": 0.9}});
        let plain = serde_json::json!({"class_name": row.class, "config": {}});
        let optimizer = catalogue::optimizer_from_json(&object).or_else(|_| catalogue::optimizer_from_json(&plain)).unwrap();
        let mut weights = vec![Value::f32([2, 3], &[1.0; 6])];
        let target = Target { path: "layer/weight", shape: weights[0].ty.shape };
        let small = |shape: Shape| Value::f32(shape, &vec![1.5e-38; shape.len()]);
        let mut kept = Kept::of(&*optimizer, &[target]).map(|slot| small(slot.shape));
        kept.shared = kept.shared.map(|_| Value::f32(Shape::SCALAR, &[1.0]));
        for call in 1..=6 {
            step(&*optimizer, call, &[Value::f32([2, 3], &[0.0; 6])], &mut weights, &mut kept);
            for slot in &kept.slots[0] {
                assert!(slot.to_f32().iter().all(|x| !x.is_subnormal()), "{}, call {call}: {:?}", row.class, slot.to_f32());
            }
        }
        decayed += kept.slots[0].iter().filter(|s| s.to_f32().iter().all(|x| *x == 0.0)).count();
    }
    assert!(decayed >= 8, "only {decayed} memories decay");
}
