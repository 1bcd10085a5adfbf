//! Convolutional networks made visible: `explain` and the report against what the definitions give.

mod support;

use adaline::data::{ImageList, ImageOptions, read_image};
use adaline::report::figure::Image;
use serde_json::Value;
use std::path::Path;
use std::sync::OnceLock;
use support::{dataset, json, succeeds};
use tempfile::TempDir;

const SIDE: usize = 6;

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().unwrap_or_else(|| panic!("a list, not {v}")).iter().map(|v| v.as_f64().unwrap_or(0.0)).collect()
}

fn weight(layer: &Value, name: &str) -> Vec<f64> {
    numbers(&layer["weights"].as_array().unwrap().iter().find(|w| w["name"] == name).unwrap()["values"])
}

fn close(a: &[f64], b: &[f64], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= 1e-5 + 1e-4 * b.abs(), "{what}[{i}]: {a} {b}");
    }
}

/// An X or an O of `size` pixels at a place, as the README of the data sets describes them.
fn drawn(letter: char, size: usize, top: usize, left: usize) -> Vec<u8> {
    let mut pixels = vec![0; SIDE * SIDE];
    for (row, column) in (0..size).flat_map(|r| (0..size).map(move |c| (r, c))) {
        let [at_edge, column_at_edge] = [row, column].map(|i| i == 0 || i == size - 1);
        let white = if letter == 'X' { row == column || row + column == size - 1 } else { at_edge != column_at_edge };
        pixels[(top + row) * SIDE + left + column] = if white { 255 } else { 0 };
    }
    pixels
}

/// All pictures of the data set in the order of their files: class, name, pixels.
fn all() -> Vec<(char, String, Vec<u8>)> {
    let mut all = Vec::new();
    for letter in ['O', 'X'] {
        for size in 3..=SIDE {
            let places = 0..=SIDE - size;
            for (top, left) in places.clone().flat_map(|t| places.clone().map(move |l| (t, l))) {
                all.push((letter, format!("{size}_{top}{left}.png"), drawn(letter, size, top, left)));
            }
        }
    }
    all
}

struct Trained {
    folder: TempDir,
    told: Value,
}

impl Trained {
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
    fn report(&self) -> String {
        std::fs::read_to_string(self.path("out/report.html")).unwrap()
    }
}

/// The example as it is committed.
fn xo() -> &'static Trained {
    static XO: OnceLock<Trained> = OnceLock::new();
    XO.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let toml = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/xo.toml").display().to_string();
        let out = folder.path().join("out").display().to_string();
        let told = json(&["fit", "--model", &toml, "--out", &out, "--json", "--verbose", "0"]);
        Trained { folder, told }
    })
}

#[test]
fn the_data_set_is_what_its_readme_says() {
    let list = ImageList::from_folder(dataset("xo")).unwrap();
    let all = all();
    assert_eq!((list.len(), all.len()), (60, 60));
    let options = ImageOptions { color: adaline::data::Color::Gray, ..ImageOptions::sized(SIDE, SIDE) };
    for (file, (letter, name, pixels)) in list.files().iter().zip(all) {
        assert!(file.ends_with(format!("{letter}/{name}")), "{}", file.display());
        assert_eq!(read_image(file, &options).unwrap().as_u8(), Some(&pixels[..]), "{}", file.display());
    }
}

#[test]
fn the_example_learns_all_it_has_not_seen() {
    assert_eq!(xo().told["metrics"]["accuracy"].as_f64(), Some(1.0));
    let told = json(&["evaluate", &xo().path("out/model.keras"), &dataset("xo"), "--json"]);
    assert_eq!((told["rows"].as_u64(), told["metrics"]["accuracy"].as_f64()), (Some(60), Some(1.0)));
}

/// The grids of numbers that the text prints after a line with these words.
fn grids(text: &str, words: &str) -> Vec<Vec<f64>> {
    let lines: Vec<&str> = text.lines().collect();
    let after = lines.iter().enumerate().filter(|(_, line)| line.trim() == words).map(|(at, _)| at + 1);
    let row = |line: &&&str| {
        line.split_whitespace().map(|v| v.replace(',', "").parse::<f64>()).collect::<Result<Vec<_>, _>>().is_ok_and(|r| !r.is_empty())
    };
    after.map(|at| lines[at..].iter().take_while(row).flat_map(|l| l.split_whitespace().map(|v| v.parse().unwrap())).collect()).collect()
}

#[test]
fn explain_shows_the_computation_number_by_number() {
    let model = xo().path("out/model.keras");
    let row = all().iter().position(|(letter, name, _)| *letter == 'X' && name == "4_10.png").unwrap();
    let (row_text, data) = (row.to_string(), dataset("xo"));
    let told = json(&["explain", &model, &data, "--row", &row_text, "--json"]);
    let text = succeeds(&["explain", &model, &data, "--row", &row_text]);
    let picture: Vec<f64> = drawn('X', 4, 1, 0).into_iter().map(f64::from).collect();
    assert_eq!((numbers(&told["inputs"]["values"]), told["inputs"]["shape"].to_string()), (picture.clone(), "[6,6,1]".into()));
    assert_eq!((told["truth"].as_str(), told["predicted"].as_str()), (Some("X"), Some("X")));

    // The definition, from the weights alone.
    let layers = told["layers"].as_array().unwrap();
    let x: Vec<f64> = picture.iter().map(|v| v / 255.0).collect();
    let (kernel, bias) = (weight(&layers[1], "kernel"), weight(&layers[1], "bias"));
    let (mut z, mut maps) = (Vec::new(), Vec::new());
    for (row, column, f) in (0..4).flat_map(|r| (0..4).flat_map(move |c| (0..2).map(move |f| (r, c, f)))) {
        let products = (0..9).map(|k| x[(row + k / 3) * SIDE + column + k % 3] * kernel[k * 2 + f]);
        z.push(products.sum::<f64>() + bias[f]);
        maps.push(z[z.len() - 1].max(0.0));
    }
    let map = |values: &[f64], f: usize| -> Vec<f64> { values.iter().skip(f).step_by(2).copied().collect() };
    let largest = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let window =
        |m: &[f64], r: usize, c: usize| largest(&[m[r * 8 + c * 2], m[r * 8 + c * 2 + 1], m[r * 8 + 4 + c * 2], m[r * 8 + 5 + c * 2]]);
    let pooled: Vec<Vec<f64>> = (0..2).map(|f| (0..4).map(|at| window(&map(&maps, f), at / 2, at % 2)).collect()).collect();
    let tops = [largest(&pooled[0]), largest(&pooled[1])];
    let (dense, dense_bias) = (weight(&layers[4], "kernel"), weight(&layers[4], "bias"));
    let scores: Vec<f64> = (0..2).map(|u| tops[0] * dense[u] + tops[1] * dense[2 + u] + dense_bias[u]).collect();

    // The same content for machines.
    let shape = |layer: usize| layers[layer]["shape"].to_string();
    assert_eq!([shape(0), shape(1), shape(2), shape(3)], ["[6,6,1]", "[4,4,2]", "[2,2,2]", "[2]"]);
    close(&numbers(&layers[1]["weighted_sums"]), &z, "weighted sums");
    close(&numbers(&layers[1]["output"]), &maps, "feature maps");
    for (f, pooled) in pooled.iter().enumerate() {
        close(&map(&numbers(&layers[2]["output"]), f), pooled, "pooled");
    }
    close(&numbers(&layers[3]["output"]), &tops, "tops");
    close(&numbers(&layers[4]["weighted_sums"]), &scores, "scores");
    assert!(largest(&maps) > 0.1, "something was found: {maps:?}");
    check_windows(&layers[1], &bias, "", 4);

    // The printed grids are these numbers, to the digits that are printed.
    let printed = |words: &str, expected: &[Vec<f64>]| {
        let found = grids(&text, words);
        assert_eq!(found.len(), expected.len(), "{words}\n{text}");
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found.len(), expected.len(), "{words}\n{text}");
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-5 + 6e-4 * b.abs()), "{words}: {found:?} {expected:?}");
        }
    };
    printed("The network gets a picture of 6 x 6 pixels:", &[picture]);
    printed("weights:", &[map(&kernel, 0), map(&kernel, 1)]);
    printed("z at all places:", &[map(&z, 0), map(&z, 1)]);
    printed("feature map, a at all places:", &[map(&maps, 0), map(&maps, 1)]);

    // Windows are written out: products and bias add up to z.
    let mut sums = 0;
    for block in text.split("it sees rows ").skip(1) {
        let (mut sum, mut said) = (0.0, f64::NAN);
        for line in block.lines().skip(1) {
            let line = line.trim().trim_start_matches("+ ");
            if let Some(rest) = line.strip_prefix("= z = ") {
                said = rest.split(',').next().unwrap().parse().unwrap();
                break;
            }
            let value = |t: &str| t.trim().parse::<f64>().unwrap_or_else(|e| panic!("{t:?}: {e}"));
            let product = |p: &str| p.split_once(" x ").map(|(a, b)| value(a) * value(b)).unwrap();
            sum += line.strip_prefix("bias ").map_or_else(|| line.split(" + ").map(product).sum(), value);
        }
        assert!((sum - said).abs() < 5e-3, "{sum} {said}\n{block}");
        sums += 1;
    }
    assert_eq!(sums, 4, "two windows of two filters\n{text}");
    for words in ["relu(z) = max(z, 0)", "only the largest goes on", "The row is X: right", "dL/dw of filter 0", "the loss goes from"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

/// What each window sees, weighted, is its sum; in a group's own channels.
fn check_windows(layer: &Value, bias: &[f64], activation: &str, count: usize) {
    let windows = layer["windows"].as_array().unwrap();
    assert_eq!(windows.len(), count, "{}", layer["name"]);
    for w in windows {
        let (cells, weights) = (numbers(&w["cells"]), numbers(&w["weights"]));
        let sum = cells.iter().zip(&weights).map(|(c, w)| c * w).sum::<f64>() + bias[w["filter"].as_u64().unwrap() as usize];
        close(&[w["weighted_sum"].as_f64().unwrap()], &[sum], "window");
        let output = if activation == "linear" { sum } else { sum.max(0.0) };
        close(&[w["output"].as_f64().unwrap()], &[output], "answer");
    }
}

#[test]
fn the_report_shows_filters_maps_and_where_a_class_comes_from() {
    let report = xo().report();
    for words in [
        "What the network sees",
        "Filters of conv2d: 2, each 3 × 3",
        "conv2d (Conv2D): 2 maps of 4 × 4",
        "max_pooling2d (MaxPooling2D): 2 maps of 2 × 2",
        "Where the network looks",
        "HiResCAM",
    ] {
        assert!(report.contains(words), "{words}");
    }
    // Filters, the picture, maps of two layers, two pictures beside themselves; scales.
    let section = report.split("<section id=\"vision\">").nth(1).unwrap().split("</section>").next().unwrap();
    let count = |what: &str| section.matches(what).count();
    assert_eq!((count("<img class=\"pixels\""), count("<img class=\"scale\"")), (2 + 1 + 4 + 4, 3), "{section}");
    assert!(!report.contains("<script") && report.len() < 60_000, "{}", report.len());
}

/// A colour picture of 20 x 24 pixels with a bright spot of the class' colour.
fn spot(class: usize, number: usize) -> Vec<u8> {
    let (height, width) = (20, 24);
    let (top, left) = (2 + number * 3 % 12, 1 + number * 5 % 16);
    let mut pixels: Vec<u8> = (0..height * width * 3).map(|i| ((i * 7 + number * 13) % 23) as u8).collect();
    for (row, column) in (top..top + 5).flat_map(|r| (left..left + 5).map(move |c| (r, c))) {
        pixels[(row * width + column) * 3 + class] = 220;
    }
    Image::new(height, width, 3, pixels).unwrap().to_png()
}

/// Trains the layers on such pictures.
fn spots(layers: &str, more: &[&str]) -> Trained {
    let folder = tempfile::tempdir().unwrap();
    for (class, number) in (0..3).flat_map(|c| (0..12).map(move |n| (c, n))) {
        let file = folder.path().join(format!("data/{}/{number:02}.png", ["red", "green", "blue"][class]));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, spot(class, number)).unwrap();
    }
    let path = |name: &str| folder.path().join(name).display().to_string();
    let head =
        "[data]\npath = \"data\"\nimage_size = [20, 24]\n[[model.layers]]\nclass_name = \"Rescaling\"\nscale = 0.00392156862745098\n";
    let tail = "[[model.layers]]\nclass_name = \"Dense\"\nunits = 3\nactivation = \"softmax\"\n[training]\nepochs = 20\nbatch_size = 6\npatience = 0\nlearning_rate = 0.01\n";
    std::fs::write(path("net.toml"), format!("{head}{layers}{tail}")).unwrap();
    let told = json(&[&["fit", "--model", &path("net.toml"), "--out", &path("out"), "--json", "--verbose", "0"], more].concat());
    Trained { folder, told }
}

#[test]
fn large_colour_pictures_stay_readable() {
    let layers = "[[model.layers]]\nclass_name = \"Conv2D\"\nfilters = 36\nkernel_size = 5\nstrides = 2\npadding = \"same\"\nactivation = \"relu\"\n\
        [[model.layers]]\nclass_name = \"AveragePooling2D\"\npool_size = 3\nstrides = 2\npadding = \"same\"\n\
        [[model.layers]]\nclass_name = \"Conv2D\"\nfilters = 16\nkernel_size = 3\ngroups = 4\ndilation_rate = 2\npadding = \"same\"\nuse_bias = false\n\
        [[model.layers]]\nclass_name = \"GlobalAveragePooling2D\"\n";
    let t = spots(layers, &[]);
    assert!(t.told["metrics"]["accuracy"].as_f64().unwrap() > 0.6, "{}", t.told["metrics"]);
    let (model, data) = (t.path("out/model.keras"), t.path("data"));
    let told = json(&["explain", &model, &data, "--row", "3", "--json"]);
    let layers = told["layers"].as_array().unwrap();
    assert_eq!(layers[1]["slides"]["zeros_before"].to_string(), "[1,1]");
    check_windows(&layers[1], &weight(&layers[1], "bias"), "relu", 1);
    check_windows(&layers[3], &[0.0; 16], "linear", 2);
    let pooled = &layers[2]["windows"][0];
    let seen: Vec<f64> = pooled["cells"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    close(&[pooled["output"].as_f64().unwrap()], &[seen.iter().sum::<f64>() / seen.len() as f64], "mean");
    let text = succeeds(&["explain", &model, &data, "--row", "3", "--top", "3"]);
    for words in [
        "a picture of 20 x 24 pixels of 3 channels, here their mean",
        "conv2d (Conv2D, 36 maps of 10 x 12)",
        "2 steps at a time",
        "it sees zeros, written (0)",
        ", the one with the largest answer:",
        "weights of channel 2",
        "and 33 more, whose largest numbers are not larger",
        "only the mean goes on",
        "from the 9 products of channel",
        "(from ",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let longest = text.lines().map(|l| l.chars().count()).max().unwrap();
    assert!(text.lines().count() < 300 && longest < 160, "{} lines, {longest} wide\n{text}", text.lines().count());

    let report = t.report();
    for words in ["Filters of conv2d: 32 of 36, each 5 × 5", "Grey is a weight of 0", "16 of 36 maps of 10 × 12", "16 maps of 5 × 6"] {
        assert!(report.contains(words), "{words}");
    }
    assert!(report.contains("a class activation map (Zhou and others, 2016)") && report.len() < 400_000, "{}", report.len());
}

#[test]
fn channels_may_come_first() {
    let layers = "[[model.layers]]\nclass_name = \"Permute\"\ndims = [3, 1, 2]\n\
        [[model.layers]]\nclass_name = \"Conv2D\"\nfilters = 4\nkernel_size = 3\nactivation = \"relu\"\ndata_format = \"channels_first\"\n\
        [[model.layers]]\nclass_name = \"MaxPooling2D\"\npool_size = 2\ndata_format = \"channels_first\"\n\
        [[model.layers]]\nclass_name = \"Flatten\"\n";
    let t = spots(layers, &["--kfold", "3"]);
    let told = json(&["explain", &t.path("out/model.keras"), &t.path("data"), "--json"]);
    let layers = told["layers"].as_array().unwrap();
    assert_eq!(layers[2]["shape"].to_string(), "[4,18,22]");
    check_windows(&layers[2], &weight(&layers[2], "bias"), "relu", 1);
    let pooled = &layers[3]["windows"][0];
    let most = numbers(&pooled["cells"]).into_iter().fold(f64::NEG_INFINITY, f64::max);
    close(&[pooled["output"].as_f64().unwrap()], &[most], "largest");
    let report = t.report();
    for words in ["4 maps of 18 × 22", "4 maps of 9 × 11", "HiResCAM"] {
        assert!(report.contains(words), "{words}");
    }
}

#[test]
fn rows_of_a_table_are_pictures_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let names: Vec<String> = (0..SIDE * SIDE).map(|i| format!("p{i}")).collect();
    let mut table = names.join(",") + ",letter\n";
    for (letter, _, pixels) in all() {
        table.extend(pixels.iter().map(|v| format!("{},", v / 255)));
        table.extend([letter, '\n']);
    }
    std::fs::write(path("xo.csv"), table).unwrap();
    let toml = "[data]\npath = \"xo.csv\"\ntarget = \"letter\"\nimage = [6, 6]\nscaling = \"none\"\n\
        [[model.layers]]\nclass_name = \"Reshape\"\ntarget_shape = [6, 6, 1]\n\
        [[model.layers]]\nclass_name = \"Conv2D\"\nfilters = 2\nkernel_size = 3\nactivation = \"relu\"\n\
        [[model.layers]]\nclass_name = \"GlobalMaxPooling2D\"\n\
        [[model.layers]]\nclass_name = \"Dense\"\nunits = 1\nactivation = \"sigmoid\"\n[training]\nepochs = 40\nlearning_rate = 0.02\nseed = 1\n";
    std::fs::write(path("net.toml"), toml).unwrap();
    succeeds(&["fit", "--model", &path("net.toml"), "--out", &path("out"), "--verbose", "0"]);
    let report = std::fs::read_to_string(path("out/report.html")).unwrap();
    assert!(report.contains("Where the network looks") && report.contains("2 maps of 4 × 4"));
    let text = succeeds(&["explain", &path("out/model.keras"), &path("xo.csv"), "--row", "35"]);
    assert!(text.contains("The same numbers, as maps:") && text.contains("feature map, a at all places:"), "{text}");
}
