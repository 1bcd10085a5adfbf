//! Cross-entropies that weigh hard samples more, or bear wrong labels.

use super::{
    LabelKind, Loss, Reduction,
    common::{clip, loss_arguments, loss_methods, loss_object, mean_over, not_negative, power, smoothing},
    crossentropy::{of_probability, towards},
    is_class, same_shape, without_class_axis,
};
use crate::keras::check;
use adaline_graph::{DType, Var};
use serde::{Deserialize, Serialize};

/// Binary cross-entropy times `(1 - p_t)^gamma`, with `p_t` the probability of the label (Lin et al. 2017); mean over the last axis.
///
/// With `apply_class_balancing` also times `alpha` for the label 1 and `1 - alpha` for 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BinaryFocalCrossentropy {
    name: String,
    reduction: Reduction,
    from_logits: bool,
    label_smoothing: f64,
    axis: isize,
    apply_class_balancing: bool,
    alpha: f64,
    gamma: f64,
}

impl Default for BinaryFocalCrossentropy {
    fn default() -> Self {
        Self {
            name: "binary_focal_crossentropy".into(),
            reduction: Reduction::default(),
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
            apply_class_balancing: false,
            alpha: 0.25,
            gamma: 2.0,
        }
    }
}

loss_arguments!(BinaryFocalCrossentropy:
    /// Whether predictions are logits, not probabilities.
    from_logits: bool,
    /// How far labels are moved towards 1/2, from 0 to 1.
    label_smoothing: f64,
    /// The axis that is averaged over, -1 unless set.
    axis: isize,
    /// Whether classes are weighted by `alpha`.
    apply_class_balancing: bool,
    /// Weight of the class 1, 0.25 unless set.
    alpha: f64,
    /// How much more hard samples count, 2 unless set; 0 is the plain cross-entropy.
    gamma: f64,
);
loss_object!(BinaryFocalCrossentropy, |this| {
    smoothing("BinaryFocalCrossentropy", this.label_smoothing)?;
    not_negative("BinaryFocalCrossentropy", "alpha", this.alpha)?;
    not_negative("BinaryFocalCrossentropy", "gamma", this.gamma)
});

impl Loss for BinaryFocalCrossentropy {
    loss_methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        let (t, p) = same_shape("BinaryFocalCrossentropy", y_true, y_pred);
        let t = towards(t, self.label_smoothing, 2);
        let p = if self.from_logits { p.sigmoid() } else { p };
        let of_label = t * p + (1.0 - t) * (1.0 - p);
        let mut each = power(1.0 - of_label, self.gamma) * of_probability(t, p);
        if self.apply_class_balancing {
            each = (t * self.alpha as f32 + (1.0 - t) * (1.0 - self.alpha) as f32) * each;
        }
        mean_over(each, self.axis)
    }
}

/// `-Σ alpha (1 - p)^gamma y ln p` over the classes (Lin et al. 2017); labels are distributions (one-hot).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CategoricalFocalCrossentropy {
    name: String,
    reduction: Reduction,
    from_logits: bool,
    label_smoothing: f64,
    axis: isize,
    alpha: Alpha,
    gamma: f64,
}

/// One weight for all classes, or one for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a number, or a list of one number per class")]
pub enum Alpha {
    /// For all classes.
    All(f64),
    /// For each class.
    Each(Vec<f64>),
}

impl From<f64> for Alpha {
    fn from(alpha: f64) -> Self {
        Self::All(alpha)
    }
}
impl From<Vec<f64>> for Alpha {
    fn from(alpha: Vec<f64>) -> Self {
        Self::Each(alpha)
    }
}

impl Default for CategoricalFocalCrossentropy {
    fn default() -> Self {
        Self {
            name: "categorical_focal_crossentropy".into(),
            reduction: Reduction::default(),
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
            alpha: Alpha::All(0.25),
            gamma: 2.0,
        }
    }
}

loss_arguments!(CategoricalFocalCrossentropy:
    /// Whether predictions are logits, not probabilities.
    from_logits: bool,
    /// How far labels are moved towards the uniform distribution, from 0 to 1.
    label_smoothing: f64,
    /// The axis that is summed over, -1 unless set.
    axis: isize,
    /// How much more hard samples count, 2 unless set; 0 is the plain cross-entropy.
    gamma: f64,
);
loss_object!(CategoricalFocalCrossentropy, |this| {
    smoothing("CategoricalFocalCrossentropy", this.label_smoothing)?;
    let alphas = match &this.alpha {
        Alpha::All(alpha) => std::slice::from_ref(alpha),
        Alpha::Each(alphas) => alphas,
    };
    check(!alphas.is_empty(), "CategoricalFocalCrossentropy", "alpha", "a number, or a list of one number per class", "[]")?;
    alphas.iter().try_for_each(|&alpha| not_negative("CategoricalFocalCrossentropy", "alpha", alpha))?;
    not_negative("CategoricalFocalCrossentropy", "gamma", this.gamma)
});

impl CategoricalFocalCrossentropy {
    /// Weight of all classes, 0.25 unless set, or a `Vec` with one for each class.
    pub fn alpha(mut self, alpha: impl Into<Alpha>) -> Self {
        self.alpha = alpha.into();
        self
    }
}

impl Loss for CategoricalFocalCrossentropy {
    loss_methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        let class = "CategoricalFocalCrossentropy";
        let (t, p) = same_shape(class, y_true, y_pred);
        let b = t.builder();
        let t = towards(t, self.label_smoothing, t.dim(-1));
        let p = if self.from_logits { p.softmax(self.axis) } else { p };
        let p = clip(p / p.sum(&[self.axis], true));
        let alpha = match &self.alpha {
            Alpha::All(alpha) => b.scalar(*alpha as f32),
            Alpha::Each(alphas) if alphas.len() == p.dim(-1) => {
                let each: Vec<Var<'g>> = alphas.iter().map(|&a| b.full([1], a as f32)).collect();
                adaline_graph::concat(b, &each, 0)
            }
            Alpha::Each(alphas) => {
                return b.error(format!("{class} has {} values of alpha, but predictions {}: one for each class", alphas.len(), p.shape()));
            }
        };
        (power(1.0 - p, self.gamma) * alpha * -t * p.log()).sum(&[self.axis], false)
    }
}

/// `(1 - p[y]^q) / q`: between cross-entropy (`q` near 0) and absolute error (`q` = 1), so that wrong labels do less harm (Zhang and Sabuncu
/// 2018). Labels are class numbers `(B, ..)` or `(B, .., 1)`, predictions probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CategoricalGeneralizedCrossEntropy {
    name: String,
    reduction: Reduction,
    q: f64,
}

impl Default for CategoricalGeneralizedCrossEntropy {
    fn default() -> Self {
        Self { name: "categorical_generalized_cross_entropy".into(), reduction: Reduction::default(), q: 0.5 }
    }
}

loss_arguments!(CategoricalGeneralizedCrossEntropy:
    /// Between 0 and 1, 0.5 unless set.
    q: f64,
);
loss_object!(CategoricalGeneralizedCrossEntropy, |this| check(
    this.q > 0.0 && this.q < 1.0,
    "CategoricalGeneralizedCrossEntropy",
    "q",
    "above 0 and below 1",
    this.q
));

impl Loss for CategoricalGeneralizedCrossEntropy {
    loss_methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        let p = y_pred.cast(DType::F32);
        let Some(labels) = without_class_axis("CategoricalGeneralizedCrossEntropy", y_true, p) else { return y_pred };
        let nothing = p.builder().full(p.shape(), 0.0);
        let of_label = is_class(labels, p.shape()).select(p, nothing).sum(&[-1], false);
        (1.0 - power(of_label, self.q)) / self.q as f32
    }
    fn labels(&self) -> LabelKind {
        LabelKind::Classes
    }
}
