//! What is varied: the command line, the table `[search]`, or bounds that suit most tables.

use crate::args::{MethodArg, SearchArgs};
use crate::error::{CliError, misuse};
use crate::settings::Settings;
use adaline::nn::catalogue;
use adaline::nn::search::{Method, Point, Setting, Space, Values};
use serde_json::{Value, json};

/// Settings of any network, and those of one made of dense layers.
const ALL: [&str; 3] = ["learning_rate", "optimizer", "batch_size"];
const DENSE: [&str; 4] = ["units", "depth", "dropout", "l2"];
const TRIALS: usize = 30;
/// Units and hidden layers where only the other one is varied.
const UNITS: usize = 32;
const DEPTH: usize = 2;

/// What was asked.
pub(super) struct Asked {
    pub space: Space,
    pub method: Method,
    pub trials: usize,
}

impl Asked {
    /// The command line wins over the TOML file. `dense`: hidden layers are dense ones, and nobody said which.
    pub(super) fn new(args: &SearchArgs, settings: &Settings, dense: bool) -> Result<Self, CliError> {
        let mut table = settings.config.search.clone().unwrap_or_default();
        let method = match (args.method, table.remove("method")) {
            (Some(MethodArg::Grid), _) => Method::Grid,
            (Some(MethodArg::Random), _) | (None, None) => Method::Random,
            (Some(MethodArg::Halving), _) => Method::Halving,
            (None, Some(v)) => match v.as_str() {
                Some("grid") => Method::Grid,
                Some("random") => Method::Random,
                Some("halving") => Method::Halving,
                _ => return misuse(format!("[search] method expects \"grid\", \"random\" or \"halving\", got {v}")),
            },
        };
        let trials = match (args.trials, table.remove("trials")) {
            (Some(n), _) => n,
            (None, None) => TRIALS,
            (None, Some(v)) => match v.as_integer().and_then(|n| usize::try_from(n).ok()) {
                Some(n) => n,
                None => return misuse(format!("[search] trials expects a whole number of at least 1, got {v}")),
            },
        };
        if trials == 0 {
            return misuse("--trials expects at least 1, got 0");
        }
        let mut settings_asked = Vec::new();
        for text in &args.vary {
            settings_asked.push(from_word(text)?);
        }
        if settings_asked.is_empty() {
            for (name, value) in &table {
                settings_asked.push(Setting { name: name.clone(), values: from_toml(name, value)? });
            }
        }
        for setting in &settings_asked {
            let name = setting.name.as_str();
            if DENSE.contains(&name) && !dense {
                return misuse(format!(
                    "{name} cannot be varied here: the layers are given (by [[model.layers]] or --hidden), or the data have a network of their own; vary {}",
                    ALL.join(", ")
                ));
            }
            check(setting)?;
        }
        if settings_asked.is_empty() {
            settings_asked = usual(settings, args, method == Method::Grid, dense);
        }
        Ok(Self { space: Space { settings: settings_asked }, method, trials })
    }
}

/// `learning_rate=1e-4..0.1`, `units=16,32`
fn from_word(text: &str) -> Result<Setting, CliError> {
    let wrong = || CliError::Misuse(format!("--vary expects NAME=VALUES, such as learning_rate=1e-4..0.1 or units=16,32,64, got {text:?}"));
    let (name, values) = text.split_once('=').ok_or_else(wrong)?;
    let values = if let Some((low, high)) = values.split_once("..") {
        let number = |s: &str| s.trim().parse::<f64>().map_err(|_| wrong());
        Values::Range { low: number(low)?, high: number(high)?, log: is_log(name) }
    } else {
        Values::List(values.split(',').map(|v| value_of(v.trim())).collect())
    };
    Ok(Setting { name: name.trim().into(), values })
}

/// Whole numbers, numbers, words.
fn value_of(text: &str) -> Value {
    let whole = text.parse::<u64>().ok().map(Value::from);
    whole.or_else(|| text.parse::<f64>().ok().filter(|v| v.is_finite()).map(Value::from)).unwrap_or_else(|| text.into())
}

fn from_toml(name: &str, value: &toml::Value) -> Result<Values, CliError> {
    let json = |v: &toml::Value| serde_json::to_value(v).map_err(|e| CliError::Misuse(format!("[search] {name}: {e}")));
    Ok(match value {
        toml::Value::Array(list) => Values::List(list.iter().map(json).collect::<Result<_, _>>()?),
        toml::Value::Table(t) => {
            let number = |key: &str| t.get(key).and_then(|v| v.as_float().or_else(|| v.as_integer().map(|i| i as f64)));
            let known = t.keys().all(|k| ["low", "high", "log"].contains(&k.as_str()));
            let log = t.get("log").map_or(Some(is_log(name)), toml::Value::as_bool);
            match (number("low"), number("high"), log) {
                (Some(low), Some(high), Some(log)) if known => Values::Range { low, high, log },
                _ => return misuse(format!("[search] {name} expects {{ low = 0.001, high = 0.1, log = true }} or a list, got {value}")),
            }
        }
        one => Values::List(vec![json(one)?]),
    })
}

fn is_log(name: &str) -> bool {
    ["learning_rate", "l2"].contains(&name.trim())
}

/// Whether a value is one that a setting takes.
type Fits = dyn Fn(&Value) -> bool;

/// Names and values that `fit` would take.
fn check(setting: &Setting) -> Result<(), CliError> {
    let name = setting.name.as_str();
    let whole = |v: &Value, least: u64| v.as_u64().is_some_and(|n| (least..=1 << 20).contains(&n));
    let number = |v: &Value, ok: fn(f64) -> bool| v.as_f64().is_some_and(|v| v.is_finite() && ok(v));
    let (expected, fits): (&str, Box<Fits>) = match name {
        "learning_rate" => ("numbers above 0", Box::new(move |v| number(v, |v| v > 0.0))),
        "l2" => ("numbers of at least 0", Box::new(move |v| number(v, |v| v >= 0.0))),
        "dropout" => ("shares from 0 to below 1", Box::new(move |v| number(v, |v| (0.0..1.0).contains(&v)))),
        "units" | "batch_size" => ("whole numbers of at least 1", Box::new(move |v| whole(v, 1))),
        "depth" => ("whole numbers from 0 to 64", Box::new(move |v| whole(v, 0) && v.as_u64() <= Some(64))),
        "optimizer" => ("names of optimizers, such as adam", Box::new(|v| v.is_string() && catalogue::optimizer_from_json(v).is_ok())),
        _ => {
            let all: Vec<&str> = ALL.into_iter().chain(DENSE).collect();
            return misuse(format!("{name:?} is no setting that can be varied; there are {}", all.join(", ")));
        }
    };
    let bad = match &setting.values {
        Values::List(list) => list.iter().find(|v| !fits(v)).cloned(),
        Values::Range { .. } if ["units", "batch_size", "depth", "optimizer"].contains(&name) => {
            return misuse(format!(
                "{name} expects a list such as {name}={}, not a range",
                if name == "optimizer" { "adam,sgd" } else { "1,2,4" }
            ));
        }
        Values::Range { low, high, .. } => [low, high].into_iter().map(|&v| json!(v)).find(|v| !fits(v)),
    };
    bad.map_or(Ok(()), |bad| misuse(format!("{name} expects {expected}, got {bad}")))
}

/// What is varied when nobody says, less what was fixed.
fn usual(settings: &Settings, args: &SearchArgs, grid: bool, dense: bool) -> Vec<Setting> {
    let (fit, t) = (&args.fit, &settings.config.training);
    let list =
        |name: &str, values: Value| Setting { name: name.into(), values: Values::List(values.as_array().cloned().unwrap_or_default()) };
    let mut out = Vec::new();
    if settings.learning_rate.is_none() {
        let range = Values::Range { low: 1e-4, high: 0.1, log: true };
        let rate = list("learning_rate", json!([0.0003, 0.001, 0.003, 0.01]));
        out.push(if grid { rate } else { Setting { values: range, ..rate } });
    }
    if fit.optimizer.is_none() && t.optimizer.is_none() && !grid {
        out.push(list("optimizer", json!(["adam", "rmsprop", "sgd"])));
    }
    if fit.batch_size.is_none() && t.batch_size.is_none() && !grid {
        out.push(list("batch_size", json!([16, 32, 64])));
    }
    if dense {
        out.push(list("units", if grid { json!([16, 64]) } else { json!([16, 32, 64, 128]) }));
        out.push(list("depth", if grid { json!([1, 2]) } else { json!([1, 2, 3]) }));
        if fit.dropout.is_none() {
            out.push(list("dropout", if grid { json!([0.0, 0.2]) } else { json!([0.0, 0.1, 0.3]) }));
        }
        if !grid {
            out.push(list("l2", json!([0.0, 1e-5, 1e-4, 1e-3])));
        }
    }
    out
}

/// The settings of a trial.
pub(super) fn applied(settings: &Settings, point: &Point, epochs: usize) -> Settings {
    let mut own = settings.clone();
    own.epochs = epochs;
    let (mut units, mut depth) = (None, None);
    for (name, value) in point {
        let (number, whole) = (value.as_f64(), value.as_u64().map(|v| v as usize));
        match name.as_str() {
            "learning_rate" => own.learning_rate = number,
            "dropout" => own.dropout = number,
            "l2" => own.l2 = number,
            "batch_size" => own.batch_size = whole.unwrap_or(own.batch_size),
            "optimizer" => own.optimizer = value.clone(),
            "units" => units = whole,
            "depth" => depth = whole,
            _ => {}
        }
    }
    if units.is_some() || depth.is_some() {
        own.hidden = Some(vec![units.unwrap_or(UNITS); depth.unwrap_or(DEPTH)]);
    }
    own
}
