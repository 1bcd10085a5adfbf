//! Types of Python for arguments: by what their names say, by the types of their fields in Rust, by their defaults.

use crate::{source::Source, surface::Argument};
use serde_json::Value;

/// Endings of names that say the type. All of these are what `None` is, too.
const ENDINGS: [(&str, &str); 5] = [
    ("activation", "ActivationLike"),
    ("initializer", "InitializerLike"),
    ("regularizer", "RegularizerLike"),
    ("constraint", "ConstraintLike"),
    ("dtype", "DTypeLike"),
];

/// Names that say the type, where Rust's is another or several.
const NAMES: &[(&str, &str)] = &[
    ("learning_rate", "Union[float, LearningRateSchedule]"),
    ("seed", "Optional[int]"),
    ("name", "Optional[str]"),
    ("layer", "Layer"),
    ("backward_layer", "Optional[Layer]"),
    ("layers", "Sequence[Layer]"),
    ("cell", "Any"),
    ("cells", "Sequence[Layer]"),
    ("weights", "Any"),
    ("vocabulary", "Any"),
    ("idf_weights", "Any"),
    ("mean", "Any"),
    ("variance", "Any"),
    ("scale", "Any"),
    ("offset", "Any"),
    ("inner_optimizer", "Optimizer"),
    ("default_optimizer", "Optimizer"),
    ("optimizer_map", "Any"),
    ("fn", "Any"),
    ("target_shape", "Sequence[int]"),
    ("output_shape", "Any"),
    ("dims", "Sequence[int]"),
    ("axes", "IntOrInts"),
    ("axis", "Any"),
    ("shape", "Optional[Sequence[Optional[int]]]"),
    ("batch_shape", "Optional[Sequence[Optional[int]]]"),
    ("reduction", "Optional[str]"),
    ("thresholds", "Union[None, float, Sequence[float]]"),
    ("schedule", "Callable[..., float]"),
    ("mask_token", "Any"),
    ("oov_token", "Any"),
    ("salt", "Union[None, int, Sequence[int]]"),
    ("backup_dir", "Union[str, PathLike[str]]"),
    ("filename", "Union[str, PathLike[str]]"),
    ("verbose", "int"),
    ("flash_attention", "Optional[bool]"),
    ("kernel_size", "IntOrInts"),
    ("attention_axes", "Optional[IntOrInts]"),
    ("shared_axes", "Optional[IntOrInts]"),
    ("ignore_class", "Optional[int]"),
    ("gamma", "float"),
    ("input_tensor", "None"),
    ("batch_size", "Optional[int]"),
    ("filepath", "Union[str, PathLike[str]]"),
    ("stretches", "Optional[int]"),
];

/// The annotation of an argument; `rust` is the type of its field.
pub(crate) fn annotation(module: &str, class: &str, argument: &Argument, rust: Option<&str>, source: &Source) -> Option<String> {
    if let Some(own) = of_class(module, class, &argument.name) {
        return Some(own.into());
    }
    // What Keras has and we refuse.
    if !argument.ours && argument.default == Some(Value::Null) || rust == Some("NotSupported") {
        return Some("None".into());
    }
    if let Some((_, ty)) = ENDINGS.iter().find(|(ending, _)| argument.name.ends_with(ending)) {
        return Some((*ty).into());
    }
    let named = NAMES.iter().find(|(name, _)| *name == argument.name).map(|(_, ty)| (*ty).to_owned());
    let ty = named.or_else(|| rust.and_then(|rust| python(rust, source))).or_else(|| of_default(argument))?;
    let none = argument.default == Some(Value::Null) && !ty.starts_with("Optional[") && !ty.starts_with("Union[None") && ty != "Any";
    let ty = match (&argument.default, ty.as_str()) {
        // What Rust has for whole numbers or one kind of text, Keras may have for others as well.
        (Some(Value::Bool(_)), "int" | "str") => "bool".into(),
        (Some(Value::String(_)), "bool" | "int" | "float") => format!("Union[str, {ty}]"),
        (Some(Value::Array(_)), "int") => "IntOrInts".into(),
        (Some(Value::Array(_)), "float") => "Union[float, Sequence[float]]".into(),
        (Some(Value::Number(n)), "int") if n.is_f64() => "float".into(),
        _ => ty,
    };
    Some(if none { optional(&ty) } else { ty })
}

/// What only one class has so.
#[expect(clippy::match_same_arms, reason = "a line for each module and class")]
fn of_class(module: &str, class: &str, name: &str) -> Option<&'static str> {
    Some(match (module, class, name) {
        ("initializers", _, "mean") | ("initializers", "VarianceScaling", "scale") | ("layers", "RandomPerspective", "scale") => "float",
        ("layers", "RandomElasticTransform" | "RandomErasing", "scale") => "Union[float, Sequence[float]]",
        ("layers", "BatchNormalization" | "LayerNormalization" | "GroupNormalization" | "RMSNormalization", "scale") => "bool",
        ("layers", "Softmax" | "LayerNormalization" | "RMSNormalization" | "UnitNormalization", "axis") => "IntOrInts",
        ("layers", "BatchNormalization" | "GroupNormalization" | "Concatenate", "axis") => "int",
        ("layers", "Normalization", "axis") => "Optional[IntOrInts]",
        ("layers", "Hashing", "mask_value") => "Union[None, int, str]",
        ("layers", "RandomErasing", "fill_value") => "Optional[float]",
        ("activations", "softmax" | "log_softmax", "axis") => "IntOrInts",
        ("activations", _, "axis") => "int",
        ("activations", _, "max_value") => "Optional[float]",
        ("activations", _, "b") => "float",
        ("callbacks", "LambdaCallback", _) => "Optional[Callable[..., Any]]",
        ("losses", "CategoricalFocalCrossentropy", "alpha") => "Union[float, Sequence[float]]",
        ("losses", "Dice" | "Tversky", "axis") => "Optional[IntOrInts]",
        ("losses" | "metrics", _, "axis") => "int",
        ("constraints", _, "axis") => "IntOrInts",
        _ => return None,
    })
}

fn optional(ty: &str) -> String {
    match ty.strip_prefix("Union[") {
        Some(rest) => format!("Union[None, {rest}"),
        None => format!("Optional[{ty}]"),
    }
}

/// The type of a field.
fn python(rust: &str, source: &Source) -> Option<String> {
    let inner = |name: &str| rust.strip_prefix(name).and_then(|rest| rest.strip_suffix('>'));
    if let Some(of) = inner("Option<") {
        return python(of, source).map(|ty| if ty.starts_with("Optional[") { ty } else { optional(&ty) });
    }
    if let Some(of) = inner("Vec<") {
        return python(of, source).map(|ty| format!("Sequence[{ty}]"));
    }
    let ty = match rust.split('<').next().unwrap_or(rust) {
        "usize" | "u64" | "u32" | "u16" | "u8" | "i64" | "i32" | "isize" => "int",
        "f64" | "f32" => "float",
        "bool" => "bool",
        "String" | "char" => "str",
        "PerAxis" | "Axes" => "IntOrInts",
        "Borders" => "Union[int, Sequence[Any]]",
        "Factor" | "Bounds" => "Union[float, Sequence[float]]",
        "PathBuf" => "Union[str, PathLike[str]]",
        "SaveFreq" | "UpdateFreq" => "Union[str, int]",
        "[f64; 2]" => "Sequence[float]",
        "[usize; 2]" => "Sequence[int]",
        other if source.is_enum(other) => "str",
        _ => return None,
    };
    Some(ty.into())
}

/// The type of a default.
fn of_default(argument: &Argument) -> Option<String> {
    Some(
        match argument.default.as_ref()? {
            Value::Bool(_) => "bool",
            Value::Number(n) if n.is_f64() => "float",
            Value::Number(_) => "int",
            Value::String(_) => "str",
            Value::Array(values) if values.iter().all(Value::is_i64) => "IntOrInts",
            Value::Array(_) => "Sequence[Any]",
            Value::Null | Value::Object(_) => "Any",
        }
        .into(),
    )
}
