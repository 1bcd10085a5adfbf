//! Intersection over union: segmentation.

use super::common::{element_weights, metric_of_family, numbers, sums_are_variables};
use crate::keras::{ConfigError, check, only, read_over, to_config};
use adaline_graph::{DType, Literal, Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Common {
    name: String,
    dtype: Counting,
}

/// What Keras counts in: in whole numbers, the default, fractions of sample weights are cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Value")]
enum Counting {
    #[default]
    #[serde(rename = "int32")]
    Whole,
    #[serde(rename = "float32")]
    Float,
}

impl TryFrom<Value> for Counting {
    type Error = String;
    fn try_from(value: Value) -> Result<Self, String> {
        let name = value.pointer("/config/name").or(Some(&value)).and_then(Value::as_str);
        match name {
            Some("int32" | "int") => Ok(Self::Whole),
            Some("float32") => Ok(Self::Float),
            None if value.is_null() => Ok(Self::Whole),
            _ => Err(format!("{value} given, expected int32 or float32")),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Arguments {
    #[serde(flatten)]
    common: Common,
    num_classes: usize,
    target_class_ids: Vec<usize>,
    ignore_class: Option<i32>,
    sparse_y_true: bool,
    sparse_y_pred: bool,
    axis: isize,
    threshold: f64,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            common: Common { name: String::new(), dtype: Counting::default() },
            num_classes: 2,
            target_class_ids: vec![0, 1],
            ignore_class: None,
            sparse_y_true: true,
            sparse_y_pred: true,
            axis: -1,
            threshold: 0.5,
        }
    }
}

/// What tells one class from another.
#[derive(Debug, PartialEq)]
struct Spec {
    class: &'static str,
    name: &'static str,
    known: &'static [&'static str],
    required: &'static [&'static str],
    larger_is_better: Option<bool>,
    one_hot: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Intersection {
    spec: &'static Spec,
    arguments: Arguments,
}

impl Intersection {
    const HEEDS_MASK: bool = false;

    fn new(spec: &'static Spec, num_classes: usize, targets: Vec<usize>) -> Self {
        let common = Common { name: spec.name.into(), dtype: Counting::default() };
        let sparse = !spec.one_hot;
        let arguments = Arguments {
            common,
            num_classes,
            target_class_ids: targets,
            sparse_y_true: sparse,
            sparse_y_pred: sparse,
            ..Arguments::default()
        };
        Self { spec, arguments }
    }
    fn read(spec: &'static Spec, config: &Value) -> Result<Self, ConfigError> {
        let of = Self::new(spec, 2, vec![0, 1]);
        let mut read: Arguments = read_over(spec.class, spec.required, of.config(), config)?;
        if !spec.known.contains(&"sparse_y_true") {
            read.sparse_y_true = of.arguments.sparse_y_true;
        }
        Ok(Self { spec, arguments: read })
    }
    fn config(&self) -> Value {
        only(to_config(&self.arguments), self.spec.known)
    }
    /// The classes that count: all where the class names none.
    fn targets(&self) -> Vec<usize> {
        if self.spec.known.contains(&"target_class_ids") {
            self.arguments.target_class_ids.clone()
        } else {
            (0..self.arguments.num_classes).collect()
        }
    }
    fn validate(&self) -> Result<(), ConfigError> {
        let (class, classes) = (self.spec.class, self.arguments.num_classes);
        // The matrix of so many classes squared has to fit into memory.
        check((1..=1 << 12).contains(&classes), class, "num_classes", "from 1 to 4096", classes)?;
        let targets = self.targets();
        let fit = !targets.is_empty() && targets.iter().all(|&t| t < classes);
        check(fit, class, "target_class_ids", &format!("a list of class numbers below {classes}"), format!("{targets:?}"))?;
        check(self.arguments.threshold.is_finite(), class, "threshold", "a finite number", self.arguments.threshold)
    }
    fn sums(&self, _: Shape, _: Shape) -> Vec<(&'static str, Shape)> {
        vec![("total_confusion_matrix", Shape::new(&[self.arguments.num_classes; 2]))]
    }
    fn update<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>> {
        let (b, a) = (y_pred.builder(), &self.arguments);
        let classes = |v: Var<'g>, sparse: bool| if sparse { v.cast(DType::I32) } else { v.cast(DType::F32).argmax(a.axis) };
        let p = if self.spec.known.contains(&"threshold") {
            // Positive from the threshold on.
            y_pred.ge(b.full(y_pred.shape(), a.threshold as f32)).cast(DType::I32)
        } else {
            classes(y_pred, a.sparse_y_pred)
        };
        let t = classes(y_true, a.sparse_y_true);
        let elements = t.shape().len();
        if elements != p.shape().len() && !b.failed() {
            return vec![b.error(format!(
                "{} expects one label for each prediction, got labels {} and predictions {}: sparse_y_true and sparse_y_pred say whether they are \
                 class numbers or one-hot (probabilities)",
                self.spec.class,
                y_true.shape(),
                y_pred.shape()
            ))];
        }
        let mut weight = element_weights(t.cast(DType::F32), weight);
        if a.common.dtype == Counting::Whole {
            weight = weight.cast(DType::I32).cast(DType::F32);
        }
        if let Some(ignored) = a.ignore_class {
            let counts = t.not_equal(b.constant(Literal::I32(ignored), t.shape()));
            weight = counts.select(weight, b.full(weight.shape(), 0.0));
        }
        // Rows are labels, columns predictions; what is no class has a row of zeros.
        let rows = |v: Var<'g>| v.reshape([elements]).one_hot(a.num_classes);
        vec![rows(t).dot(rows(p) * weight.reshape([elements, 1]), true, false)]
    }
    sums_are_variables!();
    fn results(&self, sums: &[&[f32]]) -> Vec<f64> {
        const EPSILON: f64 = 1e-7;
        let n = self.arguments.num_classes;
        let matrix = numbers(sums, 0, n * n);
        let (mut found, mut sum) = (0.0, 0.0);
        for class in self.targets() {
            let right = matrix[class * n + class];
            let labels: f64 = (0..n).map(|j| matrix[class * n + j]).sum();
            let predictions: f64 = (0..n).map(|j| matrix[j * n + class]).sum();
            let union = labels + predictions - right;
            // A class that is nowhere does not count.
            if union > 1e-9 {
                found += 1.0;
                sum += right / (union + EPSILON);
            }
        }
        vec![sum / (found + EPSILON)]
    }
}

macro_rules! intersection {
    ($(#[$doc:meta])* $ty:ident, $name:literal, [$($known:literal),*], [$($required:literal),*], $one_hot:literal) => {
        metric_of_family! {
            $(#[$doc])*
            $ty(Intersection), Spec {
                class: stringify!($ty), name: $name, known: &["name", "dtype", $($known),*], required: &[$($required),*],
                larger_is_better: Some(true), one_hot: $one_hot,
            }
        }
        impl $ty {
            /// Whether weights of samples keep their fractions, instead of being cut to whole numbers as Keras does.
            pub fn fractional_weights(mut self, keep: bool) -> Self {
                self.0.arguments.common.dtype = if keep { Counting::Float } else { Counting::Whole };
                self
            }
        }
    };
}

intersection! {
    /// The mean, over the classes asked for, of `right / (labels + predictions - right)`. Labels and predictions are class numbers, or with
    /// `sparse_y_true`, `sparse_y_pred` false one-hot and probabilities along `axis`.
    IoU, "io_u", ["num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis"],
    ["num_classes", "target_class_ids"], false
}
intersection! {
    /// [`IoU`] of the classes 0 and 1: labels 0 and 1, predictions probabilities.
    BinaryIoU, "binary_io_u", ["target_class_ids", "threshold"], [], false
}
intersection! {
    /// [`IoU`] of all classes.
    MeanIoU, "mean_io_u", ["num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis"], ["num_classes"], false
}
intersection! {
    /// [`IoU`] of one-hot labels, and of probabilities unless `sparse_y_pred`.
    OneHotIoU, "one_hot_io_u", ["num_classes", "target_class_ids", "ignore_class", "sparse_y_pred", "axis"],
    ["num_classes", "target_class_ids"], true
}
intersection! {
    /// [`OneHotIoU`] of all classes.
    OneHotMeanIoU, "one_hot_mean_io_u", ["num_classes", "ignore_class", "sparse_y_pred", "axis"], ["num_classes"], true
}

macro_rules! of_classes {
    ($ty:ident) => {
        impl $ty {
            /// A label that does not count.
            pub fn ignore_class(mut self, class: i32) -> Self {
                self.0.arguments.ignore_class = Some(class);
                self
            }
            /// Whether predictions are class numbers, not probabilities.
            pub fn sparse_y_pred(mut self, sparse: bool) -> Self {
                self.0.arguments.sparse_y_pred = sparse;
                self
            }
            /// The axis of the classes where labels or predictions are not class numbers, -1 unless set.
            pub fn axis(mut self, axis: isize) -> Self {
                self.0.arguments.axis = axis;
                self
            }
        }
    };
}
of_classes!(IoU);
of_classes!(MeanIoU);
of_classes!(OneHotIoU);
of_classes!(OneHotMeanIoU);

macro_rules! of_some_classes {
    ($ty:ident) => {
        impl $ty {
            /// Of so many classes, those that count.
            pub fn new(num_classes: usize, target_class_ids: impl Into<Vec<usize>>) -> Self {
                Self(Intersection::new(&Self::SPEC, num_classes, target_class_ids.into()))
            }
        }
    };
}
of_some_classes!(IoU);
of_some_classes!(OneHotIoU);

macro_rules! of_all_classes {
    ($ty:ident) => {
        impl $ty {
            /// Of so many classes.
            pub fn new(num_classes: usize) -> Self {
                Self(Intersection::new(&Self::SPEC, num_classes, Vec::new()))
            }
        }
    };
}
of_all_classes!(MeanIoU);
of_all_classes!(OneHotMeanIoU);

macro_rules! sparse_labels {
    ($ty:ident) => {
        impl $ty {
            /// Whether labels are class numbers, not one-hot.
            pub fn sparse_y_true(mut self, sparse: bool) -> Self {
                self.0.arguments.sparse_y_true = sparse;
                self
            }
        }
    };
}
sparse_labels!(IoU);
sparse_labels!(MeanIoU);

impl Default for BinaryIoU {
    fn default() -> Self {
        Self(Intersection::new(&Self::SPEC, 2, vec![0, 1]))
    }
}

impl BinaryIoU {
    /// Of both classes, at a threshold of 0.5.
    pub fn new() -> Self {
        Self::default()
    }
    /// The classes that count.
    pub fn target_class_ids(mut self, ids: impl Into<Vec<usize>>) -> Self {
        self.0.arguments.target_class_ids = ids.into();
        self
    }
    /// Predictions from it on count as 1.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.0.arguments.threshold = threshold;
        self
    }
}
