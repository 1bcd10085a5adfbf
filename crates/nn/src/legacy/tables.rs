//! What old keys are called today, by class.

use super::values::{constraint, initializer, regularizer};
use serde_json::{Map, Value, json};

/// Classes that have another name, and what that one is given besides.
const CLASSES: &[(&str, &str)] = &[
    ("AtrousConvolution1D", "Conv1D"),
    ("AtrousConvolution2D", "Conv2D"),
    ("AtrousConv1D", "Conv1D"),
    ("AtrousConv2D", "Conv2D"),
    ("Convolution1D", "Conv1D"),
    ("Convolution2D", "Conv2D"),
    ("Convolution3D", "Conv3D"),
    ("Deconvolution2D", "Conv2DTranspose"),
    ("Deconv2D", "Conv2DTranspose"),
    ("Convolution2DTranspose", "Conv2DTranspose"),
    ("SeparableConvolution2D", "SeparableConv2D"),
    ("TimeDistributedDense", "Dense"),
    ("ThresholdedReLU", "ReLU"),
    ("BatchNormalizationV1", "BatchNormalization"),
    ("BatchNormalizationV2", "BatchNormalization"),
    ("LSTMV1", "LSTM"),
    ("LSTMV2", "LSTM"),
    ("GRUV1", "GRU"),
    ("GRUV2", "GRU"),
    ("SyncBatchNormalization", "BatchNormalization"),
    ("GlobalAvgPool2D", "GlobalAveragePooling2D"),
];

/// Which layers a row is about.
#[derive(Clone, Copy)]
enum Of {
    /// Every layer.
    All,
    /// Layers whose class has this within.
    Like(&'static str),
    /// These.
    One(&'static str),
}

impl Of {
    fn holds(self, class: &str) -> bool {
        match self {
            Self::All => true,
            Self::Like(part) => class.contains(part),
            Self::One(name) => class == name,
        }
    }
}

use Of::{All, Like, One};

/// Keys with another name: of which layers, the old one, today's.
const RENAMED: &[(Of, &str, &str)] = &[
    (All, "W_regularizer", "kernel_regularizer"),
    (All, "U_regularizer", "recurrent_regularizer"),
    (All, "b_regularizer", "bias_regularizer"),
    (All, "W_constraint", "kernel_constraint"),
    (All, "U_constraint", "recurrent_constraint"),
    (All, "b_constraint", "bias_constraint"),
    (All, "dim_ordering", "data_format"),
    (All, "border_mode", "padding"),
    (All, "batch_input_shape", "batch_shape"),
    (One("InputLayer"), "input_dtype", "dtype"),
    (One("Embedding"), "init", "embeddings_initializer"),
    (One("Embedding"), "kernel_regularizer", "embeddings_regularizer"),
    (One("Embedding"), "kernel_constraint", "embeddings_constraint"),
    (One("BatchNormalization"), "gamma_init", "gamma_initializer"),
    (One("BatchNormalization"), "beta_init", "beta_initializer"),
    (One("PReLU"), "init", "alpha_initializer"),
    (One("SeparableConv2D"), "depthwise_init", "depthwise_initializer"),
    (One("SeparableConv2D"), "pointwise_init", "pointwise_initializer"),
    (All, "init", "kernel_initializer"),
    (All, "inner_init", "recurrent_initializer"),
    (All, "inner_activation", "recurrent_activation"),
    (All, "dropout_W", "dropout"),
    (All, "dropout_U", "recurrent_dropout"),
    (One("Dense"), "output_dim", "units"),
    (One("LSTM"), "output_dim", "units"),
    (One("GRU"), "output_dim", "units"),
    (One("SimpleRNN"), "output_dim", "units"),
    (Like("Conv"), "nb_filter", "filters"),
    (Like("Conv"), "filter_length", "kernel_size"),
    (Like("Conv"), "subsample", "strides"),
    (Like("Conv"), "subsample_length", "strides"),
    (Like("Conv"), "atrous_rate", "dilation_rate"),
    (Like("Pooling"), "pool_length", "pool_size"),
    (Like("Pooling"), "stride", "strides"),
    (One("UpSampling1D"), "length", "size"),
    (Like("Dropout"), "p", "rate"),
    (One("GaussianNoise"), "sigma", "stddev"),
    (One("LeakyReLU"), "alpha", "negative_slope"),
    (One("ReLU"), "theta", "threshold"),
    (Like("Conv"), "bias", "use_bias"),
    (One("Dense"), "bias", "use_bias"),
];

/// Keys that mean nothing any more, or only said how to compute.
const DROPPED: &[(Of, &str)] = &[
    (All, "input_length"),
    (All, "input_shape"),
    (All, "input_dtype"),
    (All, "implementation"),
    (All, "consume_less"),
    (All, "time_major"),
    (All, "weights"),
    (One("Embedding"), "dropout"),
    (One("Embedding"), "mask"),
    (One("Embedding"), "sparse"),
    (One("BatchNormalization"), "mode"),
    (One("BatchNormalization"), "fused"),
    (One("BatchNormalization"), "virtual_batch_size"),
    (One("BatchNormalization"), "adjustment"),
    (One("Conv2DTranspose"), "output_shape"),
    (Like("Transpose"), "groups"),
    (Like("Depthwise"), "groups"),
    (Like("Depthwise"), "filters"),
    (Like("Depthwise"), "kernel_initializer"),
    (Like("Depthwise"), "kernel_regularizer"),
    (Like("Depthwise"), "kernel_constraint"),
    (Like("Separable"), "groups"),
    (Like("Separable"), "kernel_initializer"),
    (Like("Separable"), "kernel_regularizer"),
    (Like("Separable"), "kernel_constraint"),
    (One("MultiHeadAttention"), "query_shape"),
    (One("MultiHeadAttention"), "key_shape"),
    (One("MultiHeadAttention"), "value_shape"),
];

/// Keys that several old ones together become.
const JOINED: &[(&[&str], &str)] =
    &[(&["nb_row", "nb_col"], "kernel_size"), (&["kernel_dim1", "kernel_dim2", "kernel_dim3"], "kernel_size")];

/// A layer's class and arguments in words of today.
pub(super) fn modern_layer(old: &str, mut config: Map<String, Value>) -> (String, Map<String, Value>) {
    let mut class = CLASSES.iter().find(|(from, _)| *from == old).map_or(old, |(_, to)| to).to_owned();
    if old == "Merge" {
        (class, config) = merge(config);
    }
    if class == "BatchNormalization" && old == "SyncBatchNormalization" {
        config.insert("synchronized".into(), json!(true));
    }
    // The first layer of a chain says the shape of the input, for which a layer of its own stands now.
    if class != "InputLayer" {
        config.remove("batch_input_shape");
        if class != "Embedding" {
            config.remove("input_dim");
        }
    }
    for (keys, new) in JOINED {
        let sizes: Option<Vec<Value>> = keys.iter().map(|key| config.get(*key).cloned()).collect();
        if let Some(sizes) = sizes {
            keys.iter().for_each(|key| drop(config.remove(*key)));
            config.insert((*new).into(), sizes.into());
        }
    }
    for (of, from, to) in RENAMED {
        if of.holds(&class)
            && let Some(value) = config.remove(*from)
        {
            config.entry(*to).or_insert(value);
        }
    }
    for (of, key) in DROPPED {
        if of.holds(&class) {
            config.remove(*key);
        }
    }
    change_values(&class, &mut config);
    (class, config)
}

fn change_values(class: &str, config: &mut Map<String, Value>) {
    for (key, value) in config.iter_mut() {
        if key.ends_with("initializer") {
            *value = initializer(value);
        } else if key.ends_with("regularizer") {
            *value = regularizer(value);
        } else if key.ends_with("constraint") {
            *value = constraint(value);
        }
    }
    let change = |config: &mut Map<String, Value>, key: &str, new: &dyn Fn(&Value) -> Option<Value>| {
        if let Some(value) = config.get_mut(key)
            && let Some(new) = new(value)
        {
            *value = new;
        }
    };
    change(config, "data_format", &|v| match v.as_str() {
        Some("tf" | "default") => Some(json!("channels_last")),
        Some("th") => Some(json!("channels_first")),
        _ => None,
    });
    // One axis as a list, as TensorFlow's layers wrote it.
    if class == "BatchNormalization" {
        change(config, "axis", &|v| v.as_array().filter(|axes| axes.len() == 1).map(|axes| axes[0].clone()));
    }
    if class == "LSTM" {
        // Which bias the gate of forgetting begins with: one, as today by default, or zero.
        if let Some(init) = config.remove("forget_bias_init") {
            config.insert("unit_forget_bias".into(), json!(init != "zero"));
        }
    }
    if class == "GRU" {
        // Keras had no other way before it had the choice.
        config.entry("reset_after").or_insert(json!(false));
    }
    // Types of old: Keras 1 and 2 let a layer say `int32`, which it took as input; it always computed in floats.
    let computes = config.get("dtype").and_then(Value::as_str).is_some_and(|d| d.starts_with("int") || d.starts_with("uint"));
    if computes && class != "InputLayer" {
        config.remove("dtype");
    }
    if class == "InputLayer" {
        change(config, "dtype", &|v| v.as_str().filter(|d| *d == "float64").map(|_| json!("float32")));
    }
}

/// Keras 1's layer for all that joins tensors: its `mode` tells which one of today it is.
fn merge(mut config: Map<String, Value>) -> (String, Map<String, Value>) {
    let mode = config.remove("mode").and_then(|m| m.as_str().map(str::to_owned)).unwrap_or_default();
    let axis = config.remove("concat_axis").unwrap_or(json!(-1));
    let axes = config.remove("dot_axes").unwrap_or(json!(-1));
    for key in [
        "mode_type",
        "output_shape",
        "output_shape_type",
        "output_mask",
        "output_mask_type",
        "arguments",
        "layers",
        "node_indices",
        "tensor_indices",
    ] {
        config.remove(key);
    }
    let class = match mode.as_str() {
        "sum" => "Add",
        "mul" => "Multiply",
        "ave" => "Average",
        "max" => "Maximum",
        "concat" => {
            config.insert("axis".into(), axis);
            "Concatenate"
        }
        "dot" | "cos" => {
            config.insert("axes".into(), axes);
            config.insert("normalize".into(), json!(mode == "cos"));
            "Dot"
        }
        _ => return (format!("Merge of mode {mode:?}"), config),
    };
    (class.into(), config)
}
