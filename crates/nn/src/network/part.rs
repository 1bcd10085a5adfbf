//! Parts of networks as networks of their own.

use super::{Call, InputSpec, Kind, Named, Network};
use std::collections::BTreeMap;

impl Network {
    /// The network that ends with a value of this one: of layers and inputs what that value needs. As a graph, whatever this one is.
    pub(crate) fn until(&self, value: usize) -> Option<Self> {
        let inputs = self.inputs.as_ref()?;
        let mut needed = vec![value];
        let mut calls: Vec<&Call> = Vec::new();
        for call in self.calls.iter().rev() {
            if (call.first..call.first + call.results).any(|v| needed.contains(&v)) {
                needed.extend(&call.inputs);
                calls.push(call);
            }
        }
        calls.reverse();
        let kept: Vec<usize> = (0..inputs.len()).filter(|i| needed.contains(i)).collect();
        let mut values: BTreeMap<usize, usize> = kept.iter().enumerate().map(|(to, &from)| (from, to)).collect();
        let mut layers: Vec<usize> = calls.iter().map(|c| c.layer).collect();
        layers.sort_unstable();
        layers.dedup();
        let mut next = kept.len();
        let mut numbers = vec![0; layers.len()];
        let mut renumbered = Vec::with_capacity(calls.len());
        for call in calls {
            let layer = layers.binary_search(&call.layer).ok()?;
            let inputs = call.inputs.iter().map(|v| values.get(v).copied()).collect::<Option<Vec<_>>>()?;
            renumbered.push(Call {
                layer,
                number: numbers[layer],
                inputs,
                first: next,
                results: call.results,
                settings: call.settings.clone(),
            });
            numbers[layer] += 1;
            for result in 0..call.results {
                values.insert(call.first + result, next + result);
            }
            next += call.results;
        }
        let specs: Vec<InputSpec> = kept.into_iter().map(|i| inputs[i].clone()).collect();
        let layers: Vec<Named> = layers.into_iter().map(|l| self.layers[l].clone()).collect();
        let outputs = vec![*values.get(&value)?];
        Some(Self {
            kind: Kind::Functional,
            name: None,
            trainable: true,
            dtype: self.dtype,
            inputs: Some(specs),
            layers,
            calls: renumbered,
            outputs,
        })
    }
}
