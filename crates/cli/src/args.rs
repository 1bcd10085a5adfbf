//! The words of the command line. What they mean is in the module of each command.
#![allow(clippy::doc_markdown)] // these comments are the help texts, where backticks would be printed

use crate::series::args::{ForecastArgs, SeriesArgs};
use clap::{ArgMatches, Args, FromArgMatches, Parser, Subcommand};
use std::path::PathBuf;

/// Where to begin.
const FIRST: &str = "\
To begin: `adaline fit TABLE.csv --target COLUMN`, then `adaline predict out/TABLE/model.keras NEW.csv`. \
`adaline COMMAND -h` tells its options in short, `adaline COMMAND --help` at length.";

/// Trains, measures, explains and uses neural networks, from a table, an array file or a folder of pictures.
#[derive(Parser, Debug)]
#[command(name = "adaline", version, about, max_term_width = 110, arg_required_else_help = true, after_help = FIRST)]
pub(crate) struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do, with its arguments.
#[derive(Debug)]
pub(crate) enum Command {
    Fit(FitArgs),
    Evaluate(EvaluateArgs),
    Predict(PredictArgs),
    Forecast(ForecastArgs),
    Search(SearchArgs),
    Summary(SummaryArgs),
    Inspect(InspectArgs),
    Convert(ConvertArgs),
    Explain(ExplainArgs),
    Dump(DumpArgs),
    Bench(BenchArgs),
}

// By hand and not derived, so that only the arguments of the command at hand are made: making those of all takes longer than reading any.
impl Subcommand for Command {
    fn augment_subcommands(program: clap::Command) -> clap::Command {
        fn command<A: Args>(name: &'static str, about: &'static str) -> clap::Command {
            clap::Command::new(name).about(about).defer(|command| {
                // The arguments bring a text about themselves.
                let about = command.get_about().cloned().unwrap_or_default();
                A::augment_args(command).about(about).long_about(None)
            })
        }
        program
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommand(command::<FitArgs>(
                "fit",
                "Trains a network on DATA and writes model.keras, history.csv, metrics.json and report.html",
            ))
            .subcommand(command::<EvaluateArgs>("evaluate", "Measures a saved network on DATA that has the target"))
            .subcommand(command::<PredictArgs>("predict", "Predicts with a saved network: CSV or pictures in, CSV out; .npy in, .npy out"))
            .subcommand(command::<ForecastArgs>(
                "forecast",
                "Forecasts a series with a network trained by fit --time: table, interval, plot",
            ))
            .subcommand(
                command::<SearchArgs>("search", "Tries settings on DATA, keeps the best, and trains a network with them")
                    .after_help(SEARCH_HELP),
            )
            .subcommand(command::<SummaryArgs>("summary", "Prints the layers, shapes and parameters of a saved network"))
            .subcommand(command::<InspectArgs>(
                "inspect",
                "Tells what a model file holds, of any kind: architecture, weights, sizes, hashes, what is unusual",
            ))
            .subcommand(command::<ConvertArgs>("convert", "Writes a model or its weights as a file of another kind"))
            .subcommand(command::<ExplainArgs>(
                "explain",
                "Follows one row through a saved network, forwards and backwards, in words and numbers",
            ))
            .subcommand(command::<DumpArgs>("dump", "Prints a stage of the compiler for a network: layers, graph, fused or plan"))
            .subcommand(
                command::<BenchArgs>("bench", "Times training steps beside what the machine could do at most").after_help(BENCH_HELP),
            )
    }
    fn augment_subcommands_for_update(program: clap::Command) -> clap::Command {
        Self::augment_subcommands(program)
    }
    fn has_subcommand(name: &str) -> bool {
        ["fit", "evaluate", "predict", "forecast", "search", "summary", "inspect", "convert", "explain", "dump", "bench"].contains(&name)
    }
}

impl FromArgMatches for Command {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        match matches.subcommand() {
            Some(("fit", m)) => FitArgs::from_arg_matches(m).map(Self::Fit),
            Some(("evaluate", m)) => EvaluateArgs::from_arg_matches(m).map(Self::Evaluate),
            Some(("predict", m)) => PredictArgs::from_arg_matches(m).map(Self::Predict),
            Some(("forecast", m)) => ForecastArgs::from_arg_matches(m).map(Self::Forecast),
            Some(("search", m)) => SearchArgs::from_arg_matches(m).map(Self::Search),
            Some(("summary", m)) => SummaryArgs::from_arg_matches(m).map(Self::Summary),
            Some(("inspect", m)) => InspectArgs::from_arg_matches(m).map(Self::Inspect),
            Some(("convert", m)) => ConvertArgs::from_arg_matches(m).map(Self::Convert),
            Some(("explain", m)) => ExplainArgs::from_arg_matches(m).map(Self::Explain),
            Some(("dump", m)) => DumpArgs::from_arg_matches(m).map(Self::Dump),
            Some(("bench", m)) => BenchArgs::from_arg_matches(m).map(Self::Bench),
            _ => Err(clap::Error::new(clap::error::ErrorKind::MissingSubcommand)),
        }
    }
    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What `bench` measures.
const BENCH_HELP: &str = "\
What is measured: steps as a user's fit makes them, each with the copy of its rows into a batch, forward pass, loss, gradients, \
optimizer and metrics. step_us is the median over all steps but the first of each epoch, taken by a callback (step_timed_by \
\"steps\"). Where that is below 50 us, the callback would be felt: step_us is then the median over epochs of epoch time / steps, \
without a callback per step (\"epochs\"), and step_us_each has the other figure. t_first_step_s counts from the start of the program.

flops and bytes are what the plan's kernels compute, read and write in one step. The floor (floor_us) is the larger of \
flops / peak and bytes / bandwidth of this machine, both measured after the run. The bandwidth is that of the nearest level whose \
size holds all that a step touches: its inputs, weights, optimizer memory and arena (floor_bandwidth: l1, l2, l3 or memory). \
share is floor_us / step_us. The peak is that of single precision: where the processor has AVX512-BF16, products under \
--dtype mixed_bfloat16 may be faster than this floor. fit_over_steps is the time of a whole fit without a callback over steps x step time.

--start tells instead where the time between the beginning of main and the end of the first training step goes. What the system \
needs to load the program is not in it. Reading or making data takes time in proportion to --rows.

Workloads named infer-... time prediction: one row (b1_p50_us, b1_p90_us), and rows per second of 1024 at once.

The networks: tiny has 10 inputs, 32 units, 2 classes; mlp128 and mlp512 have one hidden layer of 128 and two of 512 on MNIST; linreg \
is a line through a million points. cnn has convolutions of 3 x 3 to 32 and 64 filters, each halved by its maximum, and dropout. dlicnn \
has three of 75, 50 and 25 filters with batch normalization and dropout, 512 units and 24 classes; it takes 6,400 rows. lstm, gru and simplernn read 50 steps of 8 numbers with 64 units, biglstm 200 steps with 256. Floating-point \
operations of convolutions count as defined, whether or not padding or zeros between strides are multiplied on the way.";

/// How `search` goes about it.
const SEARCH_HELP: &str = "\
Settings that may be varied: learning_rate, optimizer, batch_size, and where the network is made of dense layers also units (of each \
hidden layer), depth (number of hidden layers), dropout and l2. Without --vary and without a table [search] in the --model file, all of \
them are, within bounds that suit most tables; an option such as --learning-rate fixes its setting.

--vary NAME=A,B,C lists values, --vary NAME=LOW..HIGH is a range (for learning_rate and l2 with all powers of ten alike). In a TOML file:

  [search]
  method = \"random\"
  trials = 40
  learning_rate = { low = 1e-4, high = 0.1, log = true }
  units = [16, 32, 64]

A trial is judged by rows that it has not learned from: those of --validation-split, or each fold of --kfold in turn. Classes are judged by \
the cross-entropy of these rows, numbers by the root mean squared error. The rows of --test-split (0.2) are seen by no trial; the best \
settings are trained anew on all other rows, for as many epochs as were best, and measured on them.

The networks are chains of layers, which take one input: with --text the text alone is read.

halving first trains all trials for few epochs, then the best third of them anew for three times as many, and so on. Trials run side by \
side, each on one thread; what comes out depends on the seed, not on the number of threads.

Beside what fit writes: trials.csv, search.html, best.toml for `adaline fit --model`, and trials.jsonl, which --resume reads after an \
interruption.";

/// Arguments of `search`.
#[derive(Args, Debug)]
pub(crate) struct SearchArgs {
    /// Most combinations of settings to try [default: 30]
    #[arg(long, value_name = "N")]
    pub trials: Option<usize>,
    /// How they are chosen [default: random]
    #[arg(long, value_enum)]
    pub method: Option<MethodArg>,
    /// A setting to vary: learning_rate=1e-4..0.1 or units=16,32,64; may be given several times
    #[arg(long, value_name = "NAME=VALUES")]
    pub vary: Vec<String>,
    #[command(flatten)]
    pub fit: FitArgs,
}

/// `--method`.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MethodArg {
    /// Every combination of the listed values
    Grid,
    /// Combinations at random
    Random,
    /// At random, those that look good with few epochs getting more
    Halving,
}

/// What every command takes.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct Common {
    /// Print one JSON object on standard output, for machines; messages go to standard error
    #[arg(long)]
    pub json: bool,
    /// Threads to use; results are equal to the bit for any number [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// How to read a table.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct ReadArgs {
    /// Column separator of a CSV file [default: found by looking]
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<char>,
    /// The CSV file has no header line; columns are named column_1, column_2, ...
    #[arg(long)]
    pub no_header: bool,
    /// Encoding of a CSV file, such as utf-8, windows-1252, shift_jis [default: found by looking]
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// More texts that mean "no value", beside the usual ones such as NA, n/a, NaN, null, ? and nothing
    #[arg(long, value_name = "TEXTS", value_delimiter = ',')]
    pub missing: Vec<String>,
    /// Columns to read as categories, though they look like numbers
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub category: Vec<String>,
}

/// Arguments of `fit`.
#[derive(Args, Debug, Clone)]
pub(crate) struct FitArgs {
    /// CSV or TSV table, folder with one folder of pictures per class, .npz with x and y, or folder with MNIST-like IDX files; may
    /// stand in the --model file instead
    #[arg(value_name = "DATA")]
    pub data: Option<PathBuf>,
    /// Column to predict
    #[arg(long, value_name = "COLUMN")]
    pub target: Option<String>,
    /// TOML file with [data], [[model.layers]] and [training]; options given here win over it
    #[arg(long, value_name = "FILE.toml")]
    pub model: Option<PathBuf>,
    /// Kind of task, when the guess would be wrong
    #[arg(long, value_enum)]
    pub task: Option<TaskArg>,
    /// Most epochs to train [default: 400 for small tables down to 20 for large ones, stopping early]
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Rows per training step [default: 16 below 1,000 rows, else 32]
    #[arg(long, value_name = "N")]
    pub batch_size: Option<usize>,
    /// Keras' name of an optimizer: sgd, rmsprop, adam, adamw, lion, ... [default: adam]
    #[arg(long, value_name = "NAME")]
    pub optimizer: Option<String>,
    /// Learning rate [default: the optimizer's]
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    pub learning_rate: Option<f64>,
    /// Units of the hidden layers, such as 64,32 [default: chosen from the data]
    #[arg(long, value_name = "UNITS", value_delimiter = ',')]
    pub hidden: Option<Vec<usize>>,
    /// Dropout after each hidden layer, 0 to 1
    #[arg(long, value_name = "RATE")]
    pub dropout: Option<f64>,
    /// Share of the training rows held out to watch for overfitting [default: 0.15]
    #[arg(long, value_name = "P")]
    pub validation_split: Option<f64>,
    /// Share of the rows held out for the final measurement [default: 0.2, or 0 with --kfold]
    #[arg(long, value_name = "P")]
    pub test_split: Option<f64>,
    /// Measure by K folds, each with a fresh network; the saved network is then trained on all rows
    #[arg(long, value_name = "K")]
    pub kfold: Option<usize>,
    /// Epochs without improvement before training stops; 0 trains all epochs [default: a tenth of the epochs, at least 5]
    #[arg(long, value_name = "N")]
    pub patience: Option<usize>,
    /// Seed of splits, initial weights, shuffling and dropout: the same seed gives the same bits
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Folder for the results [default: out/NAME of the data]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Take up the training that was interrupted (by Ctrl-C, a crash, a power cut) where its last backup in the folder for the results
    /// stands: the results are those of an undisturbed run, to the bit. Without it training begins anew
    #[arg(long)]
    pub resume: bool,
    /// Folder for event files, which `tensorboard --logdir DIR` shows while and after the network is trained
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
    /// 0 prints nothing but the result, 1 a progress bar, 2 a line per epoch
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(0..=2))]
    pub verbose: Option<u8>,
    #[command(flatten)]
    pub series: SeriesArgs,
    #[command(flatten)]
    pub pictures: PictureArgs,
    #[command(flatten)]
    pub texts: TextArgs,
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub common: Common,
}

/// How to read texts.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct TextArgs {
    /// Column of a table to read as text: its words become numbers by a vocabulary learned from the training rows. Other columns are
    /// learned from beside it
    #[arg(long, value_name = "COLUMN")]
    pub text: Option<String>,
    /// Read the text alone, and leave out all other columns
    #[arg(long)]
    pub text_alone: bool,
    /// Most entries of the vocabulary: padding, unknown words, and the most frequent words [default: 10000]
    #[arg(long, value_name = "N")]
    pub vocabulary: Option<usize>,
    /// Words of each text that are read, from its beginning [default: so many that 95 % of the training rows are read whole, at most 256]
    #[arg(long, value_name = "N")]
    pub sequence_length: Option<usize>,
    /// Batches of texts of about the same length, in N buckets, padded no further than their longest; 1 pads all texts to one length
    /// [default: 4 where lengths differ much, which it then tells, else 1]
    #[arg(long, value_name = "N")]
    pub buckets: Option<usize>,
    /// The network will be a chain of layers.
    #[arg(skip)]
    pub chain: bool,
}

/// How to read pictures.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct PictureArgs {
    /// Size that pictures are brought to: 64, or height x width such as 64x48 [default: the median of the pictures; where its
    /// longer side has more than 64 pixels, made smaller to 64 and a multiple of 8]
    #[arg(long, value_name = "SIZE", value_parser = crate::pictures::parse_size)]
    pub image_size: Option<(usize, usize)>,
    /// Channels of pictures [default: rgb]
    #[arg(long, value_enum)]
    pub color: Option<ColorArg>,
    /// Memory for decoded pictures, in MiB; more than that is decoded anew for each batch, with the same result
    /// [default: 2048]
    #[arg(long, value_name = "N")]
    pub cache_mb: Option<u64>,
    /// DATA is a CSV table that names pictures in its column path and their classes in its column label
    #[arg(long)]
    pub pictures: bool,
    #[command(flatten)]
    pub bad: BadFileArgs,
}

/// What happens to bad pictures.
#[derive(Args, Debug, Clone, Copy, Default)]
pub(crate) struct BadFileArgs {
    /// What to do about pictures that cannot be read; they are named either way [default: refuse]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub on_bad_file: Option<BadFileArg>,
}

/// `--color`.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColorArg {
    /// Red, green, blue
    Rgb,
    /// Brightness alone
    Grayscale,
}

/// `--on-bad-file`.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadFileArg {
    /// Stop
    Refuse,
    /// Leave them out
    Skip,
}

/// `--task`.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskArg {
    /// The target names classes
    Classes,
    /// The target is a number
    Numbers,
}

/// Arguments of `evaluate`.
#[derive(Args, Debug)]
pub(crate) struct EvaluateArgs {
    /// Saved network (.keras)
    pub model: PathBuf,
    /// Table or arrays that have the target, or folder with one folder of pictures per class; for a network of several inputs or outputs
    /// .npz with an array by the name of each
    pub data: PathBuf,
    #[command(flatten)]
    pub bad: BadFileArgs,
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `predict`.
#[derive(Args, Debug)]
pub(crate) struct PredictArgs {
    /// Saved network (.keras)
    pub model: PathBuf,
    /// CSV table with the columns the network was trained on, picture, folder of pictures, or .npy array; for a network of several inputs
    /// .npz with an array by the name of each
    pub data: PathBuf,
    #[command(flatten)]
    pub bad: BadFileArgs,
    /// File to write [default: standard output for CSV; required for arrays: .npy, or .npz for several outputs]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `summary`.
#[derive(Args, Debug)]
pub(crate) struct SummaryArgs {
    /// Saved network (.keras)
    pub model: PathBuf,
    /// Shows the layers of networks within the network, too
    #[arg(long)]
    pub expand_nested: bool,
    /// Picture to draw: the layers as boxes with arrows
    #[arg(long, value_name = "FILE.svg|FILE.png")]
    pub plot: Option<PathBuf>,
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `inspect`.
#[derive(Args, Debug)]
pub(crate) struct InspectArgs {
    /// .keras, .h5, .weights.h5, .safetensors, .npz or .onnx file; told by its content
    pub file: PathBuf,
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `convert`.
#[derive(Args, Debug)]
pub(crate) struct ConvertArgs {
    /// What to convert: a saved network (.keras, .h5), or weights (.weights.h5, .safetensors, .npz, .h5) with --model
    pub from: PathBuf,
    /// File to write; its name tells the kind: .keras, .h5, .onnx, .weights.h5, .safetensors, .npz
    pub to: PathBuf,
    /// Saved network that weights are of
    #[arg(long, value_name = "FILE.keras")]
    pub model: Option<PathBuf>,
    /// For .onnx: rows of each batch [default: any number]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub batch: Option<u32>,
    /// For .onnx: the size of whatever inputs leave open besides, such as the length of sequences [default: any size]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub size: Option<u32>,
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// Saved network (.keras)
    pub model: PathBuf,
    /// Table, picture, folder of pictures, or .npy array
    pub data: PathBuf,
    /// Which row, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub row: usize,
    /// How many of the largest parts to show where a layer is too large to show whole
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub top: usize,
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `dump`.
#[derive(Args, Debug)]
pub(crate) struct DumpArgs {
    /// Saved network (.keras) or TOML file with [[model.layers]] beginning with an InputLayer
    pub model: PathBuf,
    /// Which stage of the compiler
    #[arg(long, value_enum, default_value_t = Stage::Plan)]
    pub stage: Stage,
    /// Rows per step
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub batch: usize,
    /// The program of prediction instead of the training step
    #[arg(long)]
    pub inference: bool,
    #[command(flatten)]
    pub common: Common,
}

/// `--stage`.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The layers with their shapes
    Layers,
    /// The traced graph: forward, gradients, optimizer, metrics
    Graph,
    /// The graph after fusion into regions
    Fused,
    /// The flat list of kernel calls with places, bytes and flops
    Plan,
}

/// `--dtype`.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DTypeArg {
    /// All in single precision
    #[value(name = "float32")]
    Float32,
    /// Weights in single precision, computation in bfloat16
    #[value(name = "mixed_bfloat16")]
    MixedBfloat16,
}

/// Arguments of `bench`.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// tiny, mlp128, mlp512, linreg, cnn, dlicnn, lstm, gru, simplernn, biglstm; infer-tiny and so on for predictions (not of linreg); or
    /// ceiling (what the machine can do)
    #[arg(value_name = "WORKLOAD", required_unless_present = "model")]
    pub workload: Option<String>,
    /// Any network from a TOML file, on random data of its shapes
    #[arg(long, value_name = "FILE.toml", conflicts_with = "workload")]
    pub model: Option<PathBuf>,
    /// Rows per step [default: the workload's]
    #[arg(long, value_name = "N")]
    pub batch: Option<usize>,
    /// Steps to time [default: about two seconds' worth]
    #[arg(long, value_name = "N")]
    pub steps: Option<usize>,
    /// Rows of data [default: the workload's]
    #[arg(long, value_name = "N")]
    pub rows: Option<usize>,
    /// Folder with MNIST's IDX files; random data of the same shape without it
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// float32 or mixed_bfloat16, for the built-in workloads; in a TOML file it is dtype under [model] [default: float32]
    #[arg(long, value_name = "NAME", value_enum, hide_possible_values = true)]
    pub dtype: Option<DTypeArg>,
    /// Where the time until the end of the first training step goes, instead of times of steps
    #[arg(long, conflicts_with = "steps")]
    pub start: bool,
    /// Only runs so many training steps, for profilers and counters of instructions
    #[arg(long, value_name = "N", conflicts_with_all = ["steps", "start"])]
    pub run: Option<usize>,
    #[command(flatten)]
    pub common: Common,
}
