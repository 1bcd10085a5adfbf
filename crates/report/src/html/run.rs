//! Training parameters and what is needed to get the same result again.

use super::Report;
use super::page::Html;
use crate::number;

/// Parameters, seed, versions, machine, duration, command line.
pub(super) fn facts(html: &mut Html, report: &Report) {
    if !report.training.is_empty() {
        html.subheading("Training");
        html.facts(report.training.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    }
    let run = &report.run;
    let mut facts: Vec<(String, String)> = Vec::new();
    if let Some(seed) = run.seed {
        facts.push(("seed".into(), seed.to_string()));
    }
    if !run.started.is_empty() {
        facts.push(("started".into(), run.started.clone()));
    }
    if let Some(seconds) = run.seconds {
        facts.push(("duration".into(), number::duration(seconds)));
    }
    facts.extend(run.machine.iter().cloned());
    facts.extend(run.versions.iter().cloned());
    if !facts.is_empty() {
        html.subheading("Run");
        html.facts(facts.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    }
    if !run.command.is_empty() {
        html.subheading("Run it again");
        html.raw("<pre>").text(&run.command).raw("</pre>\n");
    }
}
