use super::{layer_name, modern_model, modern_training};
use serde_json::{Value, json};

fn one_layer(class: &str, config: &Value) -> Value {
    let model = modern_model(&json!({"class_name": "Sequential", "config": [{"class_name": class, "config": config}]}));
    model["config"]["layers"].as_array().unwrap().last().unwrap().clone()
}

#[test]
fn keys_of_keras_1_become_todays() {
    let regularizer = json!({"name": "WeightRegularizer", "l1": 0.0, "l2": 0.5});
    let cases = [
        (
            "Dense",
            json!({"output_dim": 3, "init": "zero", "bias": false, "W_regularizer": regularizer, "b_constraint": {"name": "MaxNorm", "m": 2, "axis": 0},
                   "input_dim": 4, "batch_input_shape": [null, 4], "name": "d"}),
            "Dense",
            json!({"units": 3, "kernel_initializer": "zeros", "use_bias": false, "name": "d",
                   "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.5}},
                   "bias_constraint": {"class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}}}),
        ),
        (
            "Convolution2D",
            json!({"nb_filter": 2, "nb_row": 3, "nb_col": 5, "border_mode": "same", "subsample": [1, 2], "dim_ordering": "tf"}),
            "Conv2D",
            json!({"filters": 2, "kernel_size": [3, 5], "padding": "same", "strides": [1, 2], "data_format": "channels_last"}),
        ),
        (
            "LSTM",
            json!({"output_dim": 2, "inner_init": "orthogonal", "inner_activation": "hard_sigmoid", "forget_bias_init": "one", "dropout_W": 0.1,
                   "dropout_U": 0.2, "consume_less": "cpu", "input_dim": 3, "input_length": null, "time_major": false, "implementation": 2}),
            "LSTM",
            json!({"units": 2, "recurrent_initializer": "orthogonal", "recurrent_activation": "hard_sigmoid", "unit_forget_bias": true,
                   "dropout": 0.1, "recurrent_dropout": 0.2}),
        ),
        ("GRU", json!({"units": 2}), "GRU", json!({"units": 2, "reset_after": false})),
        (
            "Embedding",
            json!({"input_dim": 9, "output_dim": 2, "init": "uniform", "input_length": 4, "mask_zero": true}),
            "Embedding",
            json!({"input_dim": 9, "output_dim": 2, "embeddings_initializer": "random_uniform", "mask_zero": true}),
        ),
        (
            "MaxPooling1D",
            json!({"pool_length": 2, "stride": 3, "border_mode": "valid"}),
            "MaxPooling1D",
            json!({"pool_size": 2, "strides": 3, "padding": "valid"}),
        ),
        ("Dropout", json!({"p": 0.25}), "Dropout", json!({"rate": 0.25})),
        (
            "BatchNormalization",
            json!({"mode": 0, "axis": [3], "gamma_init": "one"}),
            "BatchNormalization",
            json!({"axis": 3, "gamma_initializer": "ones"}),
        ),
        ("LeakyReLU", json!({"alpha": 0.5}), "LeakyReLU", json!({"negative_slope": 0.5})),
        ("Merge", json!({"mode": "concat", "concat_axis": 1, "dot_axes": -1}), "Concatenate", json!({"axis": 1})),
    ];
    for (class, config, new_class, new_config) in cases {
        let layer = one_layer(class, &config);
        assert_eq!(layer["class_name"], new_class);
        assert_eq!(layer["config"], new_config, "{class}");
    }
}

#[test]
fn a_first_layer_that_says_its_shape_gets_an_input_layer() {
    let first = |config: Value| {
        modern_model(&json!({"class_name": "Sequential", "config": [{"class_name": "LSTM", "config": config}]}))["config"]["layers"][0]
            .clone()
    };
    for config in [json!({"batch_input_shape": [null, 5, 3], "name": "a/b"}), json!({"input_dim": 3, "input_length": 5, "name": "a/b"})] {
        let input = first(config);
        assert_eq!(input["class_name"], "InputLayer");
        assert_eq!(input["config"], json!({"batch_shape": [null, 5, 3], "dtype": "float32", "name": "a_b_input"}));
    }
}

#[test]
fn calls_and_names_of_old_are_written_anew() {
    let layer = |name: &str, inbound: Value| json!({"class_name": "Activation", "name": name, "config": {"name": name, "activation": "relu"}, "inbound_nodes": inbound});
    let model = modern_model(&json!({"class_name": "Model", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "name": "x:0", "config": {"name": "x:0", "batch_input_shape": [null, 2]}, "inbound_nodes": []},
        layer("b/c", json!([[["x:0", 0, 0, {}]]])),
        layer("b_c", json!([[["b/c", 0, 0, {"mask": null}], ["x:0", 0, 0]]])),
    ], "input_layers": [["x:0", 0, 0]], "output_layers": [["b_c", 0, 0]]}}));
    let config = &model["config"];
    assert_eq!(config["layers"][0]["config"], json!({"name": "x_0", "batch_shape": [null, 2]}));
    // The layer that is called so already keeps its name.
    assert_eq!(config["layers"][1]["name"], "b_c_1");
    assert_eq!(config["layers"][1]["config"]["name"], "b_c_1");
    let history = |node: &Value| node["config"]["keras_history"].clone();
    let args = config["layers"][2]["inbound_nodes"][0]["args"][0].as_array().unwrap();
    assert_eq!(args.iter().map(history).collect::<Vec<_>>(), [json!(["b_c_1", 0, 0]), json!(["x_0", 0, 0])]);
    assert_eq!(config["layers"][2]["inbound_nodes"][0]["kwargs"], json!({"mask": null}));
    assert_eq!(config["input_layers"], json!([["x_0", 0, 0]]));
    assert_eq!(config["output_layers"], json!([["b_c", 0, 0]]));
    assert_eq!(layer_name("a/b\\c:d"), "a_b_c_d");
}

#[test]
fn settings_of_old_become_todays() {
    let new = modern_training(&json!({
        "loss": "cosine_proximity", "metrics": ["acc", {"class_name": "MeanMetricWrapper", "config": {"name": "accuracy", "fn": "binary_accuracy"}}],
        "loss_weights": null, "sample_weight_mode": null,
        "optimizer_config": {"class_name": "Adam", "config": {"lr": 0.5, "decay": 0.25, "beta_1": 0.9, "epsilon": null, "amsgrad": false}},
    }));
    assert_eq!(new["loss"], "cosine_similarity");
    assert_eq!(new["metrics"], json!(["acc", "accuracy"]));
    let rate = &new["optimizer"]["config"]["learning_rate"];
    assert_eq!(rate["class_name"], "InverseTimeDecay");
    assert_eq!(rate["config"], json!({"initial_learning_rate": 0.5, "decay_steps": 1, "decay_rate": 0.25, "staircase": false}));
    let mut keys: Vec<&String> = new["optimizer"]["config"].as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["amsgrad", "beta_1", "learning_rate"]);
    let fixed = modern_training(&json!({"optimizer_config": {"class_name": "SGD", "config": {"lr": 0.5, "decay": 0.0}}}));
    assert_eq!(fixed["optimizer"]["config"], json!({"learning_rate": 0.5}));
}
