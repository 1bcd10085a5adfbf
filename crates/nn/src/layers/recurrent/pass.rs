//! One cell along one sequence.

use crate::Trace;
use adaline_graph::{Shape, Var};

/// How a cell goes along a sequence.
#[derive(Clone, Copy)]
pub struct Pass<'g> {
    /// From the last step to the first.
    pub reverse: bool,
    /// Which steps count, `bool (T, B)`; none: all do. Where one does not, states stay as they were.
    pub mask: Option<Var<'g>>,
    /// Whether the output of every step is wanted, and what it is where the step does not count.
    pub outputs: Outputs,
    /// After how many steps training keeps states, to compute what lies between them again on its way back; none: it keeps what all steps computed.
    pub stretches: Option<usize>,
}

/// Outputs of a pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outputs {
    /// None of them: those of the last step are its states.
    Last,
    /// Those of all steps; of one that does not count, the state before it.
    Held,
    /// Those of all steps; of one that does not count, zero.
    Zeroed,
    /// Those of all steps; of one that does not count, the output before it, at first zero (Keras' unrolled loop).
    Repeated,
}

/// What a cell made of a sequence.
#[derive(Clone)]
pub struct Passed<'g> {
    /// The output of each step at its place, `(T, B, ..)`, when they were asked for.
    pub outputs: Option<Var<'g>>,
    /// The states after the last step.
    pub states: Vec<Var<'g>>,
}

/// What recurrent layers repeat: states, and a pass along a sequence. Most cells are a [`StepCell`], for which [`StepCell::repeat`] is the pass.
pub trait RnnCell {
    /// Shapes of the states of one sample, for a step that sees an input of shape `row` of each.
    fn states(&self, row: &[usize]) -> Vec<Vec<usize>>;
    /// Which of the states is the output: the first, in a stack that of the last cell.
    fn output(&self) -> usize {
        0
    }
    /// Whether its output is one of its states; else every pass gives outputs, and [`RnnCell::output`] means nothing.
    fn output_is_state(&self) -> bool {
        true
    }
    /// Shape of its output for one sample, for a step that sees an input of shape `row`.
    fn output_row(&self, row: &[usize]) -> Vec<usize> {
        self.states(row).get(self.output()).cloned().unwrap_or_else(|| row.to_vec())
    }
    /// The states `(B, ..)` that a batch begins with, where they are not zeros.
    fn initial<'g>(&self, _: &Trace<'g, '_>, _batch: usize) -> Option<Vec<Var<'g>>> {
        None
    }
    /// Goes along `xs (T, B, ..)` from the given states `(B, ..)`. Its weights are declared in the current scope.
    fn run<'g>(&self, cx: &mut Trace<'g, '_>, pass: &Pass<'g>, xs: Var<'g>, initial: &[Var<'g>]) -> Passed<'g>;
}

/// A cell that is told by what one step does.
pub trait StepCell: RnnCell {
    /// What all steps see alike: weights, masks of dropout.
    type Held<'g>;
    /// Declares the weights: what each step sees of `xs (T, B, ..)`, itself `(T, B, ..)`, and what all steps see.
    fn prepare<'g>(&self, cx: &mut Trace<'g, '_>, xs: Var<'g>) -> (Var<'g>, Self::Held<'g>);
    /// The new states of one step, the first of which is its output: elementwise operations and products with weights, so that samples do not
    /// see each other.
    fn step<'g>(&self, cx: &Trace<'g, '_>, held: &Self::Held<'g>, x: Var<'g>, states: &[Var<'g>]) -> Vec<Var<'g>>;

    /// The pass of a cell that is told by its steps.
    fn repeat<'g>(&self, cx: &mut Trace<'g, '_>, pass: &Pass<'g>, xs: Var<'g>, initial: &[Var<'g>]) -> Passed<'g> {
        let (seen, held) = self.prepare(cx, xs);
        let b = cx.builder();
        if b.failed() {
            return Passed { outputs: Some(xs), states: initial.to_vec() };
        }
        let mut carries = initial.to_vec();
        let mut sequences = vec![seen];
        if let Some(mask) = pass.mask {
            // (T, B) -> (T, B, 1, ..), to stand beside the states.
            let rank = initial.first().map_or(2, |s| s.rank());
            let dims: Vec<usize> = mask.shape().dims().iter().copied().chain(std::iter::repeat_n(1, rank.saturating_sub(1))).collect();
            sequences.push(match Shape::try_new(&dims) {
                Some(shape) => mask.reshape(shape),
                None => b.error(format!("states of {rank} axes have no place for the steps as one more")),
            });
        }
        let repeats = pass.outputs == Outputs::Repeated && pass.mask.is_some();
        if repeats {
            carries.extend(initial.first().map(|s| b.full(s.shape(), 0.0)));
        }
        let one = |carries: &[Var<'g>], seen: &[Var<'g>]| {
            let (states, before) = carries.split_at(initial.len());
            let mut new = self.step(cx, &held, seen[0], states);
            let mut output = new.first().copied().unwrap_or(seen[0]);
            if let Some(&counts) = seen.get(1) {
                new = new.iter().zip(states).map(|(&new, &old)| counts.select(new, old)).collect();
                output = match (pass.outputs, before) {
                    (Outputs::Zeroed, _) => counts.select(output, b.full(output.shape(), 0.0)),
                    (Outputs::Repeated, &[before]) => counts.select(output, before),
                    _ => new.first().copied().unwrap_or(output),
                };
            }
            if repeats {
                new.push(output);
            }
            (new, if pass.outputs == Outputs::Last { Vec::new() } else { vec![output] })
        };
        let steps = xs.dim(0);
        // Without training nothing is kept anyway.
        let (mut states, outputs) = match pass.stretches.filter(|_| cx.training()) {
            Some(every) => b.scan_in_stretches((steps, every), pass.reverse, &carries, &sequences, one),
            None => b.scan(steps, pass.reverse, &carries, &sequences, one),
        };
        states.truncate(initial.len());
        Passed { outputs: outputs.first().copied(), states }
    }
}
