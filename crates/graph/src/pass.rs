//! Passes: functions from graph to graph, each removing work without changing values.
//!
//! *Preserving a value* means here: the rewritten node is `==` to the original, or both are NaN, for all inputs including infinities
//! and NaN; three things are not part of a value: the sign of a zero (`x + 0` becomes `x`), the rounding of a sum or product of many
//! terms, whose order no operation promises, and the rounding of what is on its way smaller than 2⁻¹²⁶ (`x * c * 2` becomes `x * 2c`). So `x * 0` stays unless `x` is known to be finite, and `x - x` always stays.
//!
//! Passes come after [`crate::grad::gradients`]: `simplify` removes [`crate::Op::StopGradient`].

mod dce;
mod fold;
mod pool;
mod scan;
mod simplify;

pub use dce::dce;
pub use fold::fold;
pub use simplify::simplify;

use crate::backend::CompileOptions;
use crate::{Graph, GraphError};

/// Rounds after which [`pipeline`] stops even if a pass still finds something.
const MAX_ROUNDS: usize = 16;

/// Runs `simplify`, `fold`, `pool`, `dce` and `scan` (those that the options enable) until nothing changes any more.
pub fn pipeline(graph: &Graph, options: &CompileOptions) -> Result<Graph, GraphError> {
    type Pass = fn(&Graph) -> Result<Graph, GraphError>;
    // With each pass a quick look that tells whether it would return the same graph, where there is one.
    type Idle = fn(&Graph) -> bool;
    let passes: [(&str, Pass, Idle); 4] =
        [("simplify", simplify, |_| false), ("fold", fold, fold::idle), ("pool", pool::pool, pool::idle), ("dce", dce, dce::idle)];
    let mut current: Option<Graph> = None;
    for _ in 0..MAX_ROUNDS {
        let before = current.as_ref().unwrap_or(graph);
        let mut next: Option<Graph> = None;
        for (name, pass, idle) in passes {
            let latest = next.as_ref().unwrap_or(before);
            if options.enabled(name) && !idle(latest) {
                next = Some(pass(latest)?);
            }
        }
        let latest = next.as_ref().unwrap_or(before);
        if options.enabled("scan") && !scan::idle(latest) {
            next = Some(scan::scan(latest, options)?);
        }
        let Some(next) = next else { break };
        let done = same(before, &next);
        current = Some(next);
        if done {
            break;
        }
    }
    Ok(current.unwrap_or_else(|| graph.clone()))
}

/// Whether two graphs are node for node the same.
fn same(a: &Graph, b: &Graph) -> bool {
    let (x, y) = (a.outputs(), b.outputs());
    a.nodes().len() == b.nodes().len()
        && a.nodes().iter().zip(b.nodes()).all(|(p, q)| p.op == q.op && p.inputs == q.inputs)
        && x.values == y.values
        && x.updates == y.updates
}

#[cfg(test)]
mod tests;
