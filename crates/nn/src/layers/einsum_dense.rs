//! A dense layer over any axes, told by an equation.

use super::{
    Layer,
    common::{LayerCommon, NotSupported, layer_builder, layer_identity, layer_methods, one},
    einsum::einsum,
    spatial::weights_valid,
};
use crate::{
    Trace,
    activations::Activation,
    constraints::{self, Constraint},
    initializers::Initializer,
    keras::{ConfigError, KerasObject, check},
    regularizers::Regularizer,
};
use adaline_graph::{MAX_RANK, Shape, Var};
use serde::{Deserialize, Serialize};

/// `activation(einsum(equation, x, kernel) + bias)`: `"abc,cd->abd"` is `Dense` of sequences, `"...x,xy->...y"` of inputs of any rank. Letters
/// name axes; the axis before the comma's is the input's, after it the kernel's, behind the arrow the result's. `...` stands for further axes at
/// the front, or at the end.
///
/// Weights: `kernel`, whose sizes come from the input and from `output_shape`; with `bias_axes`, letters of the result, `bias`. Rounded as in
/// [`Dense`](super::Dense).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EinsumDense {
    pub(super) common: LayerCommon,
    equation: String,
    output_shape: OutputShape,
    activation: Activation,
    bias_axes: Option<String>,
    pub(super) kernel_initializer: Initializer,
    pub(super) bias_initializer: Initializer,
    pub(super) kernel_regularizer: Option<Regularizer>,
    pub(super) bias_regularizer: Option<Regularizer>,
    pub(super) kernel_constraint: Option<Constraint>,
    pub(super) bias_constraint: Option<Constraint>,
    quantization_config: NotSupported,
}

/// A list in files, though one number is accepted; null where the size is the input's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "OneOrMany")]
pub struct OutputShape(pub Vec<Option<usize>>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "neither, expected a size or a list of sizes")]
enum OneOrMany {
    One(usize),
    Many(Vec<Option<usize>>),
}
impl From<OneOrMany> for OutputShape {
    fn from(sizes: OneOrMany) -> Self {
        Self(match sizes {
            OneOrMany::One(size) => vec![Some(size)],
            OneOrMany::Many(sizes) => sizes,
        })
    }
}
impl From<usize> for OutputShape {
    fn from(size: usize) -> Self {
        Self(vec![Some(size)])
    }
}
impl<const N: usize> From<[Option<usize>; N]> for OutputShape {
    fn from(sizes: [Option<usize>; N]) -> Self {
        Self(sizes.to_vec())
    }
}
impl From<Vec<Option<usize>>> for OutputShape {
    fn from(sizes: Vec<Option<usize>>) -> Self {
        Self(sizes)
    }
}

/// Where `...` stands for axes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    None,
    Left,
    Right,
}

/// The names of axes in an equation.
struct Equation<'e> {
    input: &'e [u8],
    kernel: &'e [u8],
    output: &'e [u8],
    rest: Rest,
}

impl<'e> Equation<'e> {
    fn of(equation: &'e str) -> Option<Self> {
        let (inputs, output) = equation.split_once("->")?;
        let (input, kernel) = inputs.split_once(',')?;
        let (input, output, rest) = if let Some(i) = input.strip_prefix("...") {
            (i, output.strip_prefix("...")?, Rest::Left)
        } else if let Some(i) = input.strip_suffix("...") {
            (i, output.strip_suffix("...")?, Rest::Right)
        } else {
            (input, output, Rest::None)
        };
        let names = |s: &'e str| {
            let s = s.as_bytes();
            let letters = !s.is_empty() && s.iter().all(u8::is_ascii_alphabetic);
            (letters && (1..s.len()).all(|i| !s[..i].contains(&s[i]))).then_some(s)
        };
        Some(Self { input: names(input)?, kernel: names(kernel)?, output: names(output)?, rest })
    }
}

/// What an equation is for one input.
struct Sizes {
    kernel: Vec<usize>,
    bias: Option<Vec<usize>>,
    /// Axes of the kernel that count as inputs, and as outputs.
    fans: (Vec<isize>, Vec<isize>),
    /// Names of all axes of the input and of the result.
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Default for EinsumDense {
    fn default() -> Self {
        Self::new("ab,bc->ac", 1)
    }
}

layer_builder!(EinsumDense, "EinsumDense", ["equation", "output_shape"]);

impl EinsumDense {
    /// By an equation such as `"abc,cd->abd"`, and the sizes of the result without its batch axis (and without those that `...` stands for),
    /// `None` where they are the input's: `EinsumDense::new("abc,cd->abd", [None, Some(64)])`.
    pub fn new(equation: impl Into<String>, output_shape: impl Into<OutputShape>) -> Self {
        Self {
            common: LayerCommon::regularized(),
            equation: equation.into(),
            output_shape: output_shape.into(),
            activation: Activation::Linear,
            bias_axes: None,
            kernel_initializer: Initializer::glorot_uniform(),
            bias_initializer: Initializer::Zeros,
            kernel_regularizer: None,
            bias_regularizer: None,
            kernel_constraint: None,
            bias_constraint: None,
            quantization_config: NotSupported,
        }
    }
    /// What is applied to the sums.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }
    /// Letters of the result along which a bias is added; without them there is none.
    pub fn bias_axes(mut self, axes: impl Into<String>) -> Self {
        self.bias_axes = Some(axes.into());
        self
    }
    /// How the kernel begins.
    pub fn kernel_initializer(mut self, initializer: Initializer) -> Self {
        self.kernel_initializer = initializer;
        self
    }
    /// How the bias begins.
    pub fn bias_initializer(mut self, initializer: Initializer) -> Self {
        self.bias_initializer = initializer;
        self
    }
    /// Penalty on the kernel.
    pub fn kernel_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.kernel_regularizer = Some(regularizer.into());
        self
    }
    /// What the kernel is put back to after each update.
    pub fn kernel_constraint(mut self, constraint: Constraint) -> Self {
        self.kernel_constraint = Some(constraint);
        self
    }
    /// What the bias is put back to after each update.
    pub fn bias_constraint(mut self, constraint: Constraint) -> Self {
        self.bias_constraint = Some(constraint);
        self
    }
    /// Penalty on the bias.
    pub fn bias_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.bias_regularizer = Some(regularizer.into());
        self
    }

    /// Sizes for an input, or what does not fit.
    fn sizes(&self, shape: Shape) -> Result<Sizes, String> {
        let Some(e) = Equation::of(&self.equation) else { return Err(EXPECTED.into()) };
        let given = &self.output_shape.0;
        let elided = match (shape.rank().checked_sub(e.input.len()), e.rest) {
            (Some(0), Rest::None) => 0,
            (Some(n), Rest::Left) if n > 0 => n,
            (Some(n), Rest::Right) => n,
            _ => return Err(format!("it names {} axes of the input", e.input.len())),
        };
        // The names below 'A' are those of the axes that `...` stands for.
        let rest: Vec<u8> = (0..elided as u8).collect();
        let whole = |names: &[u8]| match e.rest {
            Rest::Left => [&rest, names].concat(),
            _ => [names, &rest].concat(),
        };
        let (input, output) = (whole(e.input), whole(e.output));
        let of_input = |name: u8| input.iter().position(|&n| n == name).map(|at| shape.dims()[at]);
        let named = usize::from(e.rest != Rest::Left);
        if given.len() + named != e.output.len() {
            return Err(format!(
                "`output_shape` has {} sizes, and {} are needed: one for each letter of the result{}",
                given.len(),
                e.output.len() - named,
                if named == 1 { " but the first, the batch's" } else { "" }
            ));
        }
        let of_output = |name: u8| -> Result<usize, String> {
            let at = e.output.iter().position(|&n| n == name).unwrap_or(0);
            let size = if at < named { Some(shape.dim(0)) } else { given[at - named] };
            match (size, of_input(name)) {
                (Some(size), Some(is)) if size != is => {
                    Err(format!("axis `{}` has size {is} in the input and {size} in `output_shape`", name as char))
                }
                (Some(size), _) | (None, Some(size)) => Ok(size),
                (None, None) => Err(format!("`output_shape` must name the size of axis `{}`, which the input does not have", name as char)),
            }
        };
        for &name in e.output {
            if !e.input.contains(&name) && !e.kernel.contains(&name) {
                return Err(format!("axis `{}` of the result is neither one of the input nor one of the kernel", name as char));
            }
            of_output(name)?;
        }
        let (mut kernel, mut fans) = (Vec::new(), (Vec::new(), Vec::new()));
        for (at, &name) in e.kernel.iter().enumerate() {
            if e.output.contains(&name) {
                kernel.push(of_output(name)?);
                fans.1.push(at as isize);
            } else if let Some(size) = of_input(name) {
                kernel.push(size);
                fans.0.push(at as isize);
            } else {
                return Err(format!("axis `{}` of the kernel is neither one of the input nor one of the result", name as char));
            }
        }
        let bias = self.bias_axes.as_deref().map(|axes| -> Result<Vec<usize>, String> {
            let axes = axes.as_bytes();
            let strange = axes.iter().find(|n| !e.output.contains(n));
            if let Some(name) = strange {
                return Err(format!("axis `{}` of `bias_axes` is not one of the result", *name as char));
            }
            let Some(first) = e.output.iter().position(|n| axes.contains(n)) else { return Err("`bias_axes` names no axis".into()) };
            let mut sizes =
                e.output[first..].iter().map(|&n| if axes.contains(&n) { of_output(n) } else { Ok(1) }).collect::<Result<Vec<_>, _>>()?;
            if e.rest == Rest::Right {
                sizes.extend(std::iter::repeat_n(1, elided));
            }
            Ok(sizes)
        });
        Ok(Sizes { kernel, bias: bias.transpose()?, fans, input, output })
    }
    /// The kernel's initializer, which counts inputs and outputs by the equation.
    fn kernel_begins(&self, fans: (Vec<isize>, Vec<isize>)) -> Initializer {
        let mut initializer = self.kernel_initializer.clone();
        let axes = match &mut initializer {
            Initializer::Named(_, f) => Some((&mut f.input_axes, &mut f.output_axes)),
            Initializer::VarianceScaling(v) => Some((&mut v.input_axes, &mut v.output_axes)),
            _ => None,
        };
        if let Some((inputs, outputs)) = axes
            && (inputs.is_none() || outputs.is_none())
        {
            (*inputs, *outputs) = (Some(fans.0), Some(fans.1));
        }
        initializer
    }
}

/// What an equation is.
const EXPECTED: &str = "an equation as \"ab,bc->ac\", \"...b,bc->...c\" or \"ab...,bc->ac...\", each letter once in a term";

impl KerasObject for EinsumDense {
    layer_identity!("EinsumDense");
    fn validate(&self) -> Result<(), ConfigError> {
        let class = "EinsumDense";
        check(Equation::of(&self.equation).is_some(), class, "equation", EXPECTED, format!("{:?}", self.equation))?;
        let sizes = &self.output_shape.0;
        check(!sizes.contains(&Some(0)), class, "output_shape", "sizes of at least 1, or null for the input's", format!("{sizes:?}"))?;
        weights_valid(&[&self.kernel_initializer, &self.bias_initializer], &[self.kernel_regularizer, self.bias_regularizer])?;
        constraints::valid(&[&self.kernel_constraint, &self.bias_constraint])
    }
}

impl Layer for EinsumDense {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "EinsumDense", inputs));
        if cx.builder().failed() {
            return x;
        }
        let wrong = |message: &str| {
            cx.builder().error(format!(
                "EinsumDense with `equation` {:?} does not fit an input of shape {}: {message}",
                self.equation,
                x.shape()
            ))
        };
        let Sizes { kernel, bias, fans, input, output } = match self.sizes(x.shape()) {
            Ok(sizes) => sizes,
            Err(message) => return wrong(&message),
        };
        if output.len() > MAX_RANK || kernel.len() > MAX_RANK {
            return wrong(&format!("at most {MAX_RANK} axes are possible"));
        }
        let initializer = self.kernel_begins(fans);
        let names = self.equation.split_once(',').and_then(|e| e.1.split_once("->")).map_or("", |e| e.0);
        let kernel = cx.weight(
            "kernel",
            &kernel,
            &self.common.weight(&initializer, self.kernel_regularizer).constrained(self.kernel_constraint.as_ref()),
        );
        let mut y = cx.compute(einsum(x, &input, kernel, names.as_bytes(), &output));
        if let Some(bias) = bias {
            let bias = cx.weight(
                "bias",
                &bias,
                &self.common.weight(&self.bias_initializer, self.bias_regularizer).constrained(self.bias_constraint.as_ref()),
            );
            y = cx.compute(y + bias);
        }
        self.activation.trace(cx, y)
    }
}
