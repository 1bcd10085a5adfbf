//! The operators that are known: how many inputs they take, which attributes (of any version) they may have, and what writes them.

use super::call::{Call, Made};
use super::ops::{
    activation, attention, control, conv, einsum, index, loss, math, moves, norm, pool, quantize, recurrent, reduce, resize, shape,
};
use adaline_graph::{UnaryOp, Var};
use std::fmt;

/// What writes an operator.
#[derive(Clone, Copy)]
pub(crate) enum Write {
    /// From its inputs.
    Call(for<'a, 'g> fn(&Call<'a, 'g>) -> Made<'g>),
    /// From its inputs and the values around it: it holds graphs.
    Control(for<'a, 'g> fn(&Call<'a, 'g>) -> Made<'g>),
    /// A function of each element of one input of floats.
    Each(for<'g> fn(Var<'g>) -> Var<'g>),
    /// The same, where the graph has it.
    Unary(UnaryOp),
}

impl Write {
    pub(crate) fn call<'g>(self, c: &Call<'_, 'g>) -> Made<'g> {
        match self {
            Self::Call(f) | Self::Control(f) => f(c),
            Self::Each(f) => c.like(f(c.float(0)?)),
            Self::Unary(op) => c.like(c.float(0)?.unary(op)),
        }
    }
}

/// An operator.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Least and most inputs.
    pub(crate) inputs: (usize, usize),
    pub(crate) attributes: &'static [&'static str],
    pub(crate) write: Write,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The names of all operators that are read, sorted.
pub fn operators() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|r| r.name)
}

pub(crate) fn find(name: &str) -> Option<&'static Row> {
    TABLE.binary_search_by(|r| r.name.cmp(name)).ok().map(|i| &TABLE[i])
}

const ANY: usize = usize::MAX;
/// Attributes of elementwise operators in old files.
const OLD: &[&str] = &["axis", "broadcast", "consumed_inputs"];
const INPLACE: &[&str] = &["consumed_inputs"];
const REDUCE: &[&str] = &["axes", "keepdims", "noop_with_empty_axes"];
const ARG: &[&str] = &["axis", "keepdims", "select_last_index"];
const WINDOW: &[&str] = &["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides", "output_padding", "output_shape"];
const POOL: &[&str] = &["auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "p", "pads", "storage_order", "strides"];
const RECURRENT: &[&str] = &[
    "activation_alpha",
    "activation_beta",
    "activations",
    "clip",
    "direction",
    "hidden_size",
    "input_forget",
    "layout",
    "linear_before_reset",
    "output_sequence",
];
const RESIZE: &[&str] = &[
    "antialias",
    "axes",
    "coordinate_transformation_mode",
    "cubic_coeff_a",
    "exclude_outside",
    "extrapolation_value",
    "keep_aspect_ratio_policy",
    "mode",
    "nearest_mode",
    "scales",
];

const fn row(
    name: &'static str,
    least: usize,
    most: usize,
    attributes: &'static [&'static str],
    write: for<'a, 'g> fn(&Call<'a, 'g>) -> Made<'g>,
) -> Row {
    Row { name, inputs: (least, most), attributes, write: Write::Call(write) }
}
const fn each(name: &'static str, write: for<'g> fn(Var<'g>) -> Var<'g>) -> Row {
    Row { name, inputs: (1, 1), attributes: INPLACE, write: Write::Each(write) }
}
const fn unary(name: &'static str, op: UnaryOp) -> Row {
    Row { name, inputs: (1, 1), attributes: INPLACE, write: Write::Unary(op) }
}
const fn control(
    name: &'static str,
    least: usize,
    attributes: &'static [&'static str],
    write: for<'a, 'g> fn(&Call<'a, 'g>) -> Made<'g>,
) -> Row {
    Row { name, inputs: (least, ANY), attributes, write: Write::Control(write) }
}

/// Sorted by name.
static TABLE: &[Row] = &[
    row("Abs", 1, 1, INPLACE, math::abs),
    row("Add", 2, 2, OLD, math::add),
    row("And", 2, 2, OLD, math::and),
    row("ArgMax", 1, 1, ARG, index::arg_max),
    row("ArgMin", 1, 1, ARG, index::arg_min),
    row(
        "Attention",
        3,
        7,
        &["is_causal", "kv_num_heads", "q_num_heads", "qk_matmul_output_mode", "scale", "softcap", "softmax_precision"],
        attention::attention,
    ),
    row("AveragePool", 1, 1, POOL, pool::average_pool),
    row("BatchNormalization", 5, 5, &["consumed_inputs", "epsilon", "is_test", "momentum", "spatial", "training_mode"], norm::batch_norm),
    row("Cast", 1, 1, &["to", "saturate", "round_mode"], math::cast),
    row("CastLike", 2, 2, &["saturate", "round_mode"], math::cast_like),
    each("Ceil", math::ceil),
    row("Celu", 1, 1, &["alpha"], activation::celu),
    row("Clip", 1, 3, &["consumed_inputs", "max", "min"], math::clip),
    row("Concat", 1, ANY, &["axis"], moves::concat),
    row("Constant", 0, 0, &["value", "value_float", "value_floats", "value_int", "value_ints"], shape::constant),
    row("ConstantOfShape", 1, 1, &["value"], shape::constant_of_shape),
    row("Conv", 2, 3, WINDOW, conv::conv),
    row("ConvTranspose", 2, 3, WINDOW, conv::conv_transpose),
    row("CumSum", 2, 2, &["exclusive", "reverse"], index::cum_sum),
    row("DepthToSpace", 1, 1, &["blocksize", "mode"], moves::depth_to_space),
    row("DequantizeLinear", 2, 3, &["axis", "block_size", "output_dtype"], quantize::dequantize),
    row("Div", 2, 2, OLD, math::div),
    row("Dropout", 1, 3, &["consumed_inputs", "is_test", "ratio", "seed"], activation::dropout),
    row("DynamicQuantizeLinear", 1, 1, &[], quantize::dynamic),
    row("Einsum", 1, ANY, &["equation"], einsum::einsum),
    row("Elu", 1, 1, &["alpha", "consumed_inputs"], activation::elu),
    row("Equal", 2, 2, OLD, math::equal),
    unary("Erf", UnaryOp::Erf),
    unary("Exp", UnaryOp::Exp),
    row("Expand", 2, 2, &[], shape::expand),
    row("EyeLike", 1, 1, &["dtype", "k"], shape::eye_like),
    row("Flatten", 1, 1, &["axis"], shape::flatten),
    unary("Floor", UnaryOp::Floor),
    row("GRU", 3, 6, RECURRENT, recurrent::gru),
    row("Gather", 2, 2, &["axis"], index::gather),
    row("GatherElements", 2, 2, &["axis"], index::gather_elements),
    row("GatherND", 2, 2, &["batch_dims"], index::gather_nd),
    row("Gelu", 1, 1, &["approximate"], activation::gelu),
    row("Gemm", 2, 3, &["alpha", "beta", "broadcast", "transA", "transB"], math::gemm),
    row("GlobalAveragePool", 1, 1, &[], pool::global_average_pool),
    row("GlobalMaxPool", 1, 1, &[], pool::global_max_pool),
    row("Greater", 2, 2, OLD, math::greater),
    row("GreaterOrEqual", 2, 2, &[], math::greater_or_equal),
    row("GroupNormalization", 3, 3, &["epsilon", "num_groups", "stash_type"], norm::group_norm),
    row("HardSigmoid", 1, 1, &["alpha", "beta", "consumed_inputs"], activation::hard_sigmoid),
    each("HardSwish", activation::hard_swish),
    row("Hardmax", 1, 1, &["axis"], activation::hardmax),
    row("Identity", 1, 1, &[], shape::identity),
    control("If", 1, &["else_branch", "then_branch"], control::branch),
    row("InstanceNormalization", 3, 3, &["consumed_inputs", "epsilon"], norm::instance_norm),
    row("IsInf", 1, 1, &["detect_negative", "detect_positive"], math::is_inf),
    row("IsNaN", 1, 1, &[], math::is_nan),
    row("LRN", 1, 1, &["alpha", "beta", "bias", "size"], norm::lrn),
    row("LSTM", 3, 8, RECURRENT, recurrent::lstm),
    row("LayerNormalization", 2, 3, &["axis", "epsilon", "stash_type"], norm::layer_norm),
    row("LeakyRelu", 1, 1, &["alpha", "consumed_inputs"], activation::leaky_relu),
    row("Less", 2, 2, OLD, math::less),
    row("LessOrEqual", 2, 2, &[], math::less_or_equal),
    unary("Log", UnaryOp::Log),
    row("LogSoftmax", 1, 1, &["axis"], activation::log_softmax),
    control("Loop", 0, &["body"], control::repeat),
    row("LpNormalization", 1, 1, &["axis", "p"], norm::lp_norm),
    row("LpPool", 1, 1, POOL, pool::lp_pool),
    row("MatMul", 2, 2, &[], math::matmul),
    row("Max", 1, ANY, INPLACE, math::max),
    row("MaxPool", 1, 1, POOL, pool::max_pool),
    row("Mean", 1, ANY, INPLACE, math::mean),
    row("MeanVarianceNormalization", 1, 1, &["axes"], norm::mean_variance_norm),
    row("Min", 1, ANY, INPLACE, math::min),
    each("Mish", activation::mish),
    row("Mod", 2, 2, &["fmod"], math::modulo),
    row("Mul", 2, 2, OLD, math::mul),
    row("Neg", 1, 1, INPLACE, math::neg),
    row("NegativeLogLikelihoodLoss", 2, 3, &["ignore_index", "reduction"], loss::nll),
    row("Not", 1, 1, &[], math::not),
    row("OneHot", 3, 3, &["axis"], index::one_hot),
    row("Or", 2, 2, OLD, math::or),
    row("PRelu", 2, 2, INPLACE, activation::prelu),
    row("Pad", 1, 4, &["mode", "paddings", "pads", "value"], moves::pad),
    row("Pow", 2, 2, OLD, math::pow),
    row("QuantizeLinear", 2, 3, &["axis", "block_size", "output_dtype", "precision", "saturate"], quantize::quantize),
    row("RMSNormalization", 2, 2, &["axis", "epsilon", "stash_type"], norm::rms_norm),
    row("RNN", 3, 6, RECURRENT, recurrent::rnn),
    row("Range", 3, 3, &["stash_type"], shape::range),
    each("Reciprocal", math::reciprocal),
    row("ReduceL1", 1, 2, REDUCE, reduce::l1),
    row("ReduceL2", 1, 2, REDUCE, reduce::l2),
    row("ReduceLogSum", 1, 2, REDUCE, reduce::log_sum),
    row("ReduceLogSumExp", 1, 2, REDUCE, reduce::log_sum_exp),
    row("ReduceMax", 1, 2, REDUCE, reduce::max),
    row("ReduceMean", 1, 2, REDUCE, reduce::mean),
    row("ReduceMin", 1, 2, REDUCE, reduce::min),
    row("ReduceProd", 1, 2, REDUCE, reduce::prod),
    row("ReduceSum", 1, 2, REDUCE, reduce::sum),
    row("ReduceSumSquare", 1, 2, REDUCE, reduce::sum_square),
    row("Relu", 1, 1, INPLACE, activation::relu),
    row("Reshape", 1, 2, &["allowzero", "consumed_inputs", "shape"], shape::reshape),
    row("Resize", 1, 4, RESIZE, resize::resize),
    row("ReverseSequence", 2, 2, &["batch_axis", "time_axis"], index::reverse_sequence),
    row("RotaryEmbedding", 3, 4, &["interleaved", "num_heads", "rotary_embedding_dim"], attention::rotary),
    each("Round", math::round),
    control(
        "Scan",
        0,
        &[
            "body",
            "num_scan_inputs",
            "scan_input_axes",
            "scan_input_directions",
            "scan_output_axes",
            "scan_output_directions",
            "directions",
        ],
        control::scan,
    ),
    row("Scatter", 3, 3, &["axis"], index::scatter_elements),
    row("ScatterElements", 3, 3, &["axis", "reduction"], index::scatter_elements),
    row("ScatterND", 3, 3, &["reduction"], index::scatter_nd),
    row("Selu", 1, 1, &["alpha", "consumed_inputs", "gamma"], activation::selu),
    row("Shape", 1, 1, &["end", "start"], shape::shape),
    row("Shrink", 1, 1, &["bias", "lambd"], activation::shrink),
    unary("Sigmoid", UnaryOp::Sigmoid),
    row("Sign", 1, 1, &[], math::sign),
    row("Size", 1, 1, &[], shape::size),
    row("Slice", 1, 5, &["axes", "ends", "starts"], moves::slice),
    row("Softmax", 1, 1, &["axis"], activation::softmax),
    row("SoftmaxCrossEntropyLoss", 2, 3, &["ignore_index", "reduction"], loss::softmax_cross_entropy),
    unary("Softplus", UnaryOp::Softplus),
    each("Softsign", activation::softsign),
    row("SpaceToDepth", 1, 1, &["blocksize", "mode"], moves::space_to_depth),
    row("Split", 1, 2, &["axis", "num_outputs", "split"], moves::split),
    unary("Sqrt", UnaryOp::Sqrt),
    row("Squeeze", 1, 2, &["axes"], shape::squeeze),
    row("Sub", 2, 2, OLD, math::sub),
    row("Sum", 1, ANY, INPLACE, math::sum),
    row("Swish", 1, 1, &["alpha"], activation::swish),
    unary("Tanh", UnaryOp::Tanh),
    row("ThresholdedRelu", 1, 1, &["alpha"], activation::thresholded_relu),
    row("Tile", 2, 3, &[], moves::tile),
    row("TopK", 1, 2, &["axis", "k", "largest", "sorted"], index::top_k),
    row("Transpose", 1, 1, &["perm"], moves::transpose),
    row("Trilu", 1, 2, &["upper"], shape::trilu),
    row("Unsqueeze", 1, 2, &["axes"], shape::unsqueeze),
    row("Upsample", 1, 2, &["mode", "scales", "height_scale", "width_scale"], resize::upsample),
    row("Where", 3, 3, &[], math::choose),
    row("Xor", 2, 2, OLD, math::xor),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_found() {
        assert!(TABLE.windows(2).all(|w| w[0].name < w[1].name), "look-up halves it");
        assert!(operators().all(|name| find(name).is_some_and(|r| r.name == name)));
        assert!(find("Nothing").is_none());
    }
}
