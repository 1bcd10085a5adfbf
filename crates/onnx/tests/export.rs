//! What exported models look like. That they compute the same is for `scripts/onnx/check_export.py`, which has a runtime.

use adaline_graph::{Distribution, Shape, Var, reference::Reference};
use adaline_nn::activations::Activation;
use adaline_nn::layers::{Conv2D, CustomLayer, Dense, Embedding, Flatten, GRU, GlobalAveragePooling1D, Input, LSTM, MaxPooling2D};
use adaline_nn::{Apply, Functional, Model, Seed, Sequential};
use adaline_onnx::proto::{Dimension, Graph, ValueInfo};
use adaline_onnx::{ExportError, ExportOptions, export, save, to_bytes};
use std::collections::BTreeSet;
use std::sync::Arc;

fn built(network: Sequential) -> Model {
    network.build_on(Arc::new(Reference::default()), Seed(1)).unwrap()
}

fn graph(model: &Model) -> Graph {
    export(model, &ExportOptions::default()).unwrap().graph.unwrap()
}

fn operators(graph: &Graph) -> Vec<&str> {
    graph.node.iter().map(|n| n.op_type.as_str()).collect()
}

/// `batch 4`: names and numbers of sizes.
fn sizes(value: &ValueInfo) -> String {
    let dims = value.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).and_then(|t| t.shape.as_ref()).map(|s| &s.dim[..]);
    let text = |d: &Dimension| d.dim_value.map_or_else(|| d.dim_param.clone().unwrap_or_else(|| "?".into()), |n| n.to_string());
    dims.unwrap_or(&[]).iter().map(text).collect::<Vec<_>>().join(" ")
}

/// Each value is made once and before it is read.
fn is_sound(graph: &Graph, around: &BTreeSet<String>) {
    let mut known = around.clone();
    known.extend(graph.input.iter().map(|v| v.name.clone()));
    known.extend(graph.initializer.iter().map(|t| t.name.clone()));
    for node in &graph.node {
        for input in &node.input {
            assert!(known.contains(input), "{} reads {input}, which is not there yet", node.name);
        }
        for within in node.attribute.iter().filter_map(|a| a.g.as_ref()) {
            is_sound(within, &known);
        }
        for output in &node.output {
            assert!(known.insert(output.clone()), "{output} is there twice");
        }
    }
    assert!(graph.output.iter().all(|v| known.contains(&v.name)));
}

#[test]
fn dense_layers_are_products_with_bias_under_their_names() {
    let model = built(
        Sequential::new()
            .add(Input::new([4]).name("features"))
            .add(Dense::new(3).activation(Activation::Relu).name("hidden"))
            .add(Dense::new(2).name("price")),
    );
    let onnx = export(&model, &ExportOptions::default()).unwrap();
    assert_eq!((onnx.ir_version, onnx.producer_name.as_str(), onnx.opset_import[0].version), (8, "adaline", 17));
    let graph = onnx.graph.unwrap();
    is_sound(&graph, &BTreeSet::new());
    assert_eq!(operators(&graph), ["Gemm", "Relu", "Gemm"]);
    let names: Vec<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["hidden/kernel", "hidden/bias", "price/kernel", "price/bias"]);
    assert_eq!((graph.input[0].name.as_str(), graph.output[0].name.as_str()), ("features", "price"));
    assert_eq!((sizes(&graph.input[0]), sizes(&graph.output[0])), ("batch 4".into(), "batch 2".into()));
    let kernel: Vec<u8> = model.weight("hidden/kernel").unwrap().f32_values().iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(graph.initializer[0].raw_data.as_ref(), Some(&kernel));
    assert_eq!(graph.initializer[0].dims, [4, 3]);
}

#[test]
fn convolutions_follow_each_other_without_transposes() {
    let model = built(
        Sequential::new()
            .add(Input::new([8, 8, 3]))
            .add(Conv2D::new(4, 3).activation(Activation::Relu).name("conv"))
            .add(Conv2D::new(5, 3))
            .add(MaxPooling2D::new(2))
            .add(Flatten::new())
            .add(Dense::new(2)),
    );
    let graph = graph(&model);
    is_sound(&graph, &BTreeSet::new());
    assert_eq!(operators(&graph), ["Transpose", "Conv", "Relu", "Conv", "MaxPool", "Transpose", "Reshape", "Gemm"]);
    // (3, 3, 3, 4) as ONNX has it.
    let kernel = graph.initializer.iter().find(|t| t.name == "conv/kernel").unwrap();
    assert_eq!(kernel.dims, [4, 3, 3, 3]);
    let (ours, theirs) = (model.weight("conv/kernel").unwrap(), kernel.raw_data.as_ref().unwrap());
    let at = |o: usize, c: usize, y: usize, x: usize| ours.f32_values()[((y * 3 + x) * 3 + c) * 4 + o];
    let flat = |o: usize, c: usize, y: usize, x: usize| 4 * (((o * 3 + c) * 3 + y) * 3 + x);
    for (o, c, y, x) in [(0, 0, 0, 0), (3, 1, 2, 0), (2, 2, 1, 2), (1, 0, 0, 1)] {
        let from = flat(o, c, y, x);
        assert_eq!(theirs[from..from + 4], at(o, c, y, x).to_le_bytes());
    }
}

#[test]
fn look_ups_and_products_of_sequences_keep_their_axes() {
    let network = Sequential::new().add(Input::with_batch_shape([None, None]).dtype("int32").name("text"));
    let model = built(network.add(Embedding::new(20, 4).name("table")).add(Dense::new(3).activation(Activation::Softmax)));
    let graph = graph(&model);
    is_sound(&graph, &BTreeSet::new());
    assert_eq!(operators(&graph), ["Clip", "Gather", "MatMul", "Add", "Softmax"]);
    assert_eq!(sizes(&graph.output[0]), "batch text_1 3");
    let table = graph.initializer.iter().find(|t| t.name == "table/embeddings").unwrap();
    assert_eq!(table.dims, [20, 4]);
}

#[test]
fn batches_and_lengths_stay_open_or_are_fixed() {
    let network = || {
        Sequential::new()
            .add(Input::with_batch_shape([None, None, Some(3)]).name("series"))
            .add(LSTM::new(4).return_sequences(true))
            .add(GlobalAveragePooling1D::new())
    };
    let model = built(network());
    let open = graph(&model);
    is_sound(&open, &BTreeSet::new());
    assert_eq!((sizes(&open.input[0]), sizes(&open.output[0])), ("batch series_1 3".into(), "batch 4".into()));
    assert!(operators(&open).contains(&"Scan"));
    let fixed = export(&model, &ExportOptions { batch: Some(2), size: Some(7) }).unwrap().graph.unwrap();
    assert_eq!((sizes(&fixed.input[0]), sizes(&fixed.output[0])), ("2 7 3".into(), "2 4".into()));
    assert!(!operators(&fixed).contains(&"Shape"));
}

#[test]
fn states_are_inputs_and_outputs() {
    let model = built(Sequential::new().add(Input::new([5, 3]).batch_size(2)).add(GRU::new(4).stateful(true).name("gru")));
    let graph = graph(&model);
    is_sound(&graph, &BTreeSet::new());
    assert_eq!(sizes(&graph.input[0]), "2 5 3");
    let state = &graph.input[1].name;
    assert!(state.starts_with("gru/") && graph.initializer.iter().any(|t| t.name == *state), "{state}");
    assert_eq!(graph.output[1].name, format!("{state}/next"));
    assert_eq!((sizes(&graph.input[1]), sizes(&graph.output[1])), ("2 4".into(), "2 4".into()));
}

#[test]
fn equal_models_give_equal_bytes_and_files() {
    let network = || Sequential::new().add(Input::new([6])).add(Dense::new(3)).add(Dense::new(3).activation(Activation::Softmax));
    let options = ExportOptions::default();
    let bytes = to_bytes(&built(network()), &options).unwrap();
    assert_eq!(bytes, to_bytes(&built(network()), &options).unwrap());
    let path = std::env::temp_dir().join(format!("adaline-onnx-{}.onnx", std::process::id()));
    save(&built(network()), &path, &options).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(save(&built(network()), std::env::temp_dir(), &options), Err(ExportError::Write(_))));
}

#[test]
fn outputs_that_are_inputs_or_the_same_are_values_of_their_own() {
    let x = Input::new([3]).name("x").tensor();
    let y = Dense::new(2).name("y").apply(&x);
    let model = Functional::new(&x, [&x, &y, &y]).unwrap().build_on(Arc::new(Reference::default()), Seed(0)).unwrap();
    let graph = graph(&model);
    is_sound(&graph, &BTreeSet::new());
    let names: BTreeSet<&str> = graph.output.iter().chain(&graph.input).map(|v| v.name.as_str()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[test]
fn what_cannot_be_exported_is_told_with_its_layer() {
    let refused = |layer: CustomLayer| {
        let model = built(Sequential::new().add(Input::with_batch_shape([None, None, Some(2)])).add(layer.name("mine")));
        export(&model, &ExportOptions::default()).unwrap_err()
    };
    let error = refused(CustomLayer::new("Noisy", |cx, x| {
        let (stream, seed, step) = cx.random();
        x[0] + x[0].builder().random(Distribution::Normal, stream, x[0].shape(), seed, step)
    }));
    assert!(matches!(&error, ExportError::Operation { op: "random_normal", layer } if layer == "mine"), "{error}");
    let error = refused(CustomLayer::new("Fickle", |_, x| if x[0].dim(1) % 2 == 0 { x[0] * 2.0 } else { x[0].exp() }));
    assert!(matches!(&error, ExportError::Varies { layer } if layer == "mine"), "{error}");
    assert!(error.to_string().contains("fix the size of inputs"), "{error}");
    // n² - 1 of the steps: no formula that is known.
    let error = refused(CustomLayer::new("Wide", |_, x| {
        let n = x[0].dim(1);
        let row: Var<'_> = x[0].mean(&[1, 2], true);
        row.broadcast_to(Shape::new(&[x[0].dim(0), n * n - 1, 2]))
    }));
    assert!(matches!(&error, ExportError::Size { layer } if layer.is_empty() || layer == "mine"), "{error}");
    let unbuilt = Sequential::new().add(Dense::new(2)).build_on(Arc::new(Reference::default()), Seed(0)).unwrap();
    assert!(export(&unbuilt, &ExportOptions::default()).unwrap_err().to_string().contains("no weights yet"));
}
