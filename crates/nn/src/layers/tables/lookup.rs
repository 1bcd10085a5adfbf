//! Numbers and texts to their places in a vocabulary.

use super::{
    super::{
        Layer,
        common::{LayerCommon, layer_builder, layer_methods, one},
        kept::Kept,
    },
    MOST_PLACES, OutputMode, beside, constants, dense,
    hashing::Salt,
    of_data,
};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject, check, to_config},
};
use adaline_data::Tensor;
use adaline_graph::{DType, Literal, Var};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    hash::Hash,
};

/// Most places for unknown terms where each has a part of its own in the network's graph.
const MOST_PARTS: usize = 4096;

/// How unknown terms are spread over several places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OovMethod {
    /// Numbers by their remainder, texts by `farmhash`.
    #[default]
    FloorMod,
    /// By `FarmHash64` of the text, of a number its decimal digits; with a salt by `SipHash`.
    FarmHash,
}

/// What a vocabulary holds: whole numbers ([`IntegerLookup`]) or texts ([`StringLookup`]).
pub trait Term: Clone + Debug + Ord + Hash + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Keras' class.
    const CLASS: &'static str;
    /// An argument of this class alone, and its one value.
    const OWN: (&'static str, &'static str);
    /// What stands for unknown terms.
    fn unknown() -> Self;
    /// As text.
    fn text(&self) -> String;
    /// The remainder by which `floormod` spreads it, when it is a number.
    fn remainder(&self, by: usize) -> Option<usize>;
    /// Its places within a network.
    fn places<'g>(cx: &Trace<'g, '_>, lookup: &Lookup<Self>, x: Var<'g>) -> Var<'g>;
    /// The terms at places within a network.
    fn terms<'g>(cx: &Trace<'g, '_>, lookup: &Lookup<Self>, x: Var<'g>) -> Var<'g>;
    /// From a line of a file.
    fn of_line(line: &str) -> Option<Self>;
}

/// Terms to their places in a vocabulary, which is given or learned by [`adapt`](Self::adapt): first (with `output_mode` int) `mask_token`, then
/// `num_oov_indices` places for unknown terms, then the vocabulary. `output_mode` makes vectors of the places, where masked terms are left out.
///
/// [`IntegerLookup`] works within a network, `(B, ..) -> (B, ..)`, and before it; [`StringLookup`] before it only, since tensors hold no text:
/// [`lookup`](Self::lookup). A vocabulary is part of the configuration, and so of the model's file; of a file of Keras, which keeps beside the
/// configuration what was learned, it is read from there.
///
/// With `invert` it goes the other way, from places to terms. The mode `tf_idf` counts terms and multiplies by `idf_weights`, which
/// [`adapt_all`](Self::adapt_all) learns: `ln(1 + documents / (1 + documents with the term))`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Lookup<T: Term> {
    #[serde(flatten)]
    common: LayerCommon,
    invert: bool,
    max_tokens: Option<usize>,
    num_oov_indices: usize,
    oov_token: Option<T>,
    mask_token: Option<T>,
    output_mode: OutputMode,
    sparse: bool,
    pad_to_max_tokens: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    vocabulary_dtype: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
    idf_weights: Option<Vec<f64>>,
    vocabulary: Option<Vec<T>>,
    vocabulary_size: Option<usize>,
    oov_method: OovMethod,
    salt: Option<Salt>,
}

/// Whole numbers to their places in a vocabulary.
pub type IntegerLookup = Lookup<i32>;
/// Texts to their places in a vocabulary.
pub type StringLookup = Lookup<String>;

impl<T: Term> Default for Lookup<T> {
    fn default() -> Self {
        let own = |key| (T::OWN.0 == key).then(|| T::OWN.1.to_owned());
        Self {
            common: LayerCommon::default(),
            invert: false,
            max_tokens: None,
            num_oov_indices: 1,
            oov_token: Some(T::unknown()),
            mask_token: None,
            output_mode: OutputMode::Int,
            sparse: false,
            pad_to_max_tokens: false,
            vocabulary_dtype: own("vocabulary_dtype"),
            encoding: own("encoding"),
            idf_weights: None,
            vocabulary: None,
            vocabulary_size: None,
            oov_method: OovMethod::FloorMod,
            salt: None,
        }
    }
}

layer_builder!(IntegerLookup, "IntegerLookup", []);
layer_builder!(StringLookup, "StringLookup", []);

impl<T: Term> Lookup<T> {
    /// Without a vocabulary yet.
    pub fn new() -> Self {
        Self::default()
    }
    /// The terms, with or without those for masked and unknown ones in front.
    pub fn with_vocabulary(mut self, vocabulary: impl IntoIterator<Item = impl Into<T>>) -> Self {
        self.vocabulary = Some(vocabulary.into_iter().map(Into::into).collect());
        self
    }
    /// Most places, those for masked and unknown terms included.
    pub fn max_tokens(mut self, max: usize) -> Self {
        self.max_tokens = Some(max);
        self
    }
    /// How many places unknown terms share; with none they are errors.
    pub fn num_oov_indices(mut self, places: usize) -> Self {
        self.num_oov_indices = places;
        self
    }
    /// The term that stands for nothing.
    pub fn mask_token(mut self, token: impl Into<T>) -> Self {
        self.mask_token = Some(token.into());
        self
    }
    /// What stands for unknown terms in a vocabulary.
    pub fn oov_token(mut self, token: impl Into<T>) -> Self {
        self.oov_token = Some(token.into());
        self
    }
    /// How unknown terms are spread over several places.
    pub fn oov_method(mut self, method: OovMethod) -> Self {
        self.oov_method = method;
        self
    }
    /// The key of the hash that spreads unknown terms.
    pub fn salt(mut self, salt: [u64; 2]) -> Self {
        self.salt = Some(Salt(salt));
        self
    }
    /// Places, or vectors for them.
    pub fn output_mode(mut self, mode: OutputMode) -> Self {
        self.output_mode = mode;
        self
    }
    /// Whether vectors have `max_tokens` numbers however many terms there are.
    pub fn pad_to_max_tokens(mut self, pad: bool) -> Self {
        self.pad_to_max_tokens = pad;
        self
    }

    /// Weights of the mode `tf_idf`, one for each term as [`with_vocabulary`](Self::with_vocabulary) has them. Unknown terms weigh as much as those of
    /// the vocabulary on average, unless they are in it.
    pub fn idf_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.idf_weights = Some(weights.into());
        self
    }
    /// From places to terms instead of from terms to places.
    pub fn invert(mut self, invert: bool) -> Self {
        self.invert = invert;
        self
    }

    /// Whether it goes from places to terms.
    pub fn inverts(&self) -> bool {
        self.invert
    }

    /// The place of the first unknown term.
    fn unknown_from(&self) -> usize {
        usize::from(self.mask_token.is_some() && self.output_mode == OutputMode::Int)
    }
    /// The place of the vocabulary's first term.
    fn terms_from(&self) -> usize {
        self.unknown_from() + self.num_oov_indices
    }
    /// The vocabulary without what stands in front of it.
    fn terms(&self) -> Option<&[T]> {
        let all = self.vocabulary.as_deref()?;
        let front = std::iter::repeat_n(&self.mask_token, self.unknown_from())
            .chain(std::iter::repeat_n(&self.oov_token, self.num_oov_indices))
            .map(Option::as_ref);
        let there = all.iter().map(Some).take(self.terms_from());
        Some(if front.eq(there) { &all[self.terms_from()..] } else { all })
    }
    /// How many places there are.
    fn places(&self) -> Option<usize> {
        self.terms().map(|terms| self.terms_from() + terms.len())
    }
    /// How long vectors are.
    fn depth(&self) -> Result<usize, ConfigError> {
        let places = self.places().ok_or_else(|| ConfigError::value(T::CLASS, "vocabulary", "given, or learned by adapt", "none"))?;
        Ok(self.max_tokens.filter(|_| self.pad_to_max_tokens).unwrap_or(places))
    }
    /// The terms by their places, with those for masked and unknown ones.
    pub fn vocabulary(&self) -> Vec<Option<T>> {
        let front = std::iter::repeat_n(self.mask_token.clone(), self.unknown_from());
        let unknown = std::iter::repeat_n(self.oov_token.clone(), self.num_oov_indices);
        front.chain(unknown).chain(self.terms().unwrap_or_default().iter().cloned().map(Some)).collect()
    }

    /// The weights of all places, for the mode `tf_idf`.
    fn weights(&self) -> Result<Vec<f32>, ConfigError> {
        let missing = || ConfigError::value(T::CLASS, "idf_weights", "given, or learned by adapt", "none");
        let (given, terms) = (self.idf_weights.as_ref().ok_or_else(missing)?, self.terms().unwrap_or_default());
        let front = self.terms_from() - (given.len().saturating_sub(terms.len())).min(self.terms_from());
        let average = given.iter().sum::<f64>() / given.len().max(1) as f64;
        let mut weights: Vec<f32> = std::iter::repeat_n(average as f32, front).chain(given.iter().map(|&w| w as f32)).collect();
        weights.resize(self.depth()?, 0.0);
        Ok(weights)
    }

    /// Learns the vocabulary: all terms, the most frequent first, among equally frequent ones the largest; at most as many as `max_tokens` leaves.
    /// For the mode `tf_idf` each term is a document of its own.
    ///
    /// # Errors
    /// [`ConfigError::Value`], when there are no terms, or arguments are out of their ranges.
    pub fn adapt(&mut self, data: &[T]) -> Result<(), ConfigError> {
        self.adapt_all(data, &[data.len()])
    }
    /// As [`Lookup::adapt`], of terms in row-major order of a shape. For the mode `tf_idf` each row is a document.
    ///
    /// # Errors
    /// As there, and when the shape does not fit the number of terms.
    pub fn adapt_all(&mut self, data: &[T], shape: &[usize]) -> Result<(), ConfigError> {
        fits(T::CLASS, data.len(), shape)?;
        let each = data.len() / shape.first().copied().unwrap_or(1).max(1);
        self.adapt_documents(data.chunks(each.max(1)))
    }
    /// As [`Lookup::adapt_all`], of documents of any lengths.
    ///
    /// # Errors
    /// As [`Lookup::adapt`].
    pub fn adapt_documents<'a>(&mut self, data: impl IntoIterator<Item = &'a [T]>) -> Result<(), ConfigError> {
        let mut documents = 0;
        let mut counts: BTreeMap<&T, Seen> = BTreeMap::new();
        for terms in data {
            for term in terms {
                if Some(term) == self.mask_token.as_ref() || Some(term) == self.oov_token.as_ref() {
                    continue;
                }
                let seen = counts.entry(term).or_default();
                seen.times += 1;
                seen.documents += usize::from(seen.last != Some(documents));
                seen.last = Some(documents);
            }
            documents += 1;
        }
        check(!counts.is_empty(), T::CLASS, "adapt", "data with at least one term that is neither masked nor unknown", "none")?;
        let mut found: Vec<(&T, Seen)> = counts.into_iter().rev().collect();
        found.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.times));
        found.truncate(self.max_tokens.map_or(usize::MAX, |max| max.saturating_sub(self.terms_from())));
        let mut learned = self.clone();
        learned.idf_weights =
            (self.output_mode == OutputMode::TfIdf).then(|| found.iter().map(|(_, seen)| seen.weight(documents)).collect());
        learned.vocabulary = Some(found.into_iter().map(|(term, _)| term.clone()).collect());
        learned.validate()?;
        *self = learned;
        Ok(())
    }

    /// The places of terms, each a row of one: `(terms, 1)` of `i32`, or vectors `(terms, depth)` by another `output_mode`.
    ///
    /// # Errors
    /// [`ConfigError::Value`], when there is no vocabulary, or an unknown term and `num_oov_indices` is 0.
    pub fn lookup(&self, terms: &[impl Into<T> + Clone]) -> Result<Tensor, ConfigError> {
        let owned: Vec<T> = terms.iter().cloned().map(Into::into).collect();
        self.lookup_all(&owned, &[owned.len(), 1])
    }
    /// As [`Lookup::lookup`], of terms in row-major order of a shape.
    ///
    /// # Errors
    /// As there, and when the shape does not fit the number of terms or `output_mode`.
    pub fn lookup_all(&self, terms: &[T], shape: &[usize]) -> Result<Tensor, ConfigError> {
        self.validate()?;
        let depth = self.depth()?;
        fits(T::CLASS, terms.len(), shape)?;
        check(!self.invert, T::CLASS, "input", "places for `terms_at`, since invert is set", "terms")?;
        let known: HashMap<&T, usize> =
            self.terms().unwrap_or_default().iter().enumerate().map(|(at, term)| (term, at + self.terms_from())).collect();
        let mut places = Vec::with_capacity(terms.len());
        for term in terms {
            let masked = self.mask_token.as_ref() == Some(term);
            places.push(match known.get(term) {
                _ if masked => (self.output_mode == OutputMode::Int).then_some(0),
                Some(&place) => Some(place),
                None => Some(self.unknown_from() + self.spread(term)?),
            });
        }
        let made = self.output_mode.encode_places(T::CLASS, &places, shape, depth)?;
        if self.output_mode != OutputMode::TfIdf {
            return Ok(made);
        }
        let weights = self.weights()?;
        let values = made.f32_values().iter().zip(weights.iter().cycle()).map(|(count, weight)| count * weight).collect();
        Tensor::f32(made.shape(), values).map_err(of_data(T::CLASS))
    }
    /// The terms at places; at those of none the `oov_token`.
    ///
    /// # Errors
    /// [`ConfigError::Value`], when there is no vocabulary, or a place of none and no `oov_token`.
    pub fn terms_at(&self, places: &[i32]) -> Result<Vec<T>, ConfigError> {
        self.validate()?;
        self.depth()?;
        let terms = self.vocabulary();
        let at = |&place: &i32| {
            let term = usize::try_from(place).ok().and_then(|place| terms.get(place)).unwrap_or(&self.oov_token).clone();
            term.ok_or_else(|| ConfigError::value(T::CLASS, "input", "places of the vocabulary, since there is no oov_token", place))
        };
        places.iter().map(at).collect()
    }
    /// Which of the places for unknown terms one takes.
    fn spread(&self, term: &T) -> Result<usize, ConfigError> {
        match self.num_oov_indices {
            0 => Err(ConfigError::value(T::CLASS, "input", "terms of the vocabulary, since num_oov_indices is 0", format!("{term:?}"))),
            1 => Ok(0),
            n => Ok(match (self.oov_method, term.remainder(n)) {
                (OovMethod::FloorMod, Some(remainder)) => remainder,
                _ => Salt::bucket(self.salt, term.text().as_bytes(), n),
            }),
        }
    }
}

/// How often a term was seen, and in how many documents, the last of which was which.
#[derive(Clone, Copy, Default)]
struct Seen {
    times: usize,
    documents: usize,
    last: Option<usize>,
}

impl Seen {
    /// How much it says that a document has it.
    fn weight(self, documents: usize) -> f64 {
        libm::log(1.0 + documents as f64 / (1 + self.documents) as f64)
    }
}

/// Refuses a shape of another number of terms.
pub(super) fn fits(class: &str, terms: usize, shape: &[usize]) -> Result<(), ConfigError> {
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    check(count == Some(terms), class, "input", &format!("{terms} terms in the shape"), format!("{shape:?}"))
}

impl<T: Term> KerasObject for Lookup<T> {
    fn module(&self) -> &'static str {
        "keras.layers"
    }
    fn class_name(&self) -> &'static str {
        T::CLASS
    }
    fn config(&self) -> Value {
        let mut config = to_config(self);
        config["vocabulary_size"] = self.places().into();
        config
    }
    fn validate(&self) -> Result<(), ConfigError> {
        let class = T::CLASS;
        dense(class, self.sparse)?;
        check(!self.invert || self.output_mode == OutputMode::Int, class, "output_mode", "int, since invert is set", "another")?;
        check(!self.invert || self.oov_token.is_some(), class, "oov_token", "given, since invert is set", "none")?;
        let weighted = self.output_mode == OutputMode::TfIdf;
        check(weighted || self.idf_weights.is_none(), class, "idf_weights", "none unless output_mode is tf_idf", "a list")?;
        let max = self.max_tokens.map_or("none".to_owned(), |max| max.to_string());
        let sound = self.max_tokens.is_none_or(|max| (2..=MOST_PLACES).contains(&max));
        check(sound, class, "max_tokens", &format!("from 2 to {MOST_PLACES}"), &max)?;
        check(self.max_tokens.is_some() || !self.pad_to_max_tokens, class, "max_tokens", "given, since pad_to_max_tokens is set", &max)?;
        let few = self.num_oov_indices < MOST_PLACES;
        check(few, class, "num_oov_indices", &format!("below {MOST_PLACES}"), self.num_oov_indices)?;
        let apart = self.num_oov_indices <= MOST_PARTS || !(weighted || self.invert);
        let expected = format!("at most {MOST_PARTS} with invert or output_mode tf_idf");
        check(apart, class, "num_oov_indices", &expected, self.num_oov_indices)?;
        let hashed = self.oov_method == OovMethod::FarmHash || T::unknown().remainder(1).is_none();
        check(self.salt.is_none() || hashed, class, "salt", "none unless oov_method is farmhash", "a salt")?;
        let own = [("vocabulary_dtype", &self.vocabulary_dtype), ("encoding", &self.encoding)];
        for (key, value) in own.into_iter().filter_map(|(key, value)| value.as_ref().map(|v| (key, v))) {
            check(key == T::OWN.0 && value == T::OWN.1, class, key, T::OWN.1, value)?;
        }
        let Some(terms) = self.terms() else { return Ok(()) };
        check(!terms.is_empty(), class, "vocabulary", "at least one term besides those for masked and unknown ones", "none")?;
        check(terms.len() < MOST_PLACES, class, "vocabulary", &format!("less than {MOST_PLACES} terms"), terms.len())?;
        if let (true, Some(all)) = (weighted, &self.vocabulary) {
            let given = self.idf_weights.as_deref().unwrap_or_default();
            let sound = given.len() == all.len() && given.iter().all(|w| w.is_finite());
            let expected = format!("{} finite numbers, one for each term of the vocabulary", all.len());
            let got = if given.len() == all.len() { "one that is not finite".to_owned() } else { given.len().to_string() };
            check(sound, class, "idf_weights", &expected, got)?;
        }
        let mut seen = HashMap::new();
        for (at, term) in terms.iter().enumerate() {
            if let Some(first) = seen.insert(term, at) {
                return Err(ConfigError::value(class, "vocabulary", "each term once", format!("{term:?} at {first} and at {at}")));
            }
        }
        if let Some(mask) = self.mask_token.as_ref().filter(|mask| seen.contains_key(mask)) {
            let expected = "without the term for masked ones, or with it in front, then those for unknown ones";
            return Err(ConfigError::value(class, "vocabulary", expected, format!("{mask:?} at {}", seen[mask])));
        }
        if let Some(unknown) = self.oov_token.as_ref().filter(|unknown| self.invert && seen.contains_key(unknown)) {
            let expected = "without the term for unknown ones, or with it in front, since invert is set";
            return Err(ConfigError::value(class, "vocabulary", expected, format!("{unknown:?} at {}", seen[unknown])));
        }
        let places = self.terms_from() + terms.len();
        check(
            self.max_tokens.is_none_or(|m| places <= m),
            class,
            "max_tokens",
            &format!("at least {places}, the size of the vocabulary"),
            &max,
        )
    }
}

impl<T: Term> Layer for Lookup<T> {
    layer_methods!();
    /// Rounding would make other numbers of those from 256 up.
    fn autocast(&self) -> bool {
        false
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = one(cx, T::CLASS, inputs);
        let made = self.depth().and_then(|depth| {
            if self.invert {
                return Ok(T::terms(cx, self, x));
            }
            let y = self.output_mode.encode(cx, T::CLASS, T::places(cx, self, x), depth, None);
            if self.output_mode != OutputMode::TfIdf {
                return Ok(y);
            }
            let weights = constants(cx, self.weights()?.into_iter().map(Literal::f32)); // (depth)
            Ok(y * weights.reshape([1, depth]).broadcast_to(y.shape()))
        });
        made.unwrap_or_else(|e| cx.builder().error(format!("{e}; adapt is to be called before the model is built")))
    }
    fn take_kept(&mut self, place: &str, kept: &Kept<'_>) -> Result<(), ConfigError> {
        // What is in the configuration counts, as in Keras.
        if let (None, Some(lines)) = (&self.vocabulary, kept.asset(place, "vocabulary.txt")) {
            let wrong = |expected: &str, got: &str| ConfigError::value(T::CLASS, "vocabulary.txt", expected, got);
            let lines = std::str::from_utf8(lines).map_err(|_| wrong("UTF-8", "other bytes"))?.trim_end_matches(['\n', '\r']);
            let term = |line: &str| {
                T::of_line(line.trim_end_matches('\r'))
                    .ok_or_else(|| wrong("a whole number in each line, from -2147483648 to 2147483647", line))
            };
            let mut learned = self.clone();
            learned.vocabulary = Some(lines.split('\n').map(term).collect::<Result<_, _>>()?);
            if self.output_mode == OutputMode::TfIdf {
                // Of all places; those beyond the vocabulary are zeros, which come by themselves.
                let own = kept.floats(place, "idf_weights").unwrap_or_default().into_iter().take(lines.split('\n').count());
                learned.idf_weights = Some(own.map(f64::from).collect());
            }
            learned.validate()?;
            *self = learned;
        }
        Ok(())
    }
    fn kept(&self) -> Option<(&'static str, Vec<f32>)> {
        (self.output_mode == OutputMode::TfIdf).then(|| self.weights().ok()).flatten().map(|weights| ("idf_weights", weights))
    }
}

impl Term for i32 {
    const CLASS: &'static str = "IntegerLookup";
    const OWN: (&'static str, &'static str) = ("vocabulary_dtype", "int64");
    fn unknown() -> Self {
        -1
    }
    fn text(&self) -> String {
        self.to_string()
    }
    fn remainder(&self, by: usize) -> Option<usize> {
        Some(i64::from(*self).rem_euclid(by as i64) as usize)
    }
    fn places<'g>(cx: &Trace<'g, '_>, lookup: &IntegerLookup, x: Var<'g>) -> Var<'g> {
        let b = cx.builder();
        let x = x.cast(DType::I32);
        let number = |n: i32| b.constant(Literal::I32(n), x.shape());
        let terms = lookup.terms().unwrap_or_default();
        // Which term it is, counted from 1; 0 for none. Exact: places are less than 2^24.
        let wide = beside(x, terms.len());
        let known = constants(cx, terms.iter().map(|&term| Literal::I32(term))).broadcast_to(wide.shape());
        let counted = constants(cx, (1..=terms.len()).map(|n| Literal::f32(n as f32))).broadcast_to(wide.shape());
        let found = wide.equal(known).select(counted, b.full(wide.shape(), 0.0)).sum(&[-1], false).cast(DType::I32);
        let from = lookup.unknown_from() as i32;
        let unknown = match (lookup.num_oov_indices, lookup.oov_method) {
            (1, _) => number(from),
            (n, OovMethod::FloorMod) if n > 1 => number(from) + floor_mod(x, n as i32),
            (0, _) => {
                return b.error(
                    "IntegerLookup with num_oov_indices 0 cannot refuse unknown numbers within a network: set it to 1 or more, or call \
                     `lookup` on the data",
                );
            }
            _ => {
                return b.error(
                    "IntegerLookup with oov_method farmhash has no place in a compiled network (nor in Keras' but on TensorFlow): call \
                     `lookup` on the data, or use floormod",
                );
            }
        };
        let place = found.equal(number(0)).select(unknown, found + number(lookup.terms_from() as i32 - 1));
        match lookup.mask_token {
            // A place of no vector: left out.
            Some(mask) => x.equal(number(mask)).select(number(if from == 1 { 0 } else { -1 }), place),
            None => place,
        }
    }
    fn terms<'g>(cx: &Trace<'g, '_>, lookup: &IntegerLookup, x: Var<'g>) -> Var<'g> {
        let b = cx.builder();
        let unknown = lookup.oov_token.unwrap_or(Self::unknown());
        let terms = lookup.vocabulary();
        let x = x.cast(DType::I32);
        let number = |n: usize| b.constant(Literal::I32(n as i32), x.shape());
        // Places of no term go to a row behind all others.
        let inside = x.lt(number(terms.len())).and(x.ge(number(0)));
        let place = inside.select(x, number(terms.len())).reshape([1, x.shape().len()]);
        let rows = terms.len() + 1;
        let table = constants(cx, terms.into_iter().map(|t| t.unwrap_or(unknown)).chain([unknown]).map(Literal::I32));
        table.reshape([1, rows, 1]).gather(place).reshape(x.shape())
    }
    fn of_line(line: &str) -> Option<Self> {
        line.trim().parse().ok()
    }
}

/// The remainder of whole numbers, of at least 0. There is no division of whole numbers: a quotient in single precision leaves a remainder that
/// is off by some multiples, which a second one takes away; a third sees to the border between two of them. Products wrap around and back.
fn floor_mod(x: Var<'_>, by: i32) -> Var<'_> {
    let b = x.builder();
    let whole = b.constant(Literal::I32(by), x.shape());
    let divisor = b.full(x.shape(), by as f32);
    (0..3).fold(x, |x, _| x - (x.cast(DType::F32) / divisor).floor().cast(DType::I32) * whole)
}

impl Term for String {
    const CLASS: &'static str = "StringLookup";
    const OWN: (&'static str, &'static str) = ("encoding", "utf-8");
    fn unknown() -> Self {
        "[UNK]".into()
    }
    fn text(&self) -> String {
        self.clone()
    }
    fn remainder(&self, _: usize) -> Option<usize> {
        None
    }
    fn places<'g>(cx: &Trace<'g, '_>, _: &StringLookup, _: Var<'g>) -> Var<'g> {
        cx.builder().error(
            "StringLookup has no place in a network, whose tensors hold no text: call `lookup` on the texts, and give the network its result",
        )
    }
    fn terms<'g>(cx: &Trace<'g, '_>, _: &StringLookup, _: Var<'g>) -> Var<'g> {
        cx.builder().error("StringLookup has no place in a network, whose tensors hold no text: call `terms_at` on the network's result")
    }
    fn of_line(line: &str) -> Option<Self> {
        Some(line.to_owned())
    }
}
