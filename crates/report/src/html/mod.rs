//! The report of one training run as a single HTML file.
//!
//! The file needs nothing else: style, figures and images lie inside it, it has no script, and its content security
//! policy forbids every request. It suits light and dark screens, narrow windows and paper.

mod data;
mod network;
mod page;
mod pictures;
mod results;
mod run;
mod search;
mod series;
mod vision;

use crate::figure::{
    ConfusionMatrix, CurveChart, FoldChart, Histogram, HorizonChart, Image, ImageTile, LayerBox, NeuronDrawing, SeriesChart, SettingChart,
};

/// Everything a report tells. Parts that are empty or `None` are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The name of the task or model.
    pub title: String,
    /// What the network is asked, in words: "Which species is this flower?".
    pub question: String,
    /// What came out, in words; one sentence each.
    pub findings: Vec<String>,
    /// The numbers to see first.
    pub headline: Vec<Headline>,
    /// The network against simple rules.
    pub baselines: Option<Baselines>,
    /// The series and its forecasts, where the data are one.
    pub series: Option<SeriesOverview>,
    /// A search for good settings, where that is what the report tells.
    pub search: Option<SearchOverview>,
    /// Loss and metrics over the epochs.
    pub curves: Vec<CurveChart>,
    /// Results of a classification.
    pub classification: Option<Classification>,
    /// Results of a regression; one entry per predicted column.
    pub regressions: Vec<Regression>,
    /// Scores of a cross-validation, one chart per metric.
    pub folds: Vec<FoldChart>,
    /// What the network learned from.
    pub data: Option<DataOverview>,
    /// Sample images where the data are images.
    pub images: Vec<ImageTile>,
    /// Some pictures of each class where the data are pictures.
    pub class_images: Vec<ClassImages>,
    /// Pictures that were predicted wrongly, the most confident first.
    pub mistakes: Vec<Mistake>,
    /// What a convolutional network looks for and what it sees.
    pub convolutions: Option<Convolutions>,
    /// The network itself.
    pub network: Option<NetworkOverview>,
    /// Training parameters as name and value: optimizer, learning rate, batch size, epochs, early stopping.
    pub training: Vec<(String, String)>,
    /// How to get the same result again.
    pub run: RunFacts,
}

/// How a number is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// About four significant digits.
    #[default]
    Number,
    /// A share of one, written as percent.
    Percent,
    /// Seconds, written in the unit that fits.
    Seconds,
}

/// One of the numbers at the top.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Headline {
    /// What it is: `accuracy`.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// How it is written.
    pub unit: Unit,
    /// A few words below it: `30 test rows`.
    pub note: String,
}

/// The network's score beside those of simple rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baselines {
    /// What is compared: `accuracy`.
    pub metric: String,
    /// Whether larger is better.
    pub higher_is_better: bool,
    /// The network's score.
    pub network: f64,
    /// Name and score of each rule: `always the most frequent class`.
    pub others: Vec<(String, f64)>,
}

/// Results of a classification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classification {
    /// Which rows were asked: `test`, `validation`.
    pub rows: String,
    /// What was predicted for them. Precision, recall and F1 follow from it.
    pub confusion: ConfusionMatrix,
}

/// Results of a regression.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Regression {
    /// Which rows were asked: `test`, `validation`.
    pub rows: String,
    /// The predicted column.
    pub target: String,
    /// True values.
    pub actual: Vec<f64>,
    /// The network's values, one for each true value.
    pub predicted: Vec<f64>,
}

/// A series and its forecasts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesOverview {
    /// The series with the beginning of each part marked.
    pub history: SeriesChart,
    /// Words below it.
    pub caption: String,
    /// Forecasts of what was held out beside the truth, some steps ahead each.
    pub held_out: Vec<SeriesChart>,
    /// Errors by how far ahead, the network first.
    pub errors: HorizonChart,
    /// How many windows they were measured on.
    pub windows: u64,
}

/// A search for good settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchOverview {
    /// The score against each setting.
    pub charts: Vec<SettingChart>,
    /// Words below them.
    pub note: String,
    /// Columns of the table of trials.
    pub header: Vec<String>,
    /// Its rows, the best first.
    pub rows: Vec<Vec<String>>,
}

/// Some pictures of a class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassImages {
    /// The class.
    pub class: String,
    /// The pictures.
    pub images: Vec<Image>,
}

/// A picture that was predicted wrongly.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// The picture.
    pub image: Image,
    /// The true class.
    pub truth: String,
    /// The predicted class.
    pub predicted: String,
    /// The probability that the network gave to it.
    pub confidence: f64,
}

/// What a convolutional network looks for and what it sees.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Convolutions {
    /// The first convolution's filters.
    pub filters: Option<Filters>,
    /// A picture after each layer that makes maps of it.
    pub maps: Option<FeatureMaps>,
    /// Where in pictures the predicted class comes from.
    pub activations: Vec<ClassActivation>,
    /// How `activations` were computed, in words.
    pub method: String,
}

/// Filters of a convolution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filters {
    /// Name of the layer.
    pub layer: String,
    /// Height and width of a filter.
    pub size: [usize; 2],
    /// The first filters, by [`Image::signed`], or by [`Image::signed_colours`] where `coloured`.
    pub images: Vec<Image>,
    /// How many there are.
    pub total: usize,
    /// The size of a weight that has the strongest colour.
    pub limit: f64,
    /// Red, green and blue are weights of three channels.
    pub coloured: bool,
    /// Channels of a filter.
    pub channels: usize,
}

/// A picture after each layer that makes maps of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMaps {
    /// The picture.
    pub image: Image,
    /// Its true class.
    pub class: String,
    /// The layers in order.
    pub layers: Vec<LayerMaps>,
}

/// What a layer makes of a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerMaps {
    /// Name of the layer.
    pub name: String,
    /// Its class: `Conv2D`.
    pub kind: String,
    /// Height and width of a map.
    pub size: [usize; 2],
    /// The first maps, by [`Image::signed`].
    pub images: Vec<Image>,
    /// How many there are.
    pub total: usize,
    /// The number that has the strongest colour.
    pub limit: f64,
    /// Whether there are numbers below 0.
    pub signed: bool,
}

/// Where in a picture the predicted class comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassActivation {
    /// The picture.
    pub image: Image,
    /// The picture under heat, by [`Image::heated`].
    pub heated: Image,
    /// The true class.
    pub truth: String,
    /// The predicted class.
    pub predicted: String,
    /// The probability that the network gave to it.
    pub confidence: f64,
}

/// What the network learned from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DataOverview {
    /// Where the data come from: a file name or a data set's name.
    pub source: String,
    /// Name and number of rows of each part: training, validation, test.
    pub parts: Vec<(String, u64)>,
    /// One entry per column.
    pub columns: Vec<ColumnOverview>,
    /// Name and number of examples of each class.
    pub class_counts: Vec<(String, u64)>,
    /// What a reader should know: constant columns, many missing values, rare classes.
    pub warnings: Vec<String>,
}

/// One column of the data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnOverview {
    /// The column's name.
    pub name: String,
    /// What it holds: `number`, `category`, `text`, `date`.
    pub kind: String,
    /// What it is used for: `input`, `target`, `ignored`.
    pub role: String,
    /// Missing values.
    pub missing: u64,
    /// Different values.
    pub distinct: u64,
    /// Range or mean, in a few words.
    pub note: String,
    /// For numbers.
    pub histogram: Option<Histogram>,
    /// For categories: the most frequent values with their counts.
    pub top: Vec<(String, u64)>,
}

/// The network itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkOverview {
    /// The model's name.
    pub name: String,
    /// Its layers in order.
    pub layers: Vec<LayerBox>,
    /// Neurons and weights, for small dense networks.
    pub neurons: Option<NeuronDrawing>,
    /// Weights that are trained.
    pub trainable: u64,
    /// Weights that are not.
    pub non_trainable: u64,
}

/// How to get the same result again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunFacts {
    /// The seed of all random choices.
    pub seed: Option<u64>,
    /// When it began, as text.
    pub started: String,
    /// Seconds it took.
    pub seconds: Option<f64>,
    /// Name and version of programs.
    pub versions: Vec<(String, String)>,
    /// Name and value of machine facts: processor, threads.
    pub machine: Vec<(String, String)>,
    /// The command line to run it again.
    pub command: String,
}

impl Report {
    /// The report as the text of one HTML file.
    pub fn render(&self) -> String {
        page::render(self)
    }
}
