//! Each command's plain use.

mod support;

use serde_json::Value;
use support::{adaline, dataset, json, shared, succeeds};

fn iris() -> String {
    shared().path("iris/model.keras")
}
fn mpg() -> String {
    shared().path("mpg/model.keras")
}

#[test]
fn fit_writes_its_files_and_says_so() {
    let out = shared().path("fitted");
    let told = json(&["fit", &dataset("iris.csv"), "--target", "species", "--epochs", "2", "--out", &out, "--json", "--verbose", "0"]);
    assert_eq!(
        (told["task"].as_str(), told["target"].as_str(), told["epochs"].as_u64()),
        (Some("classification"), Some("species"), Some(2))
    );
    for file in ["model.keras", "history.csv", "metrics.json", "report.html"] {
        assert!(std::fs::metadata(format!("{out}/{file}")).unwrap().len() > 0, "{file}");
    }
    let metrics: Value = serde_json::from_slice(&std::fs::read(format!("{out}/metrics.json")).unwrap()).unwrap();
    assert_eq!(metrics["metrics"]["accuracy"], told["metrics"]["accuracy"]);
}

#[test]
fn equal_seeds_give_equal_files() {
    let run = |out: &str, threads: &str| {
        let out = shared().path(out);
        let arguments = ["--target", "species", "--epochs", "3", "--seed", "5", "--threads", threads, "--out", &out, "--verbose", "0"];
        succeeds(&[&["fit", &dataset("iris.csv")], &arguments[..]].concat());
        std::fs::read(format!("{out}/model.keras")).unwrap()
    };
    assert_eq!(run("one", "1"), run("two", "2"));
}

#[test]
fn summary_is_that_of_keras() {
    let text = succeeds(&["summary", &iris()]);
    for part in ["Model: \"iris\"", "dense (Dense)", "(None, 4)", "(None, 3)", "Trainable params: 35"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let told = json(&["summary", &iris(), "--json"]);
    assert_eq!(told["params"]["trainable"], 4 * 4 + 4 + 4 * 3 + 3);
    assert_eq!(told["input_shape"], serde_json::json!([4]));
    assert_eq!(told["layers"][1]["output_shape"], serde_json::json!([null, 3]));
    assert_eq!(told["task"]["target"], "species");
}

#[test]
fn evaluate_measures_classes_and_numbers() {
    let told = json(&["evaluate", &iris(), &dataset("iris.csv"), "--json"]);
    assert_eq!((told["rows"].as_u64(), told["task"].as_str()), (Some(150), Some("classification")));
    let accuracy = told["metrics"]["accuracy"].as_f64().unwrap();
    assert!((accuracy - told["as_trained"]["accuracy"].as_f64().unwrap()).abs() < 1e-6);
    let counts = told["confusion"]["counts"].as_array().unwrap();
    let right: u64 = counts.iter().enumerate().map(|(i, row)| row[i].as_u64().unwrap()).sum();
    assert!((accuracy - right as f64 / 150.0).abs() < 1e-9);
    let text = succeeds(&["evaluate", &iris(), &dataset("iris.csv")]);
    assert!(text.contains("On 150 rows: accuracy") && text.contains("For comparison, always"), "{text}");

    let told = json(&["evaluate", &mpg(), &dataset("auto_mpg.csv"), "--json"]);
    assert_eq!(told["task"], "regression");
    assert!(told["metrics"]["rmse"].as_f64().unwrap() < 8.0, "better than the mean: {told}");
}

#[test]
fn predict_adds_columns_to_a_table() {
    let text = succeeds(&["predict", &iris(), &dataset("iris.csv")]);
    let mut lines = text.lines();
    let header = "sepal_length,sepal_width,petal_length,petal_width,species,predicted,p_setosa,p_versicolor,p_virginica";
    assert_eq!(lines.next(), Some(header));
    let rows: Vec<Vec<&str>> = lines.map(|l| l.split(',').collect()).collect();
    assert_eq!(rows.len(), 150);
    assert_eq!(rows[0][..5], ["5.1", "3.5", "1.4", "0.2", "setosa"]);
    for row in &rows {
        let p: Vec<f64> = row[6..].iter().map(|v| v.parse().unwrap()).collect();
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-5);
        let best = (0..3).max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap();
        assert_eq!(row[5], ["setosa", "versicolor", "virginica"][best]);
    }
    // The accuracy that follows is the one that evaluate tells.
    let right = rows.iter().filter(|r| r[4] == r[5]).count() as f64 / 150.0;
    let told = json(&["evaluate", &iris(), &dataset("iris.csv"), "--json"]);
    assert!((told["metrics"]["accuracy"].as_f64().unwrap() - right).abs() < 1e-9);
}

#[test]
fn predict_takes_rows_without_target_and_keeps_cells_as_they_are() {
    let data = shared()
        .file("new.csv", "name,petal_width,petal_length,sepal_width,sepal_length\n\"a, \"\"b\"\"\",0.2,1.4,3.5,5.1\n?,2.3,?,3.0,7.7\n");
    let out = shared().path("new-out.csv");
    let told = succeeds(&["predict", &iris(), &data, "--out", &out]);
    assert!(told.contains("Wrote 2 predictions to"), "{told}");
    let text = std::fs::read_to_string(&out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].starts_with("\"a, \"\"b\"\"\",0.2,1.4,3.5,5.1,"), "{text}");
    assert!(lines[2].starts_with("?,2.3,?,3.0,7.7,"), "{text}");
    let told = json(&["predict", &iris(), &data, "--json"]);
    assert_eq!(told["predictions"].as_array().unwrap().len(), 2);
    let p: f64 = told["predictions"][0]["probabilities"].as_object().unwrap().values().map(|v| v.as_f64().unwrap()).sum();
    assert!((p - 1.0).abs() < 1e-5);
}

#[test]
fn predict_gives_numbers_in_the_units_of_the_data() {
    let told = json(&["predict", &mpg(), &dataset("auto_mpg.csv"), "--json"]);
    let mean = |v: &[Value]| v.iter().map(|p| p["predicted"].as_f64().unwrap()).sum::<f64>() / v.len() as f64;
    let mean = mean(told["predictions"].as_array().unwrap());
    assert!((18.0..29.0).contains(&mean), "the mean of mpg is 23.5, of the predictions {mean}");
}

#[test]
fn predict_answers_arrays_with_arrays() {
    let text = std::fs::read_to_string(dataset("iris.csv")).unwrap();
    let rows: Vec<f32> =
        text.lines().skip(1).flat_map(|l| l.split(',').take(4).map(|v| v.parse::<f32>().unwrap()).collect::<Vec<_>>()).collect();
    let x = adaline::data::Tensor::f32([150, 4], rows).unwrap();
    let (data, out) = (shared().path("x.npy"), shared().path("p.npy"));
    adaline::data::write_npy(&data, &x).unwrap();
    succeeds(&["predict", &iris(), &data, "--out", &out]);
    let p = adaline::data::read_npy(&out).unwrap();
    assert_eq!(p.shape(), [150, 3]);
    let csv = succeeds(&["predict", &iris(), &dataset("iris.csv")]);
    let from_table: Vec<f32> =
        csv.lines().skip(1).flat_map(|l| l.split(',').skip(6).map(|v| v.parse().unwrap()).collect::<Vec<f32>>()).collect();
    assert_eq!(p.as_f32().unwrap(), from_table, "the same raw rows, the same predictions");
    assert_eq!(json(&["predict", &iris(), &data, "--json"])["predictions"].as_array().unwrap().len(), 150);
}

#[test]
fn dump_shows_each_stage() {
    let expected = [("layers", "dense (Dense)"), ("graph", "dot"), ("fused", "dense"), ("plan", "gemm")];
    for (stage, phrase) in expected {
        let text = succeeds(&["dump", &iris(), "--stage", stage, "--batch", "16"]);
        assert!(text.contains(phrase), "{stage}\n{text}");
        let told = json(&["dump", &iris(), "--stage", stage, "--batch", "16", "--json"]);
        assert_eq!((told["text"].as_str(), told["stage"].as_str()), (Some(text.as_str()), Some(stage)));
    }
    let steps = |more: &[&str]| json(&[&["dump", &iris(), "--json"], more].concat())["steps"].as_array().unwrap().len();
    assert!(steps(&["--inference"]) < steps(&[]), "training has more to do");
}

#[test]
fn dump_takes_toml() {
    let toml = shared().file("net.toml", NET);
    let text = succeeds(&["dump", &toml, "--stage", "plan"]);
    assert!(text.contains("gemm 32x5x3"), "{text}");
    let text = succeeds(&["dump", &toml, "--stage", "layers", "--inference"]);
    assert!(text.contains("(None, 5)") && text.contains("(None, 2)"), "{text}");
}

#[test]
fn a_toml_file_chooses_the_dtype_policy() {
    let count = |name: &str, text: &str| succeeds(&["dump", &shared().file(name, text), "--stage", "graph"]).matches("bf16").count();
    let mixed = NET.replacen("name = \"net\"", "name = \"net\"\ndtype = \"mixed_bfloat16\"", 1);
    let last_single = mixed.replacen("units = 2", "units = 2\ndtype = \"float32\"", 1);
    let last_mixed = NET.replacen("units = 2", "units = 2\ndtype = \"mixed_bfloat16\"", 1);
    let counts =
        [count("single.toml", NET), count("last.toml", &last_mixed), count("first.toml", &last_single), count("mixed.toml", &mixed)];
    assert!(counts[0] == 0 && counts[1] > 0 && counts[2] > 0 && counts[3] > counts[2].max(counts[1]), "{counts:?}");
}

const NET: &str = r#"
[model]
name = "net"
[[model.layers]]
class_name = "InputLayer"
shape = [3]
[[model.layers]]
class_name = "Dense"
units = 5
activation = "relu"
[[model.layers]]
class_name = "Dense"
units = 2
activation = "softmax"
[training]
optimizer = { class_name = "SGD", learning_rate = 0.1, momentum = 0.9 }
"#;

#[test]
fn a_network_of_other_origin_predicts_and_is_measured() {
    // Saved by the library, without task and preprocessing.
    use adaline::nn::activations::Activation;
    use adaline::prelude::*;
    let net = Sequential::new().add(Input::new([2])).add(Dense::new(3).activation(Activation::Softmax));
    let mut model = net.build(Seed(1)).unwrap();
    model.compile(Adam::default(), SparseCategoricalCrossentropy::new(), [Accuracy::new()]).unwrap();
    let path = shared().path("plain.keras");
    model.save(&path).unwrap();
    let data = shared().file("plain.csv", "a,b\n1,2\n3.5,-4\n");
    let text = succeeds(&["predict", &path, &data]);
    assert!(text.starts_with("a,b,predicted,p_0,p_1,p_2\n1,2,"), "{text}");

    let npz = shared().path("plain.npz");
    let x = Tensor::f32([2, 2], vec![1.0, 2.0, 3.5, -4.0]).unwrap();
    let y = Tensor::i32([2], vec![0, 2]).unwrap();
    adaline::data::write_npz(&npz, &[("x", &x), ("y", &y)]).unwrap();
    let told = json(&["evaluate", &path, &npz, "--json"]);
    assert_eq!(told["rows"], 2);
    let text = succeeds(&["explain", &path, &npz, "--row", "1"]);
    assert!(text.contains("The row is 2"), "{text}");

    let out = adaline(&["evaluate", &path, &data]);
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1));
    assert!(stderr.contains("saved without the name of its target"), "{stderr}");
}

#[test]
fn bench_prints_one_line_with_the_keys_of_the_peers() {
    let told = json(&["bench", "tiny", "--rows", "200", "--steps", "40", "--threads", "1", "--json"]);
    for key in [
        "framework",
        "workload",
        "batch",
        "threads",
        "rows",
        "data",
        "version",
        "step_us",
        "step_us_p10",
        "step_us_p90",
        "steps_timed",
        "epoch_s",
        "samples_s",
        "t_first_step_s",
        "fit20_cold_s",
        "fit20_warm_s",
        "loss",
        "floor_us",
        "flops",
        "bytes",
        "floor_flops_us",
        "floor_bytes_us",
        "share",
    ] {
        assert!(!told[key].is_null(), "{key}: {told}");
    }
    assert_eq!((told["batch"].as_u64(), told["threads"].as_u64(), told["rows"].as_u64()), (Some(10), Some(1), Some(200)));
    let (low, mid, high) = (&told["step_us_p10"], &told["step_us"], &told["step_us_p90"]);
    assert!(low.as_f64() <= mid.as_f64() && mid.as_f64() <= high.as_f64(), "{told}");
    // Three products of 10x10x32 and two of 10x32x2 each way at the least (2 operations each; the first has no way back to x).
    assert!(told["flops"].as_u64().unwrap() > 2 * (2 * 10 * 10 * 32 + 3 * 10 * 32 * 2), "{told}");
}

#[test]
fn bench_counts_the_operations_of_convolutions_by_hand() {
    // Of one row, forward: 2 Ho Wo Kh Kw Cin Cout of a convolution, 2 inputs units of a dense layer. The way back costs twice that, but
    // nothing for the first layer's input.
    let (conv1, conv2) = (2 * 26 * 26 * 9 * 32, 2 * 11 * 11 * 9 * 32 * 64);
    let cnn = 2 * conv1 + 3 * (conv2 + 2 * 1600 * 10);
    let (conv1, conv2, conv3) = (2 * 28 * 28 * 9 * 75, 2 * 14 * 14 * 9 * 75 * 50, 2 * 7 * 7 * 9 * 50 * 25);
    let dlicnn = 2 * conv1 + 3 * (conv2 + conv3 + 2 * 400 * 512 + 2 * 512 * 24);
    // The rest of a row: activations, windows, normalization, a few operations for each of the 2 x 26 x 26 x 32 and 28 x 28 x 75 largest values.
    for (workload, batch, by_hand, rest) in [("cnn", 8, cnn, 20 * 26 * 26 * 32), ("dlicnn", 4, dlicnn, 30 * 28 * 28 * 75)] {
        let told = json(&["bench", workload, "--rows", "16", "--batch", &batch.to_string(), "--steps", "2", "--json"]);
        let (flops, batch) = (told["flops"].as_u64().unwrap(), batch as u64);
        // The optimizer's operations on the weights do not grow with the batch.
        let weights = 20 * if workload == "cnn" { 34_826 } else { 264_000 };
        assert!(batch * by_hand <= flops && flops <= batch * (by_hand + rest) + weights, "{workload}: {flops} for {}", batch * by_hand);
        for key in ["step_us", "floor_us", "rss_mb"] {
            assert!(told[key].as_f64().unwrap() > 0.0, "{key}: {told}");
        }
    }
    let told = json(&["bench", "infer-cnn", "--rows", "8", "--json"]);
    assert!(told["b1_p50_us"].as_f64().unwrap() > 0.0 && told["step_us"].is_null(), "{told}");
}

#[test]
fn bench_is_readable_unless_json_is_asked_for() {
    let text = succeeds(&["bench", "tiny", "--rows", "200", "--steps", "40", "--threads", "1"]);
    for part in ["tiny: batches of 10 from 200 rows", "share of the floor", "GFLOP/s", "GB/s", "steps x step time", "MB of data"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = succeeds(&["bench", "infer-tiny", "--rows", "32", "--threads", "1"]);
    assert!(text.contains("one row") && text.contains("rows/s"), "{text}");
}

#[test]
fn bench_takes_the_start_apart() {
    let told = json(&["bench", "tiny", "--rows", "20", "--start", "--json"]);
    let parts = told["parts_us"].as_object().unwrap();
    assert_eq!(parts.len(), 12);
    let sum: f64 = parts.values().map(|v| v.as_f64().unwrap()).sum();
    assert!((sum - told["start_us"].as_f64().unwrap()).abs() < 2.0, "{told}");
    for part in ["building", "tracing", "gradients", "passes", "fusion", "lowering", "first_run"] {
        assert!(parts[part].as_f64().unwrap() > 0.0, "{part}: {told}");
    }
    let text = succeeds(&["bench", "mlp128", "--rows", "64", "--start"]);
    assert!(text.contains("without data") && text.contains("initial weights"), "{text}");
}

#[test]
fn bench_runs_an_exact_number_of_steps() {
    let told = json(&["bench", "tiny", "--rows", "50", "--run", "7", "--json"]);
    assert_eq!((told["steps"].as_u64(), told["batch"].as_u64()), (Some(7), Some(10)));
    assert!(told["loss"].as_f64().unwrap() > 0.0);
    assert!(succeeds(&["bench", "linreg", "--rows", "50", "--run", "2"]).contains("2 steps, loss"));
}

#[test]
fn bench_takes_a_dtype_policy() {
    for dtype in ["float32", "mixed_bfloat16"] {
        let told = json(&["bench", "mlp128", "--rows", "64", "--run", "2", "--dtype", dtype, "--json"]);
        assert_eq!(told["dtype"], dtype);
    }
    assert!(succeeds(&["bench", "mlp128", "--rows", "64", "--run", "2", "--dtype", "mixed_bfloat16"]).contains("mixed_bfloat16"));
}

#[test]
fn bench_tells_the_ceilings_of_the_machine() {
    let told = json(&["bench", "ceiling", "--threads", "1", "--json"]);
    let one = &told["ceilings"][0];
    for key in ["fma_gflops", "bandwidth_gbs", "l1_gbs", "l2_gbs", "memory_read_gbs", "l1_bytes", "l2_bytes"] {
        assert!(one[key].as_f64().unwrap() > 0.0, "{key}: {told}");
    }
    let text = succeeds(&["bench", "ceiling", "--threads", "1"]);
    assert!(text.contains("FMA GFLOP/s") && text.contains("L3 GB/s"), "{text}");
}

#[test]
fn bench_fits_the_line_on_all_rows_at_once() {
    let told = json(&["bench", "linreg", "--rows", "1000", "--steps", "3", "--json"]);
    assert!(!told["total_s"].is_null() && told["batch"] == 1000, "{told}");
}

#[test]
fn bench_takes_any_network_of_a_toml_file() {
    let toml = shared().file("bench.toml", NET);
    let told = json(&["bench", "--model", &toml, "--batch", "8", "--steps", "10", "--json"]);
    assert_eq!((told["workload"].as_str(), told["batch"].as_u64()), (Some("net"), Some(8)));
    assert!(told["step_us"].as_f64().unwrap() > 0.0);
}

#[test]
fn help_tells_what_bench_measures() {
    let text = succeeds(&["bench", "--help"]);
    assert!(text.contains("What is measured: steps as a user's fit makes them"), "{text}");
    for command in ["fit", "evaluate", "predict", "summary", "explain", "dump"] {
        assert!(succeeds(&[command, "--help"]).contains("Usage: adaline"), "{command}");
    }
}
