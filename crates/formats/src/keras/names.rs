//! How Keras makes the paths of a weights file out of class names.

use std::collections::BTreeMap;

/// A class name in Keras' snake case: `MaxPooling2D` becomes `max_pooling2d`, `PReLU` becomes `p_re_lu`.
///
/// The rule (`keras/src/utils/naming.py`, `to_snake_case`): drop what is not a word character; put `_` before a capital
/// that lower case follows, and between a lower-case letter and a capital; then lower everything.
///
/// ```
/// assert_eq!(adaline_formats::snake_case("BatchNormalization"), "batch_normalization");
/// ```
pub fn snake_case(class_name: &str) -> String {
    let word: Vec<char> = class_name.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    let is_lower = |c: Option<&char>| c.is_some_and(char::is_ascii_lowercase);
    let is_upper = |c: Option<&char>| c.is_some_and(char::is_ascii_uppercase);

    // re.sub("(.)([A-Z][a-z]+)", r"\1_\2"): matches do not overlap, so the letters of one are not looked at again.
    let mut spaced: Vec<char> = Vec::with_capacity(word.len() + 8);
    let mut at = 0;
    while let Some(&c) = word.get(at) {
        spaced.push(c);
        at += 1;
        if is_upper(word.get(at)) && is_lower(word.get(at + 1)) {
            spaced.push('_');
            spaced.push(word[at]);
            at += 1;
            while is_lower(word.get(at)) {
                spaced.push(word[at]);
                at += 1;
            }
        }
    }

    // re.sub("([a-z])([A-Z])", r"\1_\2").lower()
    let mut name = String::with_capacity(spaced.len() + 8);
    for (i, c) in spaced.iter().enumerate() {
        name.extend(c.to_lowercase());
        if is_lower(Some(c)) && is_upper(spaced.get(i + 1)) {
            name.push('_');
        }
    }
    name
}

/// Gives the children of one container their names in a weights file: `dense`, `dense_1`, `dense_2`, ...
///
/// Keras counts per class, in the order of `model.layers`; the layers' own names play no part. A nested container
/// (a layer list inside a layer) starts a new namer.
///
/// ```
/// let mut namer = adaline_formats::PathNamer::new("layers");
/// assert_eq!(namer.path("Dense"), "layers/dense");
/// assert_eq!(namer.path("Dropout"), "layers/dropout");
/// assert_eq!(namer.path("Dense"), "layers/dense_1");
/// ```
#[derive(Debug, Clone, Default)]
pub struct PathNamer {
    parent: String,
    used: BTreeMap<String, usize>,
}

impl PathNamer {
    /// A namer for the children of `parent` (`layers`, `layers/functional/layers`, `layers/rnn/cell/cells`; may be
    /// empty).
    pub fn new(parent: impl Into<String>) -> Self {
        Self { parent: parent.into(), used: BTreeMap::new() }
    }

    /// The name of the next child of class `class_name`, without the parent.
    pub fn name(&mut self, class_name: &str) -> String {
        let base = snake_case(class_name);
        if let Some(count) = self.used.get_mut(&base) {
            *count += 1;
            return format!("{base}_{count}");
        }
        self.used.insert(base.clone(), 0);
        base
    }

    /// The path of the next child of class `class_name`: parent, slash, name.
    pub fn path(&mut self, class_name: &str) -> String {
        let name = self.name(class_name);
        if self.parent.is_empty() { name } else { format!("{}/{name}", self.parent) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_is_keras() {
        // Right column: keras.src.utils.naming.to_snake_case of Keras 3.15.1.
        for (class_name, expected) in [
            ("Dense", "dense"),
            ("Conv2D", "conv2d"),
            ("Conv2DTranspose", "conv2d_transpose"),
            ("MaxPooling2D", "max_pooling2d"),
            ("GlobalAveragePooling1D", "global_average_pooling1d"),
            ("BatchNormalization", "batch_normalization"),
            ("LSTM", "lstm"),
            ("LSTMCell", "lstm_cell"),
            ("GRU", "gru"),
            ("SimpleRNN", "simple_rnn"),
            ("ConvLSTM2D", "conv_lstm2d"),
            ("ReLU", "re_lu"),
            ("LeakyReLU", "leaky_re_lu"),
            ("PReLU", "p_re_lu"),
            ("ELU", "elu"),
            ("RMSNormalization", "rms_normalization"),
            ("TimeDistributed", "time_distributed"),
            ("InputLayer", "input_layer"),
            ("ZeroPadding2D", "zero_padding2d"),
            ("UpSampling2D", "up_sampling2d"),
            ("MultiHeadAttention", "multi_head_attention"),
            ("My-Layer.v2", "my_layerv2"),
            ("ABaCa", "a_ba_ca"),
            ("aBcD", "a_bc_d"),
            ("A", "a"),
            ("", ""),
            ("_Private", "__private"),
        ] {
            assert_eq!(snake_case(class_name), expected, "{class_name}");
        }
    }

    #[test]
    fn counters_are_per_class() {
        let mut namer = PathNamer::new("");
        let paths: Vec<String> = ["Dense", "Dense", "LSTM", "Dense", "LSTM"].iter().map(|c| namer.path(c)).collect();
        assert_eq!(paths, ["dense", "dense_1", "lstm", "dense_2", "lstm_1"]);
    }
}
