//! `explain` tells the numbers that follow from the weights.

mod support;

use serde_json::Value;
use support::{dataset, json, shared, succeeds};

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().unwrap_or_else(|| panic!("a list, not {v}")).iter().map(|v| v.as_f64().unwrap()).collect()
}

fn weight<'a>(layer: &'a Value, name: &str) -> &'a Value {
    layer["weights"].as_array().unwrap().iter().find(|w| w["name"] == name).unwrap()
}

fn close(a: &[f64], b: &[f64], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= 1e-5 + 1e-4 * b.abs(), "{what}[{i}]: {a} {b}");
    }
}

#[test]
fn sums_outputs_and_gradients_follow_from_the_weights() {
    let model = shared().path("iris/model.keras");
    let told = json(&["explain", &model, &dataset("iris.csv"), "--row", "60", "--json"]);
    assert_eq!(told["cells"]["petal_length"], "3.5");
    assert_eq!(told["truth"], "versicolor");
    let layers = told["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 2);
    let mut x = numbers(&told["inputs"]["values"]);
    let mut inputs = Vec::new();
    for layer in layers {
        let (kernel, bias) = (numbers(&weight(layer, "kernel")["values"]), numbers(&weight(layer, "bias")["values"]));
        let units = bias.len();
        let z: Vec<f64> = (0..units).map(|u| x.iter().enumerate().map(|(i, x)| x * kernel[i * units + u]).sum::<f64>() + bias[u]).collect();
        close(&numbers(&layer["weighted_sums"]), &z, "weighted sums");
        let total: f64 = z.iter().map(|z| z.exp()).sum();
        let a: Vec<f64> = match layer["activation"].as_str() {
            Some("relu") => z.iter().map(|z| z.max(0.0)).collect(),
            Some("softmax") => z.iter().map(|z| z.exp() / total).collect(),
            other => panic!("{other:?}"),
        };
        close(&numbers(&layer["output"]), &a, "outputs");
        inputs.push(x);
        x = a;
    }
    // Softmax and cross-entropy: dL/dz = p - truth, loss = -ln p(truth).
    close(&[told["loss"]["value"].as_f64().unwrap()], &[-x[1].ln()], "loss");
    let dz = [x[0], x[1] - 1.0, x[2]];
    close(&numbers(&layers[1]["gradient_of_sums"]), &dz, "dL/dz of the last layer");
    let last = numbers(&weight(&layers[1], "kernel")["values"]);
    let hidden: Vec<f64> = (0..inputs[1].len()).map(|h| (0..3).map(|c| last[h * 3 + c] * dz[c]).sum()).collect();
    close(&numbers(&layers[0]["gradient_of_output"]), &hidden, "dL/da of the first layer");
    let passed: Vec<f64> = hidden.iter().zip(&inputs[1]).map(|(g, a)| if *a > 0.0 { *g } else { 0.0 }).collect();
    close(&numbers(&layers[0]["gradient_of_sums"]), &passed, "dL/dz of the first layer");
    let of_kernel: Vec<f64> = inputs[0].iter().flat_map(|x| passed.iter().map(move |g| x * g)).collect();
    close(&numbers(&weight(&layers[0], "kernel")["gradient"]), &of_kernel, "dL/dw of the first layer");
    assert!(told["one_step"]["loss"].as_f64().unwrap() < told["loss"]["value"].as_f64().unwrap(), "a small step goes down");
}

#[test]
fn the_words_name_features_classes_and_the_printed_sums() {
    let model = shared().path("iris/model.keras");
    let text = succeeds(&["explain", &model, &dataset("iris.csv"), "--row", "60"]);
    for part in [
        "The way of row 60 of iris through the network `iris`",
        "The row says: sepal_length = 5.0",
        "Layer 1: dense (Dense, 4 outputs)",
        "a = relu(z) = max(z, 0)",
        "The row is versicolor",
        "L = -ln(probability of the true class)",
        "dL/dz",
        "One step of plain gradient descent",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // Each unit's printed parts add up to its printed sum.
    let value = |t: &str| t.trim().replace(',', "").parse::<f64>().unwrap_or_else(|e| panic!("{t:?}: {e}"));
    let forward = text.split("Backwards").next().unwrap();
    let (mut units, mut open) = (0, None::<(f64, f64)>);
    for line in forward.lines() {
        if let Some((_, rest)) = line.split_once(": z = ").filter(|(_, rest)| rest.contains(", a = ")) {
            open = Some((value(rest.split(", a = ").next().unwrap()), 0.0));
        } else if let (Some((z, sum)), true) = (open, line.starts_with("      ")) {
            let bias = line.trim_start().strip_prefix("bias");
            let part = bias.map_or_else(|| value(line.rsplit(" = ").next().unwrap()), value);
            open = Some((z, sum + part));
            if bias.is_some() {
                assert!((z - sum - part).abs() < 5e-3 * z.abs().max(1.0), "{z} {} in\n{text}", sum + part);
                units += 1;
                open = None;
            }
        }
    }
    assert_eq!(units, 4 + 3, "{text}");
}

#[test]
fn large_layers_show_their_largest_parts() {
    let model = shared().path("mpg/model.keras");
    let text = succeeds(&["explain", &model, &dataset("auto_mpg.csv"), "--row", "3", "--top", "2"]);
    assert!(text.contains("The 2 units of 16 with the largest outputs"), "{text}");
    assert!(text.contains("inputs together"), "{text}");
    assert!(text.contains("The network predicts mpg = "), "{text}");
    assert!(text.contains("L = (output - truth)²"), "{text}");
}

#[test]
fn without_a_true_value_there_is_no_way_back() {
    let data = shared().file("unlabelled.csv", "sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n");
    let text = succeeds(&["explain", &shared().path("iris/model.keras"), &data]);
    assert!(text.contains("The network chooses") && text.contains("no way back: this row has no true value"), "{text}");
}
