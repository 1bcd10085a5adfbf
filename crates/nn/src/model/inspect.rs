//! One row through the network, with everything that a person may want to follow: sums, outputs, weights, gradients.

use super::Model;
use super::data::EVALUATION;
use super::feed::{Inputs, Labels};
use super::forward::{Forward, Randomness, forward};
use super::signature::Mode;
use super::step::{Losses, penalised};
use crate::catalogue::layer_from_json;
use crate::error::{Error, Result};
use crate::trace::{Masked, Trace, belongs};
use adaline_data::{RowSource, Tensor};
use adaline_graph::backend::{Session, TensorRef};
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, DType, NodeId, Shape, TensorType, Var};
use serde_json::json;

/// What happens to some rows on their way through the network and back.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The layers in the order in which they run; one that is called several times is there several times (`encoder`, `encoder[1]`).
    pub layers: Vec<InspectedLayer>,
    /// The loss, penalties included, when labels were given.
    pub loss: Option<f32>,
    /// Gradient by each input of the network that is no whole number, as those of layers; empty without labels or classes.
    pub input_gradients: Vec<Tensor>,
}

/// One layer.
#[derive(Clone, Debug)]
pub struct InspectedLayer {
    /// Name, for a further call of the same layer with the call's number: `encoder[1]`.
    pub name: String,
    /// Name of the layer itself.
    pub layer: String,
    /// What it is called on.
    pub takes: Vec<Taken>,
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

/// Where an input of a layer comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// The network's input with this number.
    Input(usize),
    /// The layer with this number among [`Inspection::layers`].
    Layer(usize),
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
    /// The loss, by these labels of the outputs that are trained.
    Loss(Vec<(Words, TensorType)>),
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
    pub fn inspect<'d>(&mut self, x: impl Into<Inputs<'d>>, y: Option<&'d Tensor>) -> Result<Inspection> {
        self.inspect_all(x.into(), y.map(Labels::from))
    }
    /// As [`Model::inspect`] with labels of several outputs.
    ///
    /// # Errors
    /// As [`Model::evaluate`].
    pub fn inspect_outputs<'d>(&mut self, x: impl Into<Inputs<'d>>, y: impl Into<Labels<'d>>) -> Result<Inspection> {
        self.inspect_all(x.into(), Some(y.into()))
    }

    fn inspect_all(&mut self, x: Inputs<'_>, y: Option<Labels<'_>>) -> Result<Inspection> {
        self.require_built("be looked into")?;
        let x = self.arrange_inputs(x)?;
        let Some(y) = y else {
            self.check_rows("x", "look into", &x)?;
            return self.follow(&x, &Aim::Nothing);
        };
        self.compiled("evaluate")?;
        let y = self.arrange_labels(y)?;
        self.check_data(EVALUATION, &x, &y, &vec![None; y.len()])?;
        let shapes: Vec<&[usize]> = x.iter().map(|x| x.row_shape()).collect();
        let labels: Vec<&[usize]> = y.iter().map(|y| y.row_shape()).collect();
        let signature = self.signature(Mode::Test, "y", x[0].rows(), &shapes, &labels, &vec![false; y.len()])?;
        let labels = y.iter().zip(&signature.batch.y).map(|(y, &ty)| (words(y, ty.dtype), ty)).collect();
        self.follow(&x, &Aim::Loss(labels))
    }

    /// Follows rows `x (N, ..)` through the network as in prediction, and back from a class in each: `gradient` is that of the row's score of
    /// `classes[row]` by the layer's output. The score is what the last activation function is applied to, and the output where there is none.
    ///
    /// # Errors
    /// As [`Model::predict`]; [`Error::RowCount`] unless there is a class for each row; [`Error::Option`] for one that the network does not have.
    pub fn inspect_scores<'d>(&mut self, x: impl Into<Inputs<'d>>, classes: &[usize]) -> Result<Inspection> {
        self.require_built("be looked into")?;
        let x = self.arrange_inputs(x.into())?;
        self.check_rows("x", "look into", &x)?;
        if classes.len() != x[0].rows() {
            return Err(Error::RowCount { x: x[0].rows(), what: "classes", got: classes.len() });
        }
        let shapes: Vec<&[usize]> = x.iter().map(|x| x.row_shape()).collect();
        let width: usize = self.outputs_for(&shapes)?[0].iter().product();
        if let Some(&wrong) = classes.iter().find(|&&class| class >= width) {
            return Err(Error::option("classes", wrong, format!("numbers below {width}, which is how many outputs the network has")));
        }
        self.follow(&x, &Aim::Scores(classes.iter().map(|&class| class as i32).collect(), width))
    }

    /// The program for it, and its run.
    fn follow(&mut self, x: &[&dyn RowSource], aim: &Aim) -> Result<Inspection> {
        let rows = x[0].rows();
        let shapes: Vec<&[usize]> = x.iter().map(|x| x.row_shape()).collect();
        let types = self.input_types(rows, &shapes)?;
        let b = Builder::new();
        let inputs: Vec<Var<'_>> = types.iter().enumerate().map(|(at, &ty)| b.input(&super::input_name(at), ty)).collect();
        let goals: Vec<Var<'_>> = match aim {
            Aim::Nothing => Vec::new(),
            Aim::Loss(labels) => labels.iter().enumerate().map(|(at, (_, ty))| b.input(&format!("y_{at}"), *ty)).collect(),
            Aim::Scores(classes, _) => vec![b.input("classes", TensorType::i32([classes.len()]))],
        };
        let random = Randomness::declare(&b);
        let pass = forward(&b, &self.net, &mut self.weights, &inputs, &random, false);
        let results: Vec<Var<'_>> = pass.calls(&self.net).collect();
        let mut wrt: Vec<NodeId> = results.iter().map(|v| v.id()).collect();
        let (mut loss, mut top) = (None, None);
        match (aim, &self.compiled) {
            (Aim::Loss(_), Some(c)) => {
                let losses = Losses::of(&b, &c.trained, &goals, &vec![None; goals.len()], &pass.predictions);
                loss = Some(penalised(&b, losses.data, &pass));
                top = loss;
                let trainable = self.weights.list.iter().map(|w| b.state(w.slot, &format!("{}/{}", w.layer, w.name), w.ty));
                wrt.extend(trainable.map(Var::id));
            }
            (Aim::Scores(_, width), _) => {
                let scores = self.scores(&b, &random, &pass).reshape([rows, *width]);
                // A row's score does not depend on other rows, so that the sum has the gradients of all.
                top = Some((scores * goals[0].one_hot(*width)).sum(&[], false));
            }
            _ => {}
        }
        let before_inputs = wrt.len();
        wrt.extend(inputs.iter().filter(|x| x.ty().dtype == DType::F32).map(|x| x.id()));
        let found: Vec<Var<'_>> = match top {
            Some(top) => b.with_graph(|g| gradients(g, top.id(), &wrt))?.into_iter().map(|id| b.var(id)).collect(),
            None => Vec::new(),
        };
        let mut out = Writer { b: &b, shapes: Vec::new() };
        let loss_at = loss.map(|l| out.add(l));
        let mut places = Vec::with_capacity(results.len());
        for (at, &result) in results.iter().enumerate() {
            let sums = self.weighted_sums(&b, &random, at, &pass).map(|v| out.add(v));
            let name = &self.net.layers[self.net.calls[at].layer].name;
            let own = self.weights.list.iter().enumerate().filter(|(_, w)| belongs(&w.layer, name));
            // Scores have no gradients by weights.
            let by_weights = found.get(results.len()..before_inputs).unwrap_or(&[]);
            let weights = own.map(|(i, w)| by_weights.get(i).filter(|_| w.spec.trainable).map(|&g| out.add(g))).collect();
            let output = out.add(result);
            let gradient = found.get(at).map(|&g| out.add(g));
            places.push(Places { sums, output, gradient, weights });
        }
        let by_inputs: Vec<usize> = found.iter().skip(before_inputs).map(|&g| out.add(g)).collect();
        let shapes = out.shapes;
        let graph = b.finish()?;
        let mut session = self.backend.compile(&graph, self.weights.store.layout(), &self.options)?.session();
        let values = x.iter().zip(&types).map(|(x, ty)| gathered(*x, ty.dtype)).collect::<Result<Vec<_>>>()?;
        let (seed, step) = (self.seed_words(), [0]);
        let mut inputs: Vec<TensorRef<'_>> = values.iter().map(Words::view).collect();
        match aim {
            Aim::Nothing => {}
            Aim::Loss(labels) => inputs.extend(labels.iter().map(|(words, _)| words.view())),
            Aim::Scores(classes, _) => inputs.push(TensorRef::I32(classes)),
        }
        inputs.extend([TensorRef::I32(&seed), TensorRef::I32(&step)]);
        session.run_frozen(&inputs, &self.weights.store)?;

        let read = |at: usize| tensor(session.as_ref(), at, shapes[at]);
        let mut layers = Vec::with_capacity(places.len());
        for (call, place) in self.net.calls.iter().zip(places) {
            let named = &self.net.layers[call.layer];
            let own = self.weights.list.iter().filter(|w| belongs(&w.layer, &named.name)).zip(place.weights);
            let weights = own.map(|(w, at)| {
                let gradient = at.map(read).transpose()?;
                Ok(InspectedWeight { name: w.name.clone(), values: self.tensor_of(w), gradient })
            });
            layers.push(InspectedLayer {
                name: self.net.call_name(call),
                layer: named.name.clone(),
                takes: call.inputs.iter().map(|&value| self.taken(value)).collect(),
                class: named.layer.class_name().into(),
                weighted_sums: place.sums.map(read).transpose()?,
                output: read(place.output)?,
                gradient: place.gradient.map(read).transpose()?,
                weights: weights.collect::<Result<_>>()?,
            });
        }
        let loss = loss_at.and_then(|at| session.output(at).f32().and_then(|l| l.first().copied()));
        let input_gradients = by_inputs.into_iter().map(read).collect::<Result<_>>()?;
        Ok(Inspection { layers, loss, input_gradients })
    }

    fn taken(&self, value: usize) -> Taken {
        let made = self.net.calls.iter().position(|c| (c.first..c.first + c.results).contains(&value));
        made.map_or(Taken::Input(value), Taken::Layer)
    }

    /// What the last activation function is applied to.
    fn scores<'g>(&mut self, b: &'g Builder, random: &Randomness<'g>, pass: &Forward<'g>) -> Var<'g> {
        let output = pass.predictions[0].value;
        let value = self.net.outputs[0];
        let Some(last) = self.net.calls.iter().position(|c| c.first == value) else { return output };
        match self.net.layers[self.net.calls[last].layer].layer.class_name() {
            "Activation" | "Softmax" => pass.values[self.net.calls[last].inputs[0]].value,
            _ => self.weighted_sums(b, random, last, pass).unwrap_or(output),
        }
    }

    /// What a call gives without the layer's activation function: the same layer, linear, on the same weights.
    fn weighted_sums<'g>(&mut self, b: &'g Builder, random: &Randomness<'g>, at: usize, pass: &Forward<'g>) -> Option<Var<'g>> {
        let call = &self.net.calls[at];
        let named = &self.net.layers[call.layer];
        let mut envelope = named.layer.envelope();
        // Recurrent layers apply theirs within; a layer that is nothing but an activation has no sums of its own.
        let config = envelope["config"].as_object_mut()?;
        if !config.contains_key("activation") || named.layer.as_recurrent().is_some() || named.layer.class_name() == "Activation" {
            return None;
        }
        config.insert("activation".into(), json!("linear"));
        let linear = layer_from_json(&envelope).ok()?;
        let inputs: Vec<Masked<'g>> = call.inputs.iter().map(|&v| pass.values[v]).collect();
        let mut cx = Trace::new(b, &mut self.weights, false, random.seed, random.step);
        cx.apply(&named.name, linear.as_ref(), &inputs).first().map(|r| r.value)
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

/// All rows of a source.
fn gathered(x: &dyn RowSource, dtype: DType) -> Result<Words> {
    if let Some(tensor) = x.as_tensor() {
        return Ok(words(tensor, dtype));
    }
    let (rows, len) = ((0..x.rows()).collect::<Vec<_>>(), x.rows() * x.row_len());
    if dtype == DType::I32 {
        let mut out = vec![0; len];
        x.gather_i32_into(&rows, &mut out)?;
        return Ok(Words::I32(out));
    }
    let mut out = vec![0.0; len];
    x.gather_f32_into(&rows, &mut out)?;
    Ok(Words::F32(out))
}

fn tensor(session: &dyn Session, at: usize, shape: Shape) -> Result<Tensor> {
    let values = match session.output(at) {
        TensorRef::F32(v) => v.to_vec(),
        TensorRef::I32(v) => v.iter().map(|&v| v as f32).collect(),
    };
    debug_assert_eq!(values.len(), TensorType::f32(shape).len());
    Ok(Tensor::f32(shape.dims().to_vec(), values)?)
}
