//! Numbers and texts to the buckets of a hash.

use super::{
    super::{
        Layer,
        common::{LayerCommon, layer_builder, layer_methods},
    },
    OutputMode, dense,
    discretization::data_layer_config,
    hash::{cross, farm, sip},
    lookup::fits,
    unweighted,
};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject, check, read_config, to_config},
};
use adaline_data::Tensor;
use adaline_graph::Var;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The key of a hash: two numbers; one stands for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SaltInFile", into = "[u64; 2]")]
pub struct Salt(pub [u64; 2]);

#[derive(Deserialize)]
#[serde(untagged, expecting = "neither, expected a whole number of at least 0 or two of them")]
enum SaltInFile {
    One(u64),
    Two([u64; 2]),
}

impl From<SaltInFile> for Salt {
    fn from(salt: SaltInFile) -> Self {
        match salt {
            SaltInFile::One(salt) => Self([salt; 2]),
            SaltInFile::Two(salt) => Self(salt),
        }
    }
}
impl From<Salt> for [u64; 2] {
    fn from(salt: Salt) -> Self {
        salt.0
    }
}

impl Salt {
    /// The bucket of a text among `buckets`: by `SipHash` with a salt, by `FarmHash` without.
    pub(super) fn bucket(salt: Option<Self>, text: &[u8], buckets: usize) -> usize {
        let hash = salt.map_or_else(|| farm(text), |salt| sip(text, salt.0));
        (hash % buckets as u64) as usize
    }
}

/// What stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "neither, expected a whole number or a text")]
pub enum MaskValue {
    /// Among numbers.
    Number(i32),
    /// Among texts.
    Text(String),
}

/// Numbers and texts to one of `num_bins` buckets, always the same one: by `FarmHash64` of the text (of a number, its decimal digits), with a
/// `salt` by `SipHash`. Where a `mask_value` is given, it has bucket 0 to itself.
///
/// It is used before the network: [`hash`](Self::hash) and [`hash_texts`](Self::hash_texts). A network with it is refused: a hash is computed on words
/// of 64 bits and on decimal digits, and operations have neither, as in Keras, whose backends but TensorFlow compile no hashes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hashing {
    #[serde(flatten)]
    common: LayerCommon,
    num_bins: usize,
    salt: Option<Salt>,
    mask_value: Option<MaskValue>,
    output_mode: OutputMode,
    sparse: bool,
}

impl Default for Hashing {
    fn default() -> Self {
        Self::new(1)
    }
}

layer_builder!(@ Hashing);

impl Hashing {
    /// So many buckets.
    pub fn new(num_bins: usize) -> Self {
        let common = LayerCommon::default();
        Self { common, num_bins, salt: None, mask_value: None, output_mode: OutputMode::Int, sparse: false }
    }
    /// Reads the arguments as Keras writes them.
    pub fn from_config(config: &Value) -> Result<Self, ConfigError> {
        let read: Self = read_config("Hashing", &["num_bins"], &without_integer_type(config))?;
        read.validate()?;
        Ok(read)
    }
    /// The key of `SipHash`.
    pub fn salt(mut self, salt: [u64; 2]) -> Self {
        self.salt = Some(Salt(salt));
        self
    }
    /// What has bucket 0 to itself.
    pub fn mask_value(mut self, value: MaskValue) -> Self {
        self.mask_value = Some(value);
        self
    }
    /// Numbers of buckets, or vectors for them.
    pub fn output_mode(mut self, mode: OutputMode) -> Self {
        self.output_mode = mode;
        self
    }
    /// The buckets of numbers `(rows, ..)`; fractions are cut off.
    ///
    /// # Errors
    /// [`ConfigError::Value`], when the arguments are out of their ranges or the shape does not fit `output_mode`.
    pub fn hash(&self, numbers: &Tensor) -> Result<Tensor, ConfigError> {
        let places = whole_numbers(numbers).map(|n| {
            let masked = matches!(self.mask_value, Some(MaskValue::Number(m)) if i64::from(m) == n);
            Some(self.bucket(n.to_string().as_bytes(), masked))
        });
        self.encode(&places.collect::<Vec<_>>(), numbers.shape())
    }
    /// The buckets of texts, each a row of one: `(texts, 1)`, or `(texts, num_bins)` by another `output_mode`.
    ///
    /// # Errors
    /// As [`Hashing::hash`].
    pub fn hash_texts(&self, texts: &[impl AsRef<str>]) -> Result<Tensor, ConfigError> {
        self.hash_texts_all(texts, &[texts.len(), 1])
    }
    /// As [`Hashing::hash_texts`], of texts in row-major order of a shape.
    ///
    /// # Errors
    /// As [`Hashing::hash`], and when the shape does not fit the number of texts.
    pub fn hash_texts_all(&self, texts: &[impl AsRef<str>], shape: &[usize]) -> Result<Tensor, ConfigError> {
        fits("Hashing", texts.len(), shape)?;
        let places = texts.iter().map(|text| {
            let text = text.as_ref();
            Some(self.bucket(text.as_bytes(), matches!(&self.mask_value, Some(MaskValue::Text(m)) if m == text)))
        });
        self.encode(&places.collect::<Vec<_>>(), shape)
    }
    fn bucket(&self, text: &[u8], masked: bool) -> usize {
        let first = usize::from(self.mask_value.is_some() && self.num_bins > 1);
        if masked && first == 1 { 0 } else { first + Salt::bucket(self.salt, text, (self.num_bins - first).max(1)) }
    }
    fn encode(&self, places: &[Option<usize>], shape: &[usize]) -> Result<Tensor, ConfigError> {
        self.validate()?;
        self.output_mode.encode_places("Hashing", places, shape, self.num_bins)
    }
}

/// Numbers of data as whole ones.
fn whole_numbers(data: &Tensor) -> impl Iterator<Item = i64> {
    let exact: Vec<i64> = match data.as_i32() {
        Some(numbers) => numbers.iter().map(|&n| i64::from(n)).collect(),
        None => data.f32_values().iter().map(|&n| n as i64).collect(),
    };
    exact.into_iter()
}

/// Keras gives these layers the type of their result, a whole number's, which is no policy here.
fn without_integer_type(config: &Value) -> Value {
    let mut config = config.clone();
    if let Value::Object(arguments) = &mut config {
        let dtype = arguments.get("dtype").map(|d| d.pointer("/config/name").unwrap_or(d));
        if dtype.and_then(Value::as_str).is_some_and(|name| matches!(name, "int64" | "int32")) {
            arguments.remove("dtype");
        }
    }
    config
}

/// The error within a network.
fn before_the_network<'g>(cx: &Trace<'g, '_>, class: &str, how: &str) -> Var<'g> {
    cx.builder().error(format!(
        "{class} has no place in a compiled network (nor in Keras' but on TensorFlow): call {how} on the data, and give the network its result"
    ))
}

impl KerasObject for Hashing {
    fn module(&self) -> &'static str {
        "keras.layers"
    }
    fn class_name(&self) -> &'static str {
        "Hashing"
    }
    fn config(&self) -> Value {
        let mut config = to_config(self);
        if self.output_mode == OutputMode::Int {
            config["dtype"]["config"]["name"] = json!("int64");
        }
        config
    }
    fn validate(&self) -> Result<(), ConfigError> {
        check(self.num_bins >= 1, "Hashing", "num_bins", "at least 1", self.num_bins)?;
        unweighted("Hashing", self.output_mode)?;
        dense("Hashing", self.sparse)
    }
}

impl Layer for Hashing {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, _: &[Var<'g>]) -> Var<'g> {
        before_the_network(cx, "Hashing", "`hash` or `hash_texts`")
    }
}

/// Two or more columns of whole numbers as one: each row's combination to one of `num_bins` buckets.
///
/// As [`Hashing`] it is used before the network: [`cross`](Self::cross).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HashedCrossing {
    #[serde(flatten)]
    common: LayerCommon,
    num_bins: usize,
    output_mode: OutputMode,
    sparse: bool,
}

impl Default for HashedCrossing {
    fn default() -> Self {
        Self::new(1)
    }
}

layer_builder!(@ HashedCrossing);

impl HashedCrossing {
    /// So many buckets.
    pub fn new(num_bins: usize) -> Self {
        Self { common: LayerCommon::default(), num_bins, output_mode: OutputMode::Int, sparse: false }
    }
    /// Reads the arguments as Keras writes them.
    pub fn from_config(config: &Value) -> Result<Self, ConfigError> {
        let read: Self = read_config("HashedCrossing", &["num_bins"], &without_integer_type(config))?;
        read.validate()?;
        Ok(read)
    }
    /// Numbers of buckets, or `one_hot` vectors for them.
    pub fn output_mode(mut self, mode: OutputMode) -> Self {
        self.output_mode = mode;
        self
    }
    /// The buckets of the rows of two or more columns, all `(rows)` or `(rows, 1)`.
    ///
    /// # Errors
    /// [`ConfigError::Value`], when columns are fewer or of other shapes.
    pub fn cross(&self, columns: &[&Tensor]) -> Result<Tensor, ConfigError> {
        const CLASS: &str = "HashedCrossing";
        /// Where TensorFlow's hash begins.
        const BEGIN: u64 = 0x00de_cafc_affe;
        self.validate()?;
        let shapes: Vec<&[usize]> = columns.iter().map(|c| c.shape()).collect();
        let column = |s: &[usize]| matches!(s, [_] | [_, 1]);
        let fits = shapes.len() >= 2 && shapes.iter().all(|s| column(s) && *s == shapes[0]);
        check(fits, CLASS, "input", "two or more columns of one shape, (rows) or (rows, 1)", format!("{shapes:?}"))?;
        let rows = shapes[0][0];
        let mut hashes = vec![BEGIN; rows];
        for column in columns {
            for (hash, number) in hashes.iter_mut().zip(whole_numbers(column)) {
                *hash = cross(*hash, number.cast_unsigned());
            }
        }
        let places: Vec<Option<usize>> = hashes.iter().map(|hash| Some((hash % self.num_bins as u64) as usize)).collect();
        self.output_mode.encode_places(CLASS, &places, shapes[0], self.num_bins)
    }
}

impl KerasObject for HashedCrossing {
    fn module(&self) -> &'static str {
        "keras.layers"
    }
    fn class_name(&self) -> &'static str {
        "HashedCrossing"
    }
    fn config(&self) -> Value {
        let mut config = data_layer_config(to_config(self), &self.common);
        if self.output_mode == OutputMode::Int {
            config["dtype"] = json!("int64");
        }
        config
    }
    fn validate(&self) -> Result<(), ConfigError> {
        check(self.num_bins >= 1, "HashedCrossing", "num_bins", "at least 1", self.num_bins)?;
        let mode = matches!(self.output_mode, OutputMode::Int | OutputMode::OneHot);
        check(mode, "HashedCrossing", "output_mode", "int or one_hot", format!("{:?}", self.output_mode))?;
        dense("HashedCrossing", self.sparse)
    }
}

impl Layer for HashedCrossing {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, _: &[Var<'g>]) -> Var<'g> {
        before_the_network(cx, "HashedCrossing", "`cross`")
    }
}
