//! Data for models of one or several inputs and outputs.

use super::Model;
use crate::error::{Error, Result};
use adaline_data::{RowSource, Tensor, nearest};

/// Rows for each input of a model: of one input the rows themselves, of several an array in the order of [`Model::input_names`], or by name.
///
/// ```
/// use adaline_data::Tensor;
/// use adaline_nn::model::Inputs;
/// let (pixels, facts) = (Tensor::from([[0.1, 0.9]]), Tensor::from([[3.0]]));
/// let one: Inputs<'_> = (&pixels).into();
/// let both: Inputs<'_> = [&pixels, &facts].into();
/// let by_name = Inputs::new().with("facts", &facts).with("pixels", &pixels);
/// ```
#[derive(Clone, Default)]
pub struct Inputs<'a> {
    parts: Vec<(Option<String>, &'a dyn RowSource)>,
}

/// Labels for each output of a model: of one output the labels themselves, of several an array in the order of [`Model::output_names`], or by
/// name.
#[derive(Clone, Default, Debug)]
pub struct Labels<'a> {
    parts: Vec<(Option<String>, &'a Tensor)>,
}

impl<'a> Inputs<'a> {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }
    /// Rows of inputs with a name, and without in their order.
    pub(crate) fn of(parts: Vec<(Option<String>, &'a dyn RowSource)>) -> Self {
        Self { parts }
    }
    /// Rows of the first.
    pub(crate) fn rows(&self) -> usize {
        self.parts.first().map_or(0, |(_, x)| x.rows())
    }
    /// Adds the rows of the input of this name.
    pub fn with(mut self, name: impl Into<String>, rows: &'a dyn RowSource) -> Self {
        self.parts.push((Some(name.into()), rows));
        self
    }
}
impl<'a> Labels<'a> {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }
    /// Labels of outputs with a name, and without in their order.
    pub(crate) fn of(parts: Vec<(Option<String>, &'a Tensor)>) -> Self {
        Self { parts }
    }
    /// Adds the labels of the output of this name.
    pub fn with(mut self, name: impl Into<String>, labels: &'a Tensor) -> Self {
        self.parts.push((Some(name.into()), labels));
        self
    }
}

impl<'a, S: RowSource> From<&'a S> for Inputs<'a> {
    fn from(rows: &'a S) -> Self {
        Self { parts: vec![(None, rows)] }
    }
}
impl<'a> From<&'a dyn RowSource> for Inputs<'a> {
    fn from(rows: &'a dyn RowSource) -> Self {
        Self { parts: vec![(None, rows)] }
    }
}
impl<'a, S: RowSource, const N: usize> From<[&'a S; N]> for Inputs<'a> {
    fn from(rows: [&'a S; N]) -> Self {
        Self { parts: rows.into_iter().map(|r| (None, r as &dyn RowSource)).collect() }
    }
}
impl<'a, const N: usize> From<[&'a dyn RowSource; N]> for Inputs<'a> {
    fn from(rows: [&'a dyn RowSource; N]) -> Self {
        Self { parts: rows.into_iter().map(|r| (None, r)).collect() }
    }
}
impl<'a> From<Vec<&'a dyn RowSource>> for Inputs<'a> {
    fn from(rows: Vec<&'a dyn RowSource>) -> Self {
        Self { parts: rows.into_iter().map(|r| (None, r)).collect() }
    }
}
impl<'a> From<&'a Tensor> for Labels<'a> {
    fn from(labels: &'a Tensor) -> Self {
        Self { parts: vec![(None, labels)] }
    }
}
impl<'a, const N: usize> From<[&'a Tensor; N]> for Labels<'a> {
    fn from(labels: [&'a Tensor; N]) -> Self {
        Self { parts: labels.into_iter().map(|l| (None, l)).collect() }
    }
}
impl<'a> From<Vec<&'a Tensor>> for Labels<'a> {
    fn from(labels: Vec<&'a Tensor>) -> Self {
        Self { parts: labels.into_iter().map(|l| (None, l)).collect() }
    }
}

impl Model {
    /// The rows in the order of the inputs.
    pub(crate) fn arrange_inputs<'a>(&self, given: Inputs<'a>) -> Result<Vec<&'a dyn RowSource>> {
        let names: Vec<&str> = self.input_names().collect();
        if names.is_empty() {
            // A chain of layers that is not built yet: one input, whatever its name.
            let [(_, one)] = &given.parts[..] else {
                return Err(self.wrong(format!("it takes one input, got {}", given.parts.len())));
            };
            return Ok(vec![*one]);
        }
        self.arrange("input", &names, given.parts)
    }
    /// The labels in the order of the outputs that are trained.
    pub(crate) fn arrange_labels<'a>(&self, given: Labels<'a>) -> Result<Vec<&'a Tensor>> {
        let names: Vec<&str> = self.losses().map(|(name, ..)| name).collect();
        self.arrange("output", &names, given.parts)
    }
    /// Sample weights in the same order: one for all, or those of outputs by name.
    pub(crate) fn arrange_weights<'a>(&self, all: Option<&'a [f32]>, named: &'a [(String, Vec<f32>)]) -> Result<Vec<Option<&'a [f32]>>> {
        let names: Vec<&str> = self.losses().map(|(name, ..)| name).collect();
        for (name, _) in named {
            if !names.contains(&name.as_str()) {
                let advice = format!("the outputs that are trained are {}", names.join(", "));
                return Err(self.wrong(format!("sample weights are given for `{name}`, but {advice}")));
            }
        }
        let of = |name: &&str| named.iter().find(|(n, _)| n == name).map(|(_, w)| w.as_slice()).or(all);
        Ok(names.iter().map(of).collect())
    }
    /// What is given for each name, in the order of the names.
    pub(crate) fn arrange<T>(&self, kind: &str, names: &[&str], given: Vec<(Option<String>, T)>) -> Result<Vec<T>> {
        let list = names.join(", ");
        if given.len() != names.len() {
            let plural = if names.len() == 1 { "" } else { "s" };
            return Err(self.wrong(format!("it has {} {kind}{plural} ({list}), got data for {}", names.len(), given.len())));
        }
        let mut places: Vec<Option<T>> = names.iter().map(|_| None).collect();
        for (at, (name, value)) in given.into_iter().enumerate() {
            let place = match &name {
                None => at,
                Some(name) => names.iter().position(|n| n == name).ok_or_else(|| {
                    let advice = match nearest(name, names.iter().copied()) {
                        Some(nearest) => format!("did you mean `{nearest}`?"),
                        None => format!("it has {list}"),
                    };
                    self.wrong(format!("it has no {kind} `{name}`; {advice}"))
                })?,
            };
            if places[place].replace(value).is_some() {
                return Err(self.wrong(format!("data for {kind} `{}` is there twice", names[place])));
            }
        }
        Ok(places.into_iter().flatten().collect())
    }
    pub(crate) fn wrong(&self, message: String) -> Error {
        Error::Network { model: self.name.clone(), message }
    }
}
