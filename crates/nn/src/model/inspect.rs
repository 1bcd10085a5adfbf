//! One row through the network, with everything that a person may want to follow: sums, outputs, weights, gradients.

use super::Model;
use super::data::EVALUATION;
use super::forward::{Forward, Randomness, forward};
use super::signature::Mode;
use crate::catalogue::layer_from_json;
use crate::error::{Error, Result};
use crate::losses::{apply_mask, reduce};
use crate::trace::Trace;
use adaline_data::Tensor;
use adaline_graph::backend::{Session, TensorRef};
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, DType, NodeId, Shape, TensorType, Var};
use serde_json::json;

/// What happens to some rows on their way through the network and back.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The layers in order.
    pub layers: Vec<InspectedLayer>,
    /// The loss, penalties included, when labels were given.
    pub loss: Option<f32>,
}

/// One layer.
#[derive(Clone, Debug)]
pub struct InspectedLayer {
    /// Name.
    pub name: String,
    /// Class.
    pub class: String,
    /// What the activation function was applied to, where the layer has one.
    pub weighted_sums: Option<Tensor>,
    /// Output `(N, ..)`.
    pub output: Tensor,
    /// Gradient by the output: of the loss when labels were given, of the scores from [`Model::inspect_scores`].
    pub gradient: Option<Tensor>,
    /// Weights of the layer.
    pub weights: Vec<InspectedWeight>,
}

/// One weight.
#[derive(Clone, Debug)]
pub struct InspectedWeight {
    /// Name within the layer (`kernel`).
    pub name: String,
    /// Values.
    pub values: Tensor,
    /// Gradient of the loss by the weight, when labels were given and training changes it.
    pub gradient: Option<Tensor>,
}

/// Where in the outputs the parts of a layer are.
struct Places {
    sums: Option<usize>,
    output: usize,
    gradient: Option<usize>,
    weights: Vec<Option<usize>>,
}

/// What the gradients are of.
enum Aim {
    Nothing,
    /// The loss, by these labels.
    Loss(Words, TensorType),
    /// The score of so many classes, the one with this number in each row.
    Scores(Vec<i32>, usize),
}

/// Outputs under construction.
struct Writer<'g> {
    b: &'g Builder,
    shapes: Vec<Shape>,
}

impl<'g> Writer<'g> {
    fn add(&mut self, v: Var<'g>) -> usize {
        self.b.output(&format!("{}", self.shapes.len()), v);
        self.shapes.push(v.shape());
        self.shapes.len() - 1
    }
}

impl Model {
    /// Follows rows `x (N, ..)` through the network as in prediction, and with labels `y` back: outputs, weighted sums, gradients.
    ///
    /// # Errors
    /// As [`Model::evaluate`]; without labels the model need not be compiled.
    pub fn inspect(&mut self, x: &Tensor, y: Option<&Tensor>) -> Result<Inspection> {
        self.require_built("be looked into")?;
        match y {
            Some(y) => self.check_data(EVALUATION, x, y, None)?,
            None => self.check_rows("x", "look into", x)?,
        }
        let label =
            y.map(|y| self.signature(Mode::Test, "y", x.rows(), x.row_shape(), y.row_shape(), false)).transpose()?.and_then(|s| s.y);
        let aim = y.zip(label).map_or(Aim::Nothing, |(y, ty)| Aim::Loss(words(y, ty.dtype), ty));
        self.follow(x, &aim)
    }

    /// Follows rows `x (N, ..)` through the network as in prediction, and back from a class in each: `gradient` is that of the row's score of
    /// `classes[row]` by the layer's output. The score is what the last activation function is applied to, and the output where there is none.
    ///
    /// # Errors
    /// As [`Model::predict`]; [`Error::RowCount`] unless there is a class for each row; [`Error::Option`] for one that the network does not have.
    pub fn inspect_scores(&mut self, x: &Tensor, classes: &[usize]) -> Result<Inspection> {
        self.require_built("be looked into")?;
        self.check_rows("x", "look into", x)?;
        if classes.len() != x.rows() {
            return Err(Error::RowCount { x: x.rows(), what: "classes", got: classes.len() });
        }
        let width: usize = self.output_for(x.row_shape())?.iter().product();
        if let Some(&wrong) = classes.iter().find(|&&class| class >= width) {
            return Err(Error::option("classes", wrong, format!("numbers below {width}, which is how many outputs the network has")));
        }
        self.follow(x, &Aim::Scores(classes.iter().map(|&class| class as i32).collect(), width))
    }

    /// The program for it, and its run.
    fn follow(&mut self, x: &Tensor, aim: &Aim) -> Result<Inspection> {
        let shape = super::input::batch_of(x.rows(), x.row_shape()).ok_or_else(|| Error::option("rows", x.rows(), "fewer"))?;
        let b = Builder::new();
        let input = b.input("x", self.input_type(shape));
        let goal = match aim {
            Aim::Nothing => None,
            Aim::Loss(_, ty) => Some(b.input("y", *ty)),
            Aim::Scores(classes, _) => Some(b.input("classes", TensorType::i32([classes.len()]))),
        };
        let random = Randomness::declare(&b);
        let pass = forward(&b, &self.chain, &mut self.weights, input, &random, false);
        let mut wrt: Vec<NodeId> = pass.outputs.iter().map(|v| v.id()).collect();
        let (mut loss, mut top) = (None, None);
        match (aim, goal, &self.compiled) {
            (Aim::Loss(..), Some(y), Some(c)) => {
                let weight = apply_mask(None, pass.mask, c.loss.reduction());
                let data = b.scope("loss", || reduce(c.loss.call(y, pass.prediction(input)), weight, c.loss.reduction()));
                loss = Some(pass.penalties.iter().fold(data, |sum, &p| sum + p));
                top = loss;
                let trainable = self.weights.list.iter().map(|w| b.state(w.slot, &format!("{}/{}", w.layer, w.name), w.ty));
                wrt.extend(trainable.map(Var::id));
            }
            (Aim::Scores(_, width), Some(classes), _) => {
                let scores = self.scores(&b, &random, &pass, input).reshape([x.rows(), *width]);
                // A row's score does not depend on other rows, so that the sum has the gradients of all.
                top = Some((scores * classes.one_hot(*width)).sum(&[], false));
            }
            _ => {}
        }
        let found: Vec<Var<'_>> = match top {
            Some(top) => b.with_graph(|g| gradients(g, top.id(), &wrt))?.into_iter().map(|id| b.var(id)).collect(),
            None => Vec::new(),
        };
        let mut out = Writer { b: &b, shapes: Vec::new() };
        let loss_at = loss.map(|l| out.add(l));
        let mut places = Vec::with_capacity(self.chain.len());
        for at in 0..self.chain.len() {
            let before = if at == 0 { input } else { pass.outputs[at - 1] };
            let sums = self.weighted_sums(&b, &random, at, before).map(|v| out.add(v));
            let own = self.weights.list.iter().enumerate().filter(|(_, w)| super::weights::belongs(w, &self.chain[at].name));
            let weights = own.map(|(i, w)| found.get(self.chain.len() + i).filter(|_| w.spec.trainable).map(|&g| out.add(g))).collect();
            let output = out.add(pass.outputs[at]);
            let gradient = found.get(at).map(|&g| out.add(g));
            places.push(Places { sums, output, gradient, weights });
        }
        let shapes = out.shapes;
        let graph = b.finish()?;
        let mut session = self.backend.compile(&graph, self.weights.store.layout(), &self.options)?.session();
        let values = words(x, self.input_dtype());
        let (seed, step) = (self.seed_words(), [0]);
        let mut inputs = vec![values.view()];
        match aim {
            Aim::Nothing => {}
            Aim::Loss(labels, _) => inputs.push(labels.view()),
            Aim::Scores(classes, _) => inputs.push(TensorRef::I32(classes)),
        }
        inputs.extend([TensorRef::I32(&seed), TensorRef::I32(&step)]);
        session.run_frozen(&inputs, &self.weights.store)?;

        let read = |at: usize| tensor(session.as_ref(), at, shapes[at]);
        let mut layers = Vec::with_capacity(places.len());
        for (named, place) in self.chain.iter().zip(places) {
            let own = self.weights.list.iter().filter(|w| super::weights::belongs(w, &named.name)).zip(place.weights);
            let weights = own.map(|(w, at)| {
                let gradient = at.map(read).transpose()?;
                Ok(InspectedWeight { name: w.name.clone(), values: self.tensor_of(w), gradient })
            });
            layers.push(InspectedLayer {
                name: named.name.clone(),
                class: named.layer.class_name().into(),
                weighted_sums: place.sums.map(read).transpose()?,
                output: read(place.output)?,
                gradient: place.gradient.map(read).transpose()?,
                weights: weights.collect::<Result<_>>()?,
            });
        }
        let loss = loss_at.and_then(|at| session.output(at).f32().and_then(|l| l.first().copied()));
        Ok(Inspection { layers, loss })
    }

    /// What the last activation function is applied to.
    fn scores<'g>(&mut self, b: &'g Builder, random: &Randomness<'g>, pass: &Forward<'g>, input: Var<'g>) -> Var<'g> {
        let Some(last) = self.chain.len().checked_sub(1) else { return input };
        let before = last.checked_sub(1).map_or(input, |at| pass.outputs[at]);
        match self.chain[last].layer.class_name() {
            "Activation" | "Softmax" => before,
            _ => self.weighted_sums(b, random, last, before).unwrap_or_else(|| pass.prediction(input)),
        }
    }

    /// What the layer gives without its activation function: the same layer, linear, on the same weights.
    fn weighted_sums<'g>(&mut self, b: &'g Builder, random: &Randomness<'g>, at: usize, input: Var<'g>) -> Option<Var<'g>> {
        let named = &self.chain[at];
        let mut envelope = named.layer.envelope();
        // Recurrent layers apply theirs within; a layer that is nothing but an activation has no sums of its own.
        let config = envelope["config"].as_object_mut()?;
        if !config.contains_key("activation") || named.layer.as_recurrent().is_some() || named.layer.class_name() == "Activation" {
            return None;
        }
        config.insert("activation".into(), json!("linear"));
        let linear = layer_from_json(&envelope).ok()?;
        let mut cx = Trace::new(b, &mut self.weights, false, random.seed, random.step);
        Some(cx.call(&named.name, linear.as_ref(), &[input]))
    }
}

/// Values in the type in which they enter a graph.
enum Words {
    F32(Vec<f32>),
    I32(Vec<i32>),
}

impl Words {
    fn view(&self) -> TensorRef<'_> {
        match self {
            Self::F32(v) => TensorRef::F32(v),
            Self::I32(v) => TensorRef::I32(v),
        }
    }
}

fn words(t: &Tensor, dtype: DType) -> Words {
    match (dtype, t.as_i32()) {
        (DType::I32, Some(v)) => Words::I32(v.to_vec()),
        (DType::I32, None) => Words::I32(t.f32_values().iter().map(|&v| v as i32).collect()),
        _ => Words::F32(t.f32_values().into_owned()),
    }
}

fn tensor(session: &dyn Session, at: usize, shape: Shape) -> Result<Tensor> {
    let values = match session.output(at) {
        TensorRef::F32(v) => v.to_vec(),
        TensorRef::I32(v) => v.iter().map(|&v| v as f32).collect(),
    };
    debug_assert_eq!(values.len(), TensorType::f32(shape).len());
    Ok(Tensor::f32(shape.dims().to_vec(), values)?)
}
