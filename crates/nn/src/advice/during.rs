//! What can be told in the course of a training: of the losses of its epochs, and of one pass of some rows through the network and back.

use super::{Advice, AdviceKind, short};
use crate::model::{Progress, Pulse};

/// Fewest rows by which units are judged.
const FEWEST_ROWS: usize = 8;
/// Fewest layers between which gradients can vanish, and by how much they must have.
const FEWEST_LAYERS: usize = 3;
const VANISHED: f64 = 1e-3;
const EXPLODED: f64 = 1e3;
/// Steps of an epoch, or epochs, from which rising losses mean something, and rows of a batch from which a single one does.
const FEWEST_STEPS: usize = 4;
const FEWEST_EPOCHS: usize = 6;
const FEWEST_ROWS_OF_A_LOSS: usize = 16;

/// Tells advice, each once, and keeps of the first epoch's losses what advice needs. Where nobody listens it does nothing.
pub(crate) struct Watch {
    /// Kinds that nobody wants to hear of; none when nobody wants to hear anything.
    silenced: Option<Vec<AdviceKind>>,
    told: Vec<(AdviceKind, Option<String>)>,
    rows: usize,
    first: f64,
    /// Sums of the losses of the first and of the last quarter of the steps.
    early: f64,
    late: f64,
}

impl Watch {
    /// A batch has so many rows.
    pub(crate) fn new(silenced: Option<Vec<AdviceKind>>, rows: usize) -> Self {
        Self { silenced, told: Vec::new(), rows, first: 0.0, early: 0.0, late: 0.0 }
    }
    /// Whether there is somebody to tell.
    pub(crate) fn on(&self) -> bool {
        self.silenced.is_some()
    }
    /// Tells what was not told yet.
    pub(crate) fn tell(&mut self, progress: &mut dyn Progress, all: Vec<Advice>) {
        let Some(silenced) = &self.silenced else { return };
        for advice in all {
            let about = (advice.kind, advice.layer.clone());
            if !silenced.contains(&advice.kind) && !self.told.contains(&about) {
                progress.message(&advice.to_string());
                self.told.push(about);
            }
        }
    }
    /// Step `done` of the `steps` of the first epoch had this loss.
    pub(crate) fn step(&mut self, done: usize, steps: usize, loss: f32) {
        let (loss, quarter) = (f64::from(loss), steps / 4);
        if done == 1 {
            self.first = loss;
        }
        if done <= quarter {
            self.early += loss;
        }
        if done > steps - quarter {
            self.late += loss;
        }
    }
    /// Of the first epoch, whose mean loss this is.
    pub(crate) fn after_first(&self, steps: usize, mean: f64, rate: f64) -> Option<Advice> {
        let (first, early, late) = (self.first, self.early, self.late);
        let jumped = self.rows >= FEWEST_ROWS_OF_A_LOSS && mean > 3.0 * first;
        let rose = late > 2.0 * early && mean > 1.5 * first;
        (steps >= FEWEST_STEPS && first > 0.0 && early > 0.0 && (jumped || rose)).then(|| {
            let text = format!("the loss was {} at the first step, and {} on average over the first epoch", short(first), short(mean));
            too_high(&text, rate)
        })
    }
}

/// Of the losses of all epochs.
pub(crate) fn of_losses(losses: &[f64], rate: f64) -> Option<Advice> {
    let (&first, &last) = (losses.first()?, losses.last()?);
    if losses.len() < FEWEST_EPOCHS || losses.iter().any(|&l| l <= 0.0) {
        return None;
    }
    if last > 1.5 * first {
        return Some(too_high(&format!("the loss rose from {} in the first epoch to {} in the last", short(first), short(last)), rate));
    }
    let ups = losses.windows(2).filter(|pair| pair[1] > 1.1 * pair[0]).count();
    (3 * ups >= losses.len() - 1 && last > 0.5 * first).then(|| {
        let text = format!("the loss goes up and down, by more than a tenth upwards after {ups} of {} epochs", losses.len());
        too_high(&text, rate)
    })
}

fn too_high(what: &str, rate: f64) -> Advice {
    let text = format!("{what}: the learning rate, {}, is likely to be far too high; try {}", short(rate), short(rate / 10.0));
    Advice::new(AdviceKind::LearningRate, None, text)
}

/// Of one pass through the network and back.
pub(crate) fn of_pulse(pulse: &Pulse) -> Vec<Advice> {
    let mut all = Vec::new();
    let rows = pulse.rows;
    for (layer, dead, units) in pulse.units.iter().filter(|_| rows >= FEWEST_ROWS) {
        if *units > 0 && 2 * dead >= *units {
            let text = format!(
                "{dead} of the {units} units of layer `{layer}` give 0 for all {rows} rows that were looked at, so they do not learn any \
                 more (dead ReLU): try a smaller learning rate, inputs around 0 to 1, kernel_initializer he_normal, or leaky_relu"
            );
            all.push(Advice::new(AdviceKind::DeadUnits, Some(layer), text));
        }
    }
    let ([(first, front), .., (last, back)], true) = (&pulse.gradients[..], pulse.gradients.len() >= FEWEST_LAYERS) else { return all };
    let what = format!(
        "the gradient by the kernel of layer `{first}`, the first, has the norm {}, that of `{last}`, the last, {}",
        short(*front),
        short(*back)
    );
    // Behind dead units there is none, which has been said.
    if all.is_empty() && *back > 1e-6 && *front < VANISHED * back {
        let text = format!(
            "{what}: it vanishes on its way back, so that the first layers hardly learn; try relu in the place of sigmoid or tanh, \
             BatchNormalization between the layers, Add around some of them, or fewer layers"
        );
        all.push(Advice::new(AdviceKind::Gradients, Some(first), text));
    } else if *front > 1.0 && *front > EXPLODED * back {
        let text = format!(
            "{what}: it explodes on its way back; try clipnorm 1 in the optimizer, BatchNormalization between the layers, smaller initial \
             kernels, or a smaller learning rate"
        );
        all.push(Advice::new(AdviceKind::Gradients, Some(first), text));
    }
    all
}
