//! Networks that nobody trained yet: from a TOML file, for `dump` and `bench`.

use crate::args::{PictureArgs, ReadArgs};
use crate::config::{Config, envelope};
use crate::error::{CliError, misuse};
use crate::network;
use crate::pictures;
use crate::problem::Problem;
use crate::saved::last_activation;
use crate::source::{Source, name_of, table_options};
use crate::terminal::Terminal;
use adaline::data::Task;
use adaline::graph::backend::Backend;
use adaline::nn::layers::Input;
use adaline::nn::optimizers::LearningRate;
use adaline::nn::{Loss, Metric, Model, Seed, Sequential, catalogue};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// Builds the network of a TOML file, compiled as `[training]` says unless it is only to predict.
pub(crate) fn from_toml(path: &Path, backend: Arc<dyn Backend>, compile: bool) -> Result<Model, CliError> {
    let config = Config::read(path)?;
    let file = path.display();
    let in_file = |e: CliError| match e {
        CliError::Misuse(text) => CliError::Misuse(format!("{file}: {text}")),
        other => other,
    };
    if config.model.layers.is_empty() {
        return misuse(format!("{file}: expected [[model.layers]]"));
    }
    let layers = network::from_config(&config.model).map_err(in_file)?;
    let mut net = Sequential::new().dtype_policy(config.model.policy().map_err(in_file)?);
    if layers.first().is_none_or(|l| l.class_name() != "InputLayer") {
        net = net.add(Input::new(row_of_data(&config).map_err(in_file)?));
    }
    for layer in layers {
        net = net.add(layer);
    }
    if let Some(name) = &config.model.name {
        net = net.name(name.clone());
    }
    let seed = Seed(config.training.seed.unwrap_or(1));
    let mut model = net.build_on(backend, seed)?;
    if compile {
        let (loss, metrics) = goals(&config, &model).map_err(in_file)?;
        let mut optimizer = match &config.training.optimizer {
            None => named("optimizer", catalogue::optimizer_from_json(&"adam".into())),
            Some(given) => {
                let value = value(given, "keras.optimizers", "[training] optimizer").map_err(in_file)?;
                named("optimizer", catalogue::optimizer_from_json(&value))
            }
        }
        .map_err(in_file)?;
        if let Some(rate) = config.training.learning_rate {
            optimizer.common_mut().learning_rate = LearningRate::Fixed(rate);
        }
        model.compile(optimizer, loss, metrics)?;
    }
    Ok(model)
}

/// Sizes of one row of the data that the file names, as `fit` would prepare it.
fn row_of_data(config: &Config) -> Result<Vec<usize>, CliError> {
    let Some(path) = &config.data.path else {
        return misuse(
            "without data the network must say the shape of its input: \
             begin [[model.layers]] with class_name = \"InputLayer\" and shape = [4], the sizes of one row, or say path = \"...\" under [data]",
        );
    };
    let options = table_options(&ReadArgs::default(), &config.data)?;
    let asked = pictures::Asked::new(&PictureArgs::default(), &config.data)?;
    let source = Source::read(path, &options, &asked)?;
    if let Source::Pictures(pictures) = &source {
        return Ok(pictures.options.row_shape().to_vec());
    }
    let say = Terminal::new(false, 0);
    let problem = Problem::new(source, config.data.target.as_deref(), Task::Auto, &config.data, &name_of(path), &say)?;
    let coder = problem.coder(&problem.rows)?;
    let first = problem.rows.get(..1).unwrap_or(&[]);
    Ok(problem.part(&coder, first)?.x.x.row_shape().to_vec())
}

type Goals = (Box<dyn Loss>, Vec<Box<dyn Metric>>);

/// Loss and metrics: as the file says, else those that go with the last activation function.
fn goals(config: &Config, model: &Model) -> Result<Goals, CliError> {
    let outputs: usize = model.output_row().map_or(0, |r| r.iter().product());
    let (loss, metrics): (&str, &[&str]) = match (last_activation(model).as_str(), outputs) {
        ("softmax", n) if n > 1 => ("sparse_categorical_crossentropy", &["accuracy"]),
        ("sigmoid", _) => ("binary_crossentropy", &["accuracy"]),
        _ => ("mean_squared_error", &[]),
    };
    let t = &config.training;
    let loss = match &t.loss {
        Some(given) => value(given, "keras.losses", "[training] loss")?,
        None => loss.into(),
    };
    let metrics = match &t.metrics {
        Some(list) => list.iter().map(|m| value(m, "keras.metrics", "[training] metrics")).collect::<Result<Vec<_>, _>>()?,
        None => metrics.iter().map(|m| Value::from(*m)).collect(),
    };
    Ok((
        named("loss", catalogue::loss_from_json(&loss))?,
        metrics.iter().map(|m| named("metrics", catalogue::metric_from_json(m))).collect::<Result<_, _>>()?,
    ))
}

fn value(given: &toml::Value, module: &str, place: &str) -> Result<Value, CliError> {
    match given {
        toml::Value::Table(t) => envelope(t, module, place),
        toml::Value::String(s) => Ok(Value::String(s.clone())),
        other => misuse(format!("{place} expects a name or a table with class_name, got a {}", other.type_str())),
    }
}

fn named<T>(what: &str, result: Result<T, adaline::nn::keras::ConfigError>) -> Result<T, CliError> {
    result.map_err(|e| CliError::Misuse(format!("[training] {what}: {e}")))
}
