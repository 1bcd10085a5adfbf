//! `adaline evaluate` of a network that forecasts a series.

use super::held::{Ahead, Held};
use super::state::State;
use super::{forecast, story};
use crate::args::EvaluateArgs;
use crate::error::CliError;
use crate::saved::Saved;
use crate::terminal::{Shown, Terminal};
use adaline::data::Windows;
use adaline::nn::Evaluate;
use adaline::report::number;
use serde_json::{Map, json};

/// Measures on what the network has not learned from; where there is nothing such, on all, and says so.
pub(crate) fn run(saved: &mut Saved, state: &State, args: &EvaluateArgs, say: &Terminal) -> Result<(), CliError> {
    let frame = state.frame(forecast::read_table(saved, &args.data, &args.read)?)?;
    for note in frame.notes() {
        say.line(&format!("Note: {note}"));
    }
    let windows = Windows::new(&frame, state.window, state.horizon)?;
    let new = |at: &usize| frame.times()[windows.origins()[*at] + 1].order(state.learned_until).is_gt();
    let mut chosen: Vec<usize> = (0..windows.len()).filter(new).collect();
    let until = frame.format().write(state.learned_until);
    let unseen = !chosen.is_empty();
    if unseen {
        say.line(&format!("Measured on what comes after {until}, the last time that the network has learned from"));
    } else {
        say.line(&format!(
            "Note: nothing comes after {until}: the network has learned from all of this, so expect larger errors on what is to come"
        ));
        chosen = (0..windows.len()).collect();
    }
    let origins: Vec<usize> = chosen.iter().map(|&at| windows.origins()[at]).collect();
    let ahead = Ahead { window: state.window, horizon: state.horizon, span: state.horizon, rules: state.rules() };
    let held = Held::of(&frame, &state.coder, &mut saved.model, origins, &ahead)?;
    let mut logs = Map::new();
    if saved.model.is_compiled() {
        let (x, y) = state.coder.windows(&frame, &windows, &chosen)?;
        for (name, value) in saved.model.evaluate(&x, &y, Evaluate::default())? {
            logs.insert(name, json!(value));
        }
    }
    let scores = held.scores();
    say.line(&format!("\nRoot mean squared error by how far ahead:\n\n{}", story::table(&held)));
    let (rmse, mae, r2) = (number::short(scores.rmse), number::short(scores.mae), number::short(scores.r2));
    say.line(&format!("On {} windows: rmse {rmse}, mae {mae}, r2 {r2}", number::grouped(held.origins.len() as u64)));
    say.line(&story::verdict(scores.rmse, &held.rule_scores(), held.is_sure()));
    say.json(&json!({
        "task": "forecast",
        "target": state.target,
        "rows": held.origins.len(),
        "measured_on": "windows",
        "unseen": unseen,
        "metrics": {"rmse": scores.rmse, "mae": scores.mae, "r2": scores.r2},
        "as_trained": logs,
        "series": story::json(&held),
    }))
}
