//! Words for arguments that the comments of Rust do not tell, since there they are parameters of `new`, or Keras' alone.

use crate::{surface::Argument, text::literal};

/// What else may be given, where a class hands it on.
pub(crate) fn more(module: &str, class: &str) -> &'static str {
    match (module, class) {
        ("layers", _) => "`name`, `trainable`, `dtype` and what else all layers take.",
        ("metrics", _) => "Arguments of the function.",
        ("callbacks", "LambdaCallback") => "Functions for other moments, by the names of the methods of `Callback`.",
        _ => "Older spellings of arguments.",
    }
}

/// An argument of Keras' that we have not.
pub(crate) fn refused(argument: &Argument) -> String {
    let default = argument.default.as_ref().map_or("None".into(), literal);
    format!("Keras' argument; nothing but `{default}` is supported here.")
}

/// A text without the default that the signature tells too.
pub(crate) fn without_default(text: &str, argument: &Argument) -> String {
    let Some(default) = &argument.default else { return text.into() };
    let plain = default.as_str().map_or_else(|| default.to_string(), |text| format!("`{text}`"));
    let whole = plain.trim_end_matches(".0");
    let mut text = text.to_owned();
    for told in [format!(" ({plain})"), format!(" ({whole})"), format!(" (default {whole})")] {
        text = text.replace(&told, "");
    }
    text
}

/// Of one class.
pub(crate) fn own(module: &str, class: &str, name: &str) -> Option<&'static str> {
    OWN.iter().find(|(of, classes, key, _)| *of == module && classes.contains(&class) && *key == name).map(|row| row.3)
}

/// Of any class that has such an argument.
pub(crate) fn shared(name: &str) -> Option<&'static str> {
    SHARED.iter().find(|(key, _)| *key == name).map(|row| row.1)
}

/// Of any class, whatever the comments tell.
pub(crate) fn first(name: &str) -> Option<&'static str> {
    FIRST.iter().find(|(key, _)| *key == name).map(|row| row.1)
}

const FIRST: &[(&str, &str)] = &[
    ("name", "Name; none for one made of the class's."),
    ("dtype", "Element type, such as `\"float32\"`; none for the default."),
    ("reduction", "How values per sample become one number: `\"sum_over_batch_size\"`, `\"sum\"`, `\"mean\"`, `\"none\"`."),
    ("data_format", "Where the channels are: `\"channels_last\"` (none too) or `\"channels_first\"`."),
    ("learning_rate", "A number, or a schedule of `optimizers.schedules`."),
    ("y_true", "Labels."),
    ("y_pred", "Predictions."),
    ("x", "Numbers."),
    ("activation", "What is applied to the results: a name, a function of `activations`, or none."),
    ("activity_regularizer", "Penalty on what the layer returns, for each row of a batch."),
    ("padding", "What surrounds the input: `\"valid\"` for nothing, `\"same\"` for as much that strides of 1 keep its size."),
    ("seed", "Seed of its own; none: the model's."),
    ("thresholds", "Predictions above it count as positive; of several each gives a value; none for 0.5."),
    ("fill_mode", "What lies beyond the border: `\"reflect\"`, `\"wrap\"`, `\"nearest\"` or `\"constant\"`."),
    ("interpolation", "How values between pixels are found: `\"bilinear\"`, `\"nearest\"` and what else the class has."),
    ("strides", "Cells between neighbouring results: a number for all spatial axes, or one for each."),
    ("dilation_rate", "Cells between neighbours of the kernel: a number for all spatial axes, or one for each."),
];

const RECURRENT: &[&str] = &["SimpleRNN", "LSTM", "GRU", "SimpleRNNCell", "LSTMCell", "GRUCell", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"];
const POOLINGS: &[&str] = &["MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D"];

/// Module, classes, argument, words.
const OWN: &[(&str, &[&str], &str, &str)] = &[
    ("layers", &["Rescaling"], "scale", "What values are multiplied by, such as `1 / 255` for the bytes of images."),
    ("layers", &["Rescaling"], "offset", "What is added after that."),
    ("layers", &["Masking"], "mask_value", "A step of which all numbers are this one is masked."),
    ("layers", &["EinsumDense"], "output_shape", "Sizes of the result's axes without the batch; none for those that the input tells."),
    ("layers", &["GroupNormalization"], "groups", "Number of groups, which divides the channels; -1 for one for each channel."),
    ("layers", &["Dot"], "axes", "The axis along which products are summed: one for both inputs, or a pair."),
    ("layers", &["LayerNormalization", "RMSNormalization", "UnitNormalization"], "axis", "The axis, or axes, over which it is taken."),
    (
        "layers",
        &["LayerNormalization"],
        "rms_scaling",
        "Keras' old way, which only scales by the deviation; `RMSNormalization` is what it was meant to be.",
    ),
    ("layers", &["RandomRotation"], "factor", "Part of a full turn: a number `f` for `-f` to `f`, or two bounds."),
    ("layers", &["RandomGrayscale"], "factor", "Probability with which an image becomes grey."),
    ("layers", RECURRENT, "dropout", "Part of the inputs that training drops, from 0 to below 1, the same at each step."),
    ("layers", POOLINGS, "strides", "Cells between neighbouring windows: a number, or one for each axis; none: their size."),
    ("layers", POOLINGS, "padding", "Whether windows may reach beyond the border: `\"valid\"` for no, `\"same\"` for yes."),
    (
        "losses",
        &["CategoricalCrossentropy", "CategoricalFocalCrossentropy"],
        "label_smoothing",
        "How far labels are moved towards the uniform distribution, from 0 to 1.",
    ),
    ("metrics", &["AUC"], "thresholds", "Thresholds between 0 and 1, in the place of `num_thresholds`."),
    ("metrics", &["PrecisionAtRecall"], "recall", "The recall that is to be reached, from 0 to 1."),
    ("metrics", &["Precision", "Recall"], "class_id", "The class that counts alone, from 0 along the last axis; none for all."),
    (
        "metrics",
        &["F1Score", "FBetaScore"],
        "average",
        "How the scores of the classes become one: `\"micro\"`, `\"macro\"` or `\"weighted\"`; none keeps them apart.",
    ),
    ("layers", &["Normalization"], "mean", "Mean to subtract, where it is known; none: `adapt` learns it."),
    ("layers", &["Normalization"], "variance", "Variance by whose root is divided, where it is known; none: `adapt` learns it."),
    (
        "layers",
        &["ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"],
        "padding",
        "Cells to add: a number for all borders, one for each axis, or pairs of before and after.",
    ),
    ("layers", &["RandomShear"], "x_factor", "Most columns by which a row moves for each row of height: a number, or two bounds."),
    ("layers", &["RandomShear"], "y_factor", "Most rows by which a column moves for each column of width: a number, or two bounds."),
    ("layers", &["RandomTranslation"], "height_factor", "Most of the height by which to shift, positive is down: a number, or two bounds."),
    ("layers", &["RandomTranslation"], "width_factor", "Most of the width by which to shift, positive is right: a number, or two bounds."),
    ("layers", &["RandomZoom"], "height_factor", "How far to zoom along the height, positive is away: a number, or two bounds."),
    ("layers", &["RandomZoom"], "width_factor", "How far to zoom along the width, drawn apart; none: as the height."),
    ("layers", &["RandomFlip"], "mode", "`\"horizontal\"`, `\"vertical\"`, or `\"horizontal_and_vertical\"`: both by one draw."),
    ("layers", &["Bidirectional", "TimeDistributed", "SpectralNormalization"], "layer", "The layer within."),
    (
        "layers",
        &["Bidirectional"],
        "merge_mode",
        "How both outputs become one: `\"concat\"`, `\"sum\"`, `\"mul\"`, `\"ave\"`; none leaves them apart.",
    ),
    ("layers", &["Pipeline"], "layers", "The layers, first to last."),
    ("layers", &["StackedRNNCells"], "cells", "The cells, that next to the input first."),
    ("layers", &["RNN"], "cell", "The cell to repeat, or a list of cells that are stacked."),
    ("layers", &["EinsumDense"], "equation", "The product as subscripts, such as `\"abc,cd->abd\"`; `...` stands for leading axes."),
    ("layers", &["Discretization"], "num_bins", "Number of bins that `adapt` learns, where there are no `bin_boundaries`."),
    ("layers", &["Hashing", "HashedCrossing"], "num_bins", "Number of bins: results are below it."),
    ("layers", &["CategoryEncoding"], "num_tokens", "Number of categories: numbers are from 0 to below it."),
    ("layers", &["IntegerLookup"], "vocabulary_dtype", "Type of the vocabulary: `\"int64\"`."),
    ("layers", &["StringLookup"], "encoding", "Encoding of texts: `\"utf-8\"`."),
    ("layers", &["InputLayer"], "shape", "Sizes of a sample's axes, without the batch; none for any."),
    ("layers", &["InputLayer"], "batch_size", "Size of batches; none for any."),
    ("layers", &["InputLayer"], "batch_shape", "All sizes with that of the batch, in the place of `shape` and `batch_size`."),
    ("layers", &["InputLayer"], "optional", "Whether it may be left out of a call; kept for Keras' files."),
    ("layers", &["ActivityRegularization"], "l1", "Factor of `Σ|y|`."),
    ("layers", &["ActivityRegularization"], "l2", "Factor of `Σy²`."),
    ("metrics", &["AUC"], "num_labels", "Number of labels; the predictions tell it, so that none is needed."),
    ("metrics", &["RecallAtPrecision"], "precision", "The precision that is to be reached, from 0 to 1."),
    ("metrics", &["SensitivityAtSpecificity"], "specificity", "The specificity that is to be reached, from 0 to 1."),
    ("metrics", &["SpecificityAtSensitivity"], "sensitivity", "The sensitivity that is to be reached, from 0 to 1."),
    ("optimizers", &["MultiOptimizer"], "optimizer_map", "An `OptimizerMap`: which optimizer has which weights."),
    ("callbacks", &["BackupAndRestore"], "backup_dir", "Folder of the backup, which serves one training at a time."),
    ("callbacks", &["CSVLogger"], "filename", "Path of the file."),
    ("callbacks", &["LearningRateScheduler"], "schedule", "A function of the epoch, from 0, and the learning rate; it gives the new one."),
    ("callbacks", &["LearningRateScheduler"], "verbose", "Whether to tell what happens."),
    ("callbacks", &["LambdaCallback"], "on_train_batch_begin", "Before each training step."),
    ("callbacks", &["ModelCheckpoint"], "filepath", "Path of the file, with places for the epoch and values of the logs."),
    ("callbacks", &["TensorBoard"], "log_dir", "Folder of the files; one for each training, or all are shown together."),
];

const SHARED: &[(&str, &str)] = &[
    ("factor", "Bounds of the strength that is drawn for each image, or one number for both."),
    ("rate", "Part of the values that is dropped, from 0 to below 1."),
    ("stddev", "Standard deviation of the noise."),
    ("target_shape", "Sizes of a sample's axes; one may be -1, which is what is left."),
    ("pool_size", "Size of the windows: a number for all spatial axes, or one for each."),
    ("output_size", "Number of windows: a number for all spatial axes, or one for each."),
    ("cropping", "Cells to cut off: a number for all borders, one for each axis, or pairs of before and after."),
    ("size", "How many times each cell comes: a number for all spatial axes, or one for each."),
    ("dims", "Which axis of the input each axis of a sample is, from 1; the batch stays first."),
    ("height", "Rows of the result."),
    ("width", "Columns of the result."),
    ("n", "How many times."),
    ("input_dim", "Number of different indices: they are from 0 to below this."),
    ("output_dim", "Numbers of a vector."),
    ("return_state", "Whether the last states are results too, after the output."),
    ("num_heads", "Number of heads."),
    ("key_dim", "Numbers of a head's query and key."),
    ("head_dim", "Numbers of a head's query, key and value."),
    ("num_query_heads", "Heads of queries, a multiple of those of keys and values."),
    ("num_key_value_heads", "Heads of keys and values."),
    ("sparse", "Whether tensors are sparse; there are none here, so that it must be `False`."),
    ("ragged", "Whether tensors are ragged; there are none here, so that it must be `False`."),
    ("flash_attention", "Keras' hint for one kind of device, which changes nothing here."),
    ("synchronized", "Whether several devices share the statistics; here is one, so that it makes no difference."),
    ("renorm", "Keras' batch renormalization, which is not supported here: `False`."),
    ("renorm_momentum", "Momentum of that."),
    ("units", "Size of the result's last axis."),
    ("filters", "Number of channels of the result."),
    ("kernel_size", "Size of the kernel: a number for all spatial axes, or one for each."),
    ("num_classes", "Number of classes."),
    ("fn", "A function of labels and predictions that gives a value for each sample, or its name."),
    ("max_value", "Largest value, or norm; none for no bound."),
    ("min_value", "Least norm."),
    ("axis", "The axis along which it is computed."),
    ("ref_labels", "Labels to compare with; none for `y_true`."),
    ("ref_embeddings", "Embeddings to compare with; none for `y_pred`."),
    ("alpha", "Factor of the values below 0."),
    ("approximate", "Whether through the hyperbolic tangent, faster and less exact."),
    ("threshold", "Where the function changes from one part to another."),
    ("negative_slope", "Slope below the threshold."),
    ("b", "How soft the bend is."),
    ("default_value", "The value elsewhere."),
    ("k", "How many of the largest predictions count."),
    ("from_sorted_ids", "Whether predictions are classes by rank, not scores."),
    ("q", "Between the mean absolute error (1) and the cross-entropy (toward 0)."),
    ("from_logits", "Whether predictions are logits, not probabilities."),
];
