//! From gradients to new weights, in Keras' order: clip, decay, update.

use super::{Common, Memory, Optimizer, Step};
use adaline_graph::Var;

/// New values after an update.
#[derive(Clone)]
pub struct Applied<'g> {
    /// Of each weight.
    pub weights: Vec<Var<'g>>,
    /// Of each weight's slots, in the optimizer's order.
    pub slots: Vec<Vec<Var<'g>>>,
    /// Of what all weights share.
    pub shared: Option<Var<'g>>,
}

/// Writes one update of all weights: clips the gradients, decays the weights, updates them and the optimizer's memory.
/// `slots[i]` are the values of the memory of `weights[i]`, as many as [`Optimizer::slots`] names; `decays[i]` says whether it decays, as those beyond
/// the end do.
pub fn apply_gradients<'g>(
    optimizer: &dyn Optimizer,
    step: &Step<'g>,
    weights: &[Var<'g>],
    gradients: &[Var<'g>],
    slots: &[Vec<Var<'g>>],
    decays: &[bool],
) -> Applied<'g> {
    let common = optimizer.common();
    let step = &Step { shared: optimizer.share(step), ..*step };
    let (weights_of, slots_of) = (Vec::with_capacity(weights.len()), Vec::with_capacity(weights.len()));
    let mut applied = Applied { weights: weights_of, slots: slots_of, shared: step.shared };
    for (at, ((&w, g), old)) in weights.iter().zip(clip(common, gradients)).zip(slots).enumerate() {
        let decayed = match optimizer.decay(old.len()).filter(|_| decays.get(at) != Some(&false)) {
            Some(wd) => w - w * wd as f32 * step.learning_rate,
            None => w,
        };
        let mut memory: Vec<Memory<'g>> = old.iter().map(|&old| Memory { old, new: None }).collect();
        applied.weights.push(optimizer.update(step, decayed, g, &mut memory));
        applied.slots.push(memory.iter().map(|m| m.new.unwrap_or(m.old)).collect());
    }
    applied
}

/// The step between updates when gradients are accumulated: new values of the accumulators.
pub fn accumulate<'g>(accumulators: &[Var<'g>], gradients: &[Var<'g>]) -> Vec<Var<'g>> {
    accumulators.iter().zip(gradients).map(|(&a, &g)| g + a).collect()
}

/// The step of the update when gradients are accumulated: the averaged gradients for [`apply_gradients`], and the accumulators' zeros.
pub fn averaged<'g>(steps: u32, accumulators: &[Var<'g>], gradients: &[Var<'g>]) -> (Vec<Var<'g>>, Vec<Var<'g>>) {
    let mean = accumulate(accumulators, gradients).into_iter().map(|sum| sum / steps as f32).collect();
    (mean, accumulators.iter().map(|a| a.builder().full(a.shape(), 0.0)).collect())
}

/// Gradients of a loss that was multiplied by `loss_scale_factor`, as if it had not been.
pub fn unscaled<'g>(common: &Common, gradients: Vec<Var<'g>>) -> Vec<Var<'g>> {
    match common.loss_scale_factor {
        Some(factor) => gradients.into_iter().map(|g| g / factor as f32).collect(),
        None => gradients,
    }
}

/// One step of the moving averages after the weights (Keras' `use_ema`): `a = μ a + (1 - μ) w`, in the first update `a = w`. Averages, and
/// weights in whose place they are put after each `ema_overwrite_frequency` updates. As Keras on JAX and TensorFlow, a step that only
/// accumulates gradients moves the averages too.
pub fn follow_weights<'g>(common: &Common, step: &Step<'g>, weights: &mut [Var<'g>], averages: &mut [Var<'g>]) {
    if averages.is_empty() {
        return;
    }
    // scalars
    let keep = step.t.gt_scalar(1.0).cast(adaline_graph::DType::F32) * common.ema_momentum as f32;
    let due = common.ema_overwrite_frequency.map(|n| step.t.equal((step.t / n as f32).floor() * n as f32));
    for (w, average) in weights.iter_mut().zip(averages) {
        *average = *average * keep + *w * (1.0 - keep);
        if let Some(due) = due {
            *w = due.select(*average, *w);
        }
    }
}

/// Keras' three ways of clipping.
fn clip<'g>(common: &Common, gradients: &[Var<'g>]) -> Vec<Var<'g>> {
    let each = |f: &dyn Fn(Var<'g>) -> Var<'g>| gradients.iter().map(|&g| f(g)).collect();
    if let Some(norm) = common.clipnorm {
        let norm = norm as f32;
        each(&|g| {
            let l2 = g.square().sum(&[], false).sqrt();
            g * norm / l2.max_scalar(norm)
        })
    } else if let Some(norm) = common.global_clipnorm {
        let norm = norm as f32;
        let Some(total) = gradients.iter().map(|g| g.square().sum(&[], false)).reduce(|a, b| a + b) else {
            return Vec::new();
        };
        let l2 = total.sqrt();
        // 0 · inf and 0 · NaN are NaN: a gradient that is not finite must not pass for a clipped one.
        let scale = (1.0 / l2).min_scalar(1.0 / norm) * norm + l2 * 0.0;
        each(&|g| g * scale)
    } else if let Some(bound) = common.clipvalue {
        each(&|g| g.clip(-bound as f32, bound as f32))
    } else {
        gradients.to_vec()
    }
}
