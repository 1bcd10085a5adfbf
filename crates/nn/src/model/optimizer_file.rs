//! The variables of an optimizer in a file, as Keras orders them.

use super::compile::Compiled;
use super::memory::OptimizerSlots;
use crate::Optimizer;
use crate::optimizers::{Kind, LearningRate, own_name, parts};
use adaline_formats::snake_case;
use adaline_graph::SlotId;

/// A variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Variable {
    /// How many steps were made.
    Steps,
    /// A number of steps that no optimizer counts.
    NoSteps,
    /// The fixed learning rate of one of the rules that update weights.
    Rate(usize),
    /// The learning rate of an optimizer that only wraps others.
    NoRate,
    /// A whole number.
    Count(SlotId),
    /// Memory.
    Slot(SlotId),
}

/// What Keras keeps in one place of a file: its path, the optimizer's name, its variables.
pub(crate) struct Group {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) variables: Vec<Variable>,
}

impl Compiled {
    /// The optimizer's place in a file, with all of its variables, before those of the optimizers within it, which Keras writes once more.
    /// `weights` are the trainable ones in a file's order; `begun` says whether there is memory.
    pub(crate) fn file_groups(&self, weights: &[SlotId], begun: bool) -> Vec<Group> {
        let memory = self.memory.as_ref().filter(|_| begun);
        let slots = |at: usize| -> Vec<SlotId> {
            let part = memory.and_then(|m| m.parts.get(at)).zip(parts(self.optimizer.as_ref()).nth(at));
            part.map_or(Vec::new(), |(memory, optimizer)| in_file_order(optimizer, memory, weights))
        };
        let used = |at: usize| self.memory.as_ref().and_then(|m| m.parts.get(at)).is_none_or(|m| !m.weights.is_empty());
        let scale = memory.and_then(|m| m.scale);
        let mut groups = Vec::new();
        Files { slots: &slots, used: &used, scale, next: 0 }.add(self.optimizer.as_ref(), "optimizer", &mut groups);
        groups
    }
}

/// What is within the optimizers.
struct Files<'a> {
    slots: &'a dyn Fn(usize) -> Vec<SlotId>,
    /// Whether a rule has weights.
    used: &'a dyn Fn(usize) -> bool,
    scale: Option<[SlotId; 2]>,
    /// Number of the rule that comes next.
    next: usize,
}

impl Files<'_> {
    fn add(&mut self, optimizer: &dyn Optimizer, path: &str, groups: &mut Vec<Group>) -> Vec<Variable> {
        let place = groups.len();
        groups.push(Group { path: path.to_owned(), name: own_name(optimizer).to_owned(), variables: Vec::new() });
        let variables = match optimizer.kind() {
            Kind::Rule => {
                let at = self.next;
                self.next += 1;
                let mut own = vec![if (self.used)(at) { Variable::Steps } else { Variable::NoSteps }];
                own.extend(matches!(optimizer.common().learning_rate, LearningRate::Fixed(_)).then_some(Variable::Rate(at)));
                own.extend((self.slots)(at).into_iter().map(Variable::Slot));
                own
            }
            Kind::Scaled(scaled) => {
                let mut own = vec![Variable::NoSteps, Variable::NoRate];
                own.extend(self.scale.into_iter().flat_map(|[count, scale]| [Variable::Count(count), Variable::Slot(scale)]));
                own.extend(self.add(scaled.inner_optimizer(), &format!("{path}/inner_optimizer"), groups));
                own
            }
            Kind::Several(several) => {
                let mut own = vec![Variable::Steps, Variable::NoRate];
                let mut classes: Vec<&str> = Vec::new();
                for part in several.optimizers() {
                    let class = part.class_name();
                    let before = classes.iter().filter(|c| **c == class).count();
                    classes.push(class);
                    let number = if before == 0 { String::new() } else { format!("_{before}") };
                    own.extend(self.add(part, &format!("{path}/optimizers/{}{number}", snake_case(class)), groups));
                }
                own
            }
        };
        groups[place].variables.clone_from(&variables);
        variables
    }
}

/// The memory of one rule: averages, accumulators, then for each group of slots, for each weight, its slots, then what all weights share.
fn in_file_order(optimizer: &dyn Optimizer, memory: &OptimizerSlots, weights: &[SlotId]) -> Vec<SlotId> {
    let places: Vec<usize> = weights.iter().filter_map(|w| memory.weights.iter().position(|m| m == w)).collect();
    let one_each = [&memory.averages, &memory.accumulators];
    let mut slots: Vec<SlotId> = one_each.iter().flat_map(|of| places.iter().filter_map(|&p| of.get(p).copied())).collect();
    let most = memory.memories.iter().map(Vec::len).max().unwrap_or(0);
    for group in optimizer.file_groups(most) {
        for &place in &places {
            slots.extend(group.iter().filter_map(|&s| memory.memories.get(place).and_then(|m| m.get(s)).copied()));
        }
    }
    slots.extend(memory.shared);
    slots
}
