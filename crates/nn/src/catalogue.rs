//! The catalogue: every class once, by Keras' name. Adding a layer, loss, metric or optimizer is one file and one row here.
//!
//! ```
//! use adaline_nn::catalogue;
//! use serde_json::json;
//!
//! let envelope = json!({"module": "keras.layers", "class_name": "Dense", "config": {"units": 10, "activation": "softmax"}});
//! let layer = catalogue::layer_from_json(&envelope).unwrap();
//! assert_eq!(layer.config()["use_bias"], true); // Keras' default
//!
//! let error = catalogue::loss_from_json(&json!("sparse_categorical_crossentrop")).err().unwrap();
//! assert_eq!(error.to_string(), "there is no loss `sparse_categorical_crossentrop`; did you mean `sparse_categorical_crossentropy`?");
//! ```

pub use crate::custom::{CustomObject, CustomObjects, custom_object_scope};

use crate::{
    Layer, Loss, Metric, Optimizer,
    activations::Activation,
    constraints::Constraint,
    custom,
    initializers::Initializer,
    keras::{ConfigError, open},
    layers, losses, metrics,
    network::Network,
    optimizers,
    regularizers::Regularizer,
    schedules::Schedule,
};
use serde_json::{Value, json};

/// One class.
pub struct Row<T: ?Sized> {
    /// Keras' name of the class.
    pub class: &'static str,
    /// Keras' public module.
    pub module: &'static str,
    /// Other names by which Keras' users ask for it.
    pub aliases: &'static [&'static str],
    /// Makes one from its arguments.
    pub from_config: fn(&Value) -> Result<Box<T>, ConfigError>,
}

macro_rules! rows {
    ($name:ident, $trait:ident, $doc:literal, $module:literal, $base:ident: $($ty:ident = $class:literal [$($alias:literal),*]),* $(,)?) => {
        #[doc = $doc]
        pub const $name: &[Row<dyn $trait>] = &[$(Row {
            class: $class,
            module: $module,
            aliases: &[$($alias),*],
            from_config: |config| Ok(Box::new($base::$ty::from_config(config)?)),
        }),*];
    };
}

rows! { LAYERS, Layer, "All layers.", "keras.layers", layers:
    InputLayer = "InputLayer" [],
    Dense = "Dense" [],
    ActivationLayer = "Activation" [],
    Dropout = "Dropout" [],
    Flatten = "Flatten" [],
    Reshape = "Reshape" [],
    Rescaling = "Rescaling" [],
    Normalization = "Normalization" [],
    Conv1D = "Conv1D" ["Convolution1D"],
    Conv2D = "Conv2D" ["Convolution2D"],
    Conv3D = "Conv3D" ["Convolution3D"],
    MaxPooling1D = "MaxPooling1D" ["MaxPool1D"],
    MaxPooling2D = "MaxPooling2D" ["MaxPool2D"],
    MaxPooling3D = "MaxPooling3D" ["MaxPool3D"],
    AveragePooling1D = "AveragePooling1D" ["AvgPool1D"],
    AveragePooling2D = "AveragePooling2D" ["AvgPool2D"],
    AveragePooling3D = "AveragePooling3D" ["AvgPool3D"],
    GlobalMaxPooling1D = "GlobalMaxPooling1D" ["GlobalMaxPool1D"],
    GlobalMaxPooling2D = "GlobalMaxPooling2D" ["GlobalMaxPool2D"],
    GlobalMaxPooling3D = "GlobalMaxPooling3D" ["GlobalMaxPool3D"],
    GlobalAveragePooling1D = "GlobalAveragePooling1D" ["GlobalAvgPool1D"],
    GlobalAveragePooling2D = "GlobalAveragePooling2D" ["GlobalAvgPool2D"],
    GlobalAveragePooling3D = "GlobalAveragePooling3D" ["GlobalAvgPool3D"],
    BatchNormalization = "BatchNormalization" [],
    SpatialDropout1D = "SpatialDropout1D" [],
    SpatialDropout2D = "SpatialDropout2D" [],
    SpatialDropout3D = "SpatialDropout3D" [],
    AdaptiveMaxPooling1D = "AdaptiveMaxPooling1D" [],
    AdaptiveMaxPooling2D = "AdaptiveMaxPooling2D" [],
    AdaptiveMaxPooling3D = "AdaptiveMaxPooling3D" [],
    AdaptiveAveragePooling1D = "AdaptiveAveragePooling1D" [],
    AdaptiveAveragePooling2D = "AdaptiveAveragePooling2D" [],
    AdaptiveAveragePooling3D = "AdaptiveAveragePooling3D" [],
    ZeroPadding1D = "ZeroPadding1D" [],
    ZeroPadding2D = "ZeroPadding2D" [],
    ZeroPadding3D = "ZeroPadding3D" [],
    Cropping1D = "Cropping1D" [],
    Cropping2D = "Cropping2D" [],
    Cropping3D = "Cropping3D" [],
    UpSampling1D = "UpSampling1D" [],
    UpSampling2D = "UpSampling2D" [],
    UpSampling3D = "UpSampling3D" [],
    Permute = "Permute" [],
    ReLU = "ReLU" [],
    LeakyReLU = "LeakyReLU" [],
    Elu = "ELU" [],
    PReLU = "PReLU" [],
    Softmax = "Softmax" [],
    Conv1DTranspose = "Conv1DTranspose" ["Convolution1DTranspose"],
    Conv2DTranspose = "Conv2DTranspose" ["Convolution2DTranspose"],
    Conv3DTranspose = "Conv3DTranspose" ["Convolution3DTranspose"],
    DepthwiseConv1D = "DepthwiseConv1D" [],
    DepthwiseConv2D = "DepthwiseConv2D" [],
    SeparableConv1D = "SeparableConv1D" ["SeparableConvolution1D"],
    SeparableConv2D = "SeparableConv2D" ["SeparableConvolution2D"],
    Resizing = "Resizing" [],
    CenterCrop = "CenterCrop" [],
    Solarization = "Solarization" [],
    RandomFlip = "RandomFlip" [],
    RandomRotation = "RandomRotation" [],
    RandomZoom = "RandomZoom" [],
    RandomTranslation = "RandomTranslation" [],
    RandomShear = "RandomShear" [],
    RandomCrop = "RandomCrop" [],
    RandomContrast = "RandomContrast" [],
    RandomBrightness = "RandomBrightness" [],
    RandomHue = "RandomHue" [],
    RandomSaturation = "RandomSaturation" [],
    RandomGrayscale = "RandomGrayscale" [],
    RandomErasing = "RandomErasing" [],
    RandomGaussianBlur = "RandomGaussianBlur" [],
    MixUp = "MixUp" [],
    CutMix = "CutMix" [],
    AutoContrast = "AutoContrast" [],
    Equalization = "Equalization" [],
    AugMix = "AugMix" [],
    ContrastLimitedAdaptiveHistogramEqualization = "ContrastLimitedAdaptiveHistogramEqualization" [],
    RandomElasticTransform = "RandomElasticTransform" [],
    RandomPerspective = "RandomPerspective" [],
    RandomPosterization = "RandomPosterization" [],
    RandomSharpness = "RandomSharpness" [],
    RandomColorDegeneration = "RandomColorDegeneration" [],
    RandomColorJitter = "RandomColorJitter" [],
    RandomInvert = "RandomInvert" [],
    RandAugment = "RandAugment" [],
    Embedding = "Embedding" [],
    Masking = "Masking" [],
    SimpleRNN = "SimpleRNN" [],
    LSTM = "LSTM" [],
    GRU = "GRU" [],
    SimpleRNNCell = "SimpleRNNCell" [],
    LSTMCell = "LSTMCell" [],
    GRUCell = "GRUCell" [],
    StackedRNNCells = "StackedRNNCells" [],
    RNN = "RNN" [],
    Bidirectional = "Bidirectional" [],
    TimeDistributed = "TimeDistributed" [],
    ConvLSTM1D = "ConvLSTM1D" [],
    ConvLSTM2D = "ConvLSTM2D" [],
    ConvLSTM3D = "ConvLSTM3D" [],
    Add = "Add" [],
    Subtract = "Subtract" [],
    Multiply = "Multiply" [],
    Average = "Average" [],
    Maximum = "Maximum" [],
    Minimum = "Minimum" [],
    Concatenate = "Concatenate" [],
    Dot = "Dot" [],
    RepeatVector = "RepeatVector" [],
    Identity = "Identity" [],
    EinsumDense = "EinsumDense" [],
    LayerNormalization = "LayerNormalization" [],
    GroupNormalization = "GroupNormalization" [],
    RMSNormalization = "RMSNormalization" [],
    UnitNormalization = "UnitNormalization" [],
    GaussianNoise = "GaussianNoise" [],
    GaussianDropout = "GaussianDropout" [],
    AlphaDropout = "AlphaDropout" [],
    ActivityRegularization = "ActivityRegularization" [],
    ReversibleEmbedding = "ReversibleEmbedding" [],
    SpectralNormalization = "SpectralNormalization" [],
    Pipeline = "Pipeline" [],
    Attention = "Attention" [],
    AdditiveAttention = "AdditiveAttention" [],
    MultiHeadAttention = "MultiHeadAttention" [],
    GroupQueryAttention = "GroupQueryAttention" ["GroupedQueryAttention"],
    Discretization = "Discretization" [],
    CategoryEncoding = "CategoryEncoding" [],
    Hashing = "Hashing" [],
    HashedCrossing = "HashedCrossing" [],
    IntegerLookup = "IntegerLookup" [],
    StringLookup = "StringLookup" [],
}

/// Networks as layers of others. They are no classes of `keras.layers`, and so have rows of their own.
pub const NETWORKS: &[Row<dyn Layer>] = &[
    Row { class: "Sequential", module: "keras", aliases: &[], from_config: |config| Network::layer_from_config("Sequential", config) },
    Row {
        class: "Functional",
        module: "keras.src.models.functional",
        aliases: &["Model"],
        from_config: |config| Network::layer_from_config("Functional", config),
    },
];

rows! { LOSSES, Loss, "All losses.", "keras.losses", losses:
    MeanSquaredError = "MeanSquaredError" ["mean_squared_error", "mse", "MSE"],
    MeanAbsoluteError = "MeanAbsoluteError" ["mean_absolute_error", "mae", "MAE"],
    BinaryCrossentropy = "BinaryCrossentropy" ["binary_crossentropy", "bce", "BCE"],
    CategoricalCrossentropy = "CategoricalCrossentropy" ["categorical_crossentropy"],
    SparseCategoricalCrossentropy = "SparseCategoricalCrossentropy" ["sparse_categorical_crossentropy"],
    BinaryFocalCrossentropy = "BinaryFocalCrossentropy" ["binary_focal_crossentropy"],
    CategoricalFocalCrossentropy = "CategoricalFocalCrossentropy" ["categorical_focal_crossentropy"],
    CategoricalGeneralizedCrossEntropy = "CategoricalGeneralizedCrossEntropy" ["categorical_generalized_cross_entropy"],
    MeanAbsolutePercentageError = "MeanAbsolutePercentageError" ["mean_absolute_percentage_error", "mape", "MAPE"],
    MeanSquaredLogarithmicError = "MeanSquaredLogarithmicError" ["mean_squared_logarithmic_error", "msle", "MSLE"],
    CosineSimilarity = "CosineSimilarity" ["cosine_similarity"],
    Huber = "Huber" ["huber"],
    LogCosh = "LogCosh" ["log_cosh", "logcosh"],
    Hinge = "Hinge" ["hinge"],
    SquaredHinge = "SquaredHinge" ["squared_hinge"],
    CategoricalHinge = "CategoricalHinge" ["categorical_hinge"],
    KLDivergence = "KLDivergence" ["kl_divergence", "kld", "KLD", "kullback_leibler_divergence"],
    Poisson = "Poisson" ["poisson"],
    CTC = "CTC" ["ctc"],
    Circle = "Circle" ["circle"],
    Dice = "Dice" ["dice"],
    Tversky = "Tversky" ["tversky"],
}

rows! { METRICS, Metric, "All metrics, save the string `accuracy`, which is chosen by shapes.", "keras.metrics", metrics:
    EqualAccuracy = "Accuracy" [],
    BinaryAccuracy = "BinaryAccuracy" ["binary_accuracy"],
    CategoricalAccuracy = "CategoricalAccuracy" ["categorical_accuracy"],
    SparseCategoricalAccuracy = "SparseCategoricalAccuracy" ["sparse_categorical_accuracy"],
    TopKCategoricalAccuracy = "TopKCategoricalAccuracy" ["top_k_categorical_accuracy"],
    SparseTopKCategoricalAccuracy = "SparseTopKCategoricalAccuracy" ["sparse_top_k_categorical_accuracy"],
    Precision = "Precision" ["precision"],
    Recall = "Recall" ["recall"],
    MeanSquaredError = "MeanSquaredError" ["mean_squared_error", "mse", "MSE"],
    MeanAbsoluteError = "MeanAbsoluteError" ["mean_absolute_error", "mae", "MAE"],
    RootMeanSquaredError = "RootMeanSquaredError" ["root_mean_squared_error"],
    R2Score = "R2Score" ["r2_score"],
    BinaryCrossentropy = "BinaryCrossentropy" ["binary_crossentropy", "bce", "BCE"],
    CategoricalCrossentropy = "CategoricalCrossentropy" ["categorical_crossentropy"],
    SparseCategoricalCrossentropy = "SparseCategoricalCrossentropy" ["sparse_categorical_crossentropy"],
    AUC = "AUC" ["auc"],
    F1Score = "F1Score" ["f1_score"],
    FBetaScore = "FBetaScore" ["f_beta_score"],
    PrecisionAtRecall = "PrecisionAtRecall" ["precision_at_recall"],
    RecallAtPrecision = "RecallAtPrecision" ["recall_at_precision"],
    SensitivityAtSpecificity = "SensitivityAtSpecificity" ["sensitivity_at_specificity"],
    SpecificityAtSensitivity = "SpecificityAtSensitivity" ["specificity_at_sensitivity"],
    TruePositives = "TruePositives" ["true_positives"],
    TrueNegatives = "TrueNegatives" ["true_negatives"],
    FalsePositives = "FalsePositives" ["false_positives"],
    FalseNegatives = "FalseNegatives" ["false_negatives"],
    KLDivergence = "KLDivergence" ["kl_divergence", "kld", "KLD", "kullback_leibler_divergence"],
    Poisson = "Poisson" ["poisson"],
    MeanAbsolutePercentageError = "MeanAbsolutePercentageError" ["mean_absolute_percentage_error", "mape", "MAPE"],
    MeanSquaredLogarithmicError = "MeanSquaredLogarithmicError" ["mean_squared_logarithmic_error", "msle", "MSLE"],
    CosineSimilarity = "CosineSimilarity" ["cosine_similarity"],
    LogCoshError = "LogCoshError" ["log_cosh_error", "logcosh", "log_cosh"],
    PearsonCorrelation = "PearsonCorrelation" ["pearson_correlation"],
    ConcordanceCorrelation = "ConcordanceCorrelation" ["concordance_correlation"],
    Hinge = "Hinge" ["hinge"],
    SquaredHinge = "SquaredHinge" ["squared_hinge"],
    CategoricalHinge = "CategoricalHinge" ["categorical_hinge"],
    IoU = "IoU" ["io_u"],
    BinaryIoU = "BinaryIoU" ["binary_io_u"],
    MeanIoU = "MeanIoU" ["mean_io_u"],
    OneHotIoU = "OneHotIoU" ["one_hot_io_u"],
    OneHotMeanIoU = "OneHotMeanIoU" ["one_hot_mean_io_u"],
    Mean = "Mean" ["mean"],
    Sum = "Sum" ["sum"],
    MeanMetricWrapper = "MeanMetricWrapper" ["mean_metric_wrapper"],
}

rows! { OPTIMIZERS, Optimizer, "All optimizers. Their names are matched whatever the case.", "keras.optimizers", optimizers:
    Sgd = "SGD" [],
    RmsProp = "RMSprop" [],
    Adam = "Adam" [],
    AdamW = "AdamW" [],
    Adamax = "Adamax" [],
    Nadam = "Nadam" [],
    Adagrad = "Adagrad" [],
    Adadelta = "Adadelta" [],
    Adafactor = "Adafactor" [],
    Ftrl = "Ftrl" [],
    Lamb = "Lamb" [],
    Lion = "Lion" [],
    Muon = "Muon" [],
    ScheduleFreeAdamW = "ScheduleFreeAdamW" [],
    LossScaleOptimizer = "LossScaleOptimizer" [],
    MultiOptimizer = "MultiOptimizer" [],
}

/// A layer from Keras' envelope.
pub fn layer_from_json(value: &Value) -> Result<Box<dyn Layer>, ConfigError> {
    if !value.is_object() {
        return Err(ConfigError::Shape { expected: "a layer with a `class_name`".into(), got: value.to_string() });
    }
    if let Some(found) = custom::find(value, |objects, object| objects.layer(object)) {
        return found;
    }
    let matches = |row: &Row<dyn Layer>, name: &str| row.class == name || row.aliases.contains(&name);
    let rows =
        if NETWORKS.iter().any(|row| value["class_name"].as_str().is_some_and(|name| matches(row, name))) { NETWORKS } else { LAYERS };
    read("layer", rows, value, matches)
}

/// A loss from Keras' envelope or a name such as `mse`.
pub fn loss_from_json(value: &Value) -> Result<Box<dyn Loss>, ConfigError> {
    let value = function_name(value);
    if let Some(found) = custom::find(value, |objects, object| objects.loss(object)) {
        return found;
    }
    read("loss", LOSSES, value, |row, name| row.class == name || row.aliases.contains(&name))
}

/// A metric from Keras' envelope or a name such as `accuracy`, which then is its name in logs.
pub fn metric_from_json(value: &Value) -> Result<Box<dyn Metric>, ConfigError> {
    let value = function_name(value);
    if let Some(found) = custom::find(value, |objects, object| objects.metric(object)) {
        return found;
    }
    match value.as_str().map(str::to_lowercase).as_deref() {
        Some("accuracy") => return Ok(metrics::Accuracy::new().into()),
        Some("acc") => return Ok(metrics::Accuracy::acc().into()),
        _ => {}
    }
    let mut metric = read("metric", METRICS, value, |row, name| row.class == name || row.aliases.contains(&name)).map_err(|e| match e {
        ConfigError::UnknownClass { kind, name, mut known, .. } => {
            known.insert(0, "accuracy".into());
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            ConfigError::unknown_class(kind, &name, &known)
        }
        other => other,
    })?;
    if let Some(name) = value.as_str() {
        metric.set_name(name.into());
    }
    Ok(metric)
}

/// An optimizer from Keras' envelope or a name such as `adam`.
pub fn optimizer_from_json(value: &Value) -> Result<Box<dyn Optimizer>, ConfigError> {
    if let Some(found) = custom::find(value, |objects, object| objects.optimizer(object)) {
        return found;
    }
    read("optimizer", OPTIMIZERS, value, |row, name| row.class.eq_ignore_ascii_case(name))
}

/// An activation from a name such as `relu`, or a function's envelope; null is none.
pub fn activation_from_json(value: &Value) -> Result<Activation, ConfigError> {
    Activation::try_from(value.clone())
}

/// An initializer from Keras' envelope or a name such as `glorot_uniform`.
pub fn initializer_from_json(value: &Value) -> Result<Initializer, ConfigError> {
    Initializer::from_json(value)
}

/// A regularizer from Keras' envelope or a name such as `l2`.
pub fn regularizer_from_json(value: &Value) -> Result<Regularizer, ConfigError> {
    Regularizer::from_json(value)
}

/// A constraint from Keras' envelope or a name such as `max_norm`.
pub fn constraint_from_json(value: &Value) -> Result<Constraint, ConfigError> {
    Constraint::from_json(value)
}

/// A learning-rate schedule from Keras' envelope.
pub fn schedule_from_json(value: &Value) -> Result<Schedule, ConfigError> {
    Schedule::from_json(value)
}

/// The name in a function's envelope: `{"module": "builtins", "class_name": "function", "config": "mean_squared_error"}`.
fn function_name(value: &Value) -> &Value {
    let is_function = value.get("class_name").and_then(Value::as_str) == Some("function");
    value.get("config").filter(|c| is_function && c.is_string()).unwrap_or(value)
}

fn read<T: ?Sized>(
    kind: &'static str,
    rows: &[Row<T>],
    value: &Value,
    matches: impl Fn(&Row<T>, &str) -> bool,
) -> Result<Box<T>, ConfigError> {
    let (name, config) = open(kind, value)?;
    let Some(row) = rows.iter().find(|row| matches(row, name)) else {
        let known: Vec<&str> = rows.iter().flat_map(|r| std::iter::once(r.class).chain(r.aliases.iter().copied())).collect();
        return Err(ConfigError::unknown_class(kind, name, &known));
    };
    match config {
        Some(config) => (row.from_config)(config),
        None => (row.from_config)(&json!({})),
    }
}
