//! From a folder of pictures to a network that names the class of a picture.

mod support;

use adaline::report::figure::Image;
use serde_json::Value;
use std::path::Path;
use std::sync::OnceLock;
use support::{adaline, dataset, json, succeeds};
use tempfile::TempDir;

/// A grey PNG file of such pixels.
fn png(height: usize, width: usize, pixels: Vec<u8>) -> Vec<u8> {
    Image::new(height, width, 1, pixels).unwrap().to_png()
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// The digits as pictures in `digits/<class>/<row>.png`, every tenth file broken: cut off, empty, or a text.
struct Digits {
    folder: TempDir,
    good: usize,
    bad: usize,
    told: Value,
}

impl Digits {
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
    fn model(&self) -> String {
        self.path("out/model.keras")
    }
}

fn is_bad(row: usize) -> bool {
    row % 10 == 7
}

fn digits() -> &'static Digits {
    static DIGITS: OnceLock<Digits> = OnceLock::new();
    DIGITS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (mut good, mut bad) = (0, 0);
        let text = std::fs::read_to_string(dataset("digits.csv")).unwrap();
        for (row, line) in text.lines().skip(1).enumerate() {
            let cells: Vec<u8> = line.split(',').map(|v| v.parse().unwrap()).collect();
            let (class, pixels) = cells.split_last().unwrap();
            let whole = png(8, 8, pixels.iter().map(|v| v * 15).collect());
            let bytes = match (is_bad(row), row / 10 % 3) {
                (false, _) => whole,
                (true, 0) => whole[..whole.len() / 2].to_vec(),
                (true, 1) => Vec::new(),
                (true, _) => b"no picture, but a text".to_vec(),
            };
            if is_bad(row) {
                bad += 1;
            } else {
                good += 1;
            }
            write(&folder.path().join(format!("digits/{class}/{row:04}.png")), &bytes);
        }
        let path = |name: &str| folder.path().join(name).display().to_string();
        let toml = path("digits.toml");
        std::fs::write(&toml, "[data]\npath = \"digits\"\nimage_size = 8\ncolor = \"grayscale\"\non_bad_file = \"skip\"\n").unwrap();
        let told = json(&["fit", "--model", &toml, "--epochs", "15", "--out", &path("out"), "--json", "--verbose", "0", "--seed", "1"]);
        Digits { folder, good, bad, told }
    })
}

#[test]
fn bad_files_are_left_out_by_name_and_the_rest_is_learned() {
    let d = digits();
    let skipped = d.told["skipped"].as_array().unwrap();
    assert_eq!(skipped.len(), d.bad);
    for (row, problem) in [("0007.png", "cut off"), ("0017.png", "empty"), ("0027.png", "starts with \\\"no picture")] {
        assert!(skipped.iter().any(|s| s["path"].as_str().unwrap().ends_with(row) && s.to_string().contains(problem)), "{row}: {problem}");
    }
    let rows: u64 = d.told["rows"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(rows as usize, d.good);
    assert_eq!(d.told["target"], "class");
    let accuracy = d.told["metrics"]["accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.9, "{accuracy}");
    let report = std::fs::read_to_string(d.path("out/report.html")).unwrap();
    for part in [
        "Pictures of each class",
        "Confusion matrix",
        "Most confident mistakes",
        "What the network sees",
        "16 of 64 maps",
        "src=\"data:image/png;base64,",
    ] {
        assert!(report.contains(part), "{part}");
    }
    let text = succeeds(&["summary", &d.model()]);
    assert!(text.contains("tells 10 classes") && text.contains("8 x 8 pixels") && text.contains("1 channel"), "{text}");
}

#[test]
fn bad_files_are_refused_by_name() {
    let d = digits();
    let out = adaline(&["fit", &d.path("digits"), "--image-size", "8", "--out", &d.path("refused"), "--verbose", "0"]);
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{stderr}");
    let count = format!("{} of {} pictures cannot be read", d.bad, d.bad + d.good);
    for part in [count.as_str(), ".png: ", "cut off", "and ", "--on-bad-file skip"] {
        assert!(stderr.contains(part), "{part}\n{stderr}");
    }
    assert!(!Path::new(&d.path("refused/model.keras")).exists());
}

#[test]
fn evaluate_finds_the_classes_by_their_folders() {
    let d = digits();
    let told = json(&["evaluate", &d.model(), &d.path("digits"), "--on-bad-file", "skip", "--json"]);
    assert_eq!(told["rows"].as_u64(), Some(d.good as u64));
    assert!(told["metrics"]["accuracy"].as_f64().unwrap() > 0.9);
    assert!((told["metrics"]["accuracy"].as_f64().unwrap() - told["as_trained"]["accuracy"].as_f64().unwrap()).abs() < 1e-6);
}

#[test]
fn predict_names_the_class_of_one_picture_and_of_many() {
    let d = digits();
    let one = d.path("digits/0/0000.png");
    let text = succeeds(&["predict", &d.model(), &one]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(lines[0], "path,predicted,p_0,p_1,p_2,p_3,p_4,p_5,p_6,p_7,p_8,p_9");
    assert!(lines[1].starts_with(&format!("{one},0,")), "{text}");
    let told = json(&["predict", &d.model(), &one, "--json"]);
    let p = &told["predictions"][0];
    assert_eq!((p["path"].as_str(), p["predicted"].as_str()), (Some(one.as_str()), Some("0")));
    let sum: f64 = p["probabilities"].as_object().unwrap().values().map(|v| v.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-5);

    let told = json(&["predict", &d.model(), &d.path("digits"), "--on-bad-file", "skip", "--json"]);
    let predictions = told["predictions"].as_array().unwrap();
    assert_eq!((predictions.len(), told["skipped"].as_array().unwrap().len()), (d.good, d.bad));
    let right = |p: &&Value| Path::new(p["path"].as_str().unwrap()).parent().unwrap().ends_with(p["predicted"].as_str().unwrap());
    assert!(predictions.iter().filter(right).count() * 10 > 9 * d.good);

    let list = d.path("list.csv");
    std::fs::write(&list, "path,remark\ndigits/0/0000.png,first\ndigits/1/0001.png,\n").unwrap();
    let out = d.path("list-out.csv");
    assert!(succeeds(&["predict", &d.model(), &list, "--out", &out]).contains("Wrote 2 predictions"));
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.lines().nth(2).unwrap().contains("0001.png,1,"), "{text}");

    let text = succeeds(&["explain", &d.model(), &one]);
    assert!(text.contains("0000.png"), "{text}");
}

#[test]
fn what_cannot_be_predicted_is_named() {
    let d = digits();
    let bad = |data: &str, parts: &[&str]| {
        let out = adaline(&["predict", &d.model(), data]);
        let stderr = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.code() == Some(1) && out.stdout.is_empty(), "{data}: {:?}\n{stderr}", out.status);
        for part in parts {
            assert!(stderr.contains(part), "{data}: {part}\n{stderr}");
        }
    };
    bad(&d.path("digits/no.png"), &["no.png", "no such file"]);
    let of = |row: usize| -> String {
        let found = d.told["skipped"].as_array().unwrap().iter().find(|s| s["path"].as_str().unwrap().ends_with(&format!("{row:04}.png")));
        found.unwrap()["path"].as_str().unwrap().to_owned()
    };
    bad(&of(7), &["0007.png", "cut off"]);
    bad(&of(17), &["0017.png", "empty"]);
    bad(&of(27), &["0027.png", "not a PNG"]);
    bad(&d.path("digits"), &["0357.png", "and 169 more", "--on-bad-file skip"]);
    let empty = d.path("empty-folder");
    std::fs::create_dir_all(&empty).unwrap();
    bad(&empty, &["empty-folder", "no picture"]);
    let table = d.path("no-path.csv");
    std::fs::write(&table, "a,b\n1,2\n").unwrap();
    bad(&table, &["path"]);
    let gone = d.path("gone.csv");
    std::fs::write(&gone, "path\nnowhere.png\n").unwrap();
    bad(&gone, &["nowhere.png"]);
    let out = adaline(&["evaluate", &d.model(), &d.path("digits/0/0000.png")]);
    assert!(String::from_utf8_lossy(&out.stderr).contains("no class to compare with"));
}

/// A small picture.
fn tile(grey: u8) -> Vec<u8> {
    png(3, 4, (0..12).map(|i| grey.wrapping_add(i)).collect())
}

/// `fit` on a folder with these files must end with these words.
fn fit_fails(files: &[(&str, &[u8])], more: &[&str], code: i32, parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    for (name, bytes) in files {
        if name.ends_with('/') { std::fs::create_dir_all(data.join(name)).unwrap() } else { write(&data.join(name), bytes) }
    }
    let (data, out) = (data.display().to_string(), folder.path().join("out").display().to_string());
    let base = ["fit", &data, "--epochs", "1", "--verbose", "0", "--out", &out];
    let size: &[&str] = if more.contains(&"--image-size") { &[] } else { &["--image-size", "4"] };
    let ran = adaline(&[&base[..], size, more].concat());
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(code), "{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "{part}\n{stderr}");
    }
}

#[test]
fn folders_and_words_that_do_not_fit() {
    let [a, b, c, d] = [tile(10), tile(20), tile(200), tile(210)];
    let cut = &a[..30];
    let good: &[(&str, &[u8])] = &[("dark/a.png", &a), ("dark/b.png", &b), ("light/c.png", &c), ("light/d.png", &d)];
    fit_fails(&[], &[], 2, &["no class folder", "folder that has the class' name", "train-images-idx3-ubyte"]);
    fit_fails(&[("a.png", &a), ("b.png", &b)], &[], 1, &["2 pictures that belong to no class"]);
    fit_fails(&[("dark/a.png", &a), ("dark/b.png", &b)], &[], 1, &["\"dark\" is the only class"]);
    fit_fails(&[("dark/a.png", &a), ("dark/b.png", &b), ("light/", b"")], &[], 1, &["\"light\"", "add pictures or remove the folder"]);
    fit_fails(&[("train/x/a.png", &a), ("test/x/a.png", &a)], &[], 2, &["parts of the data", "data/test"]);
    fit_fails(&[("dark/a.png", &a), ("dark/b.png", &b), ("light/c.png", cut)], &["--on-bad-file", "skip"], 1, &["\"light\"", "c.png"]);
    fit_fails(&[("dark/a.png", cut), ("light/c.png", b"")], &["--on-bad-file", "skip"], 1, &["2 of 2", "a.png", "c.png"]);
    // A header that promises 60,000 x 60,000 pixels.
    let mut huge = a.clone();
    huge[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    fit_fails(&[("dark/a.png", &a), ("light/huge.png", &huge)], &[], 1, &["huge.png"]);
    fit_fails(good, &["--image-size", "0"], 2, &["--image-size", "64x48"]);
    fit_fails(good, &["--image-size", "4x4x4"], 2, &["64x48"]);
    fit_fails(good, &["--image-size", "100000x100000"], 2, &["--image-size", "100000 x 100000"]);
    fit_fails(good, &["--image-size", "1000000"], 2, &["--image-size", "1000000 x 1000000"]);
    fit_fails(good, &["--image-size", "abc"], 2, &["--image-size", "64x48", "abc"]);
    fit_fails(good, &["--cache-mb", "1.5"], 2, &["--cache-mb", "1.5"]);
    fit_fails(good, &["--cache-mb", "much"], 2, &["--cache-mb"]);
    fit_fails(good, &["--color", "blue"], 2, &["grayscale"]);
    fit_fails(good, &["--on-bad-file", "ignore"], 2, &["skip"]);
    fit_fails(good, &["--target", "weight"], 2, &["--target weight", "`class`"]);
    fit_fails(good, &["--task", "numbers"], 2, &["--task numbers"]);
    let out = adaline(&["fit", &dataset("iris.csv"), "--target", "species", "--color", "rgb", "--verbose", "0"]);
    assert!(out.status.code() == Some(2) && String::from_utf8_lossy(&out.stderr).contains("--color is for pictures"));
    let out = adaline(&["fit", &dataset("iris.csv"), "--target", "species", "--cache-mb", "9", "--verbose", "0"]);
    assert!(out.status.code() == Some(2) && String::from_utf8_lossy(&out.stderr).contains("--cache-mb is for pictures"));
}

#[test]
fn tables_may_name_pictures_and_toml_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut list = String::from("path,label\n");
    for i in 0..20u8 {
        let light = i % 2 == 1;
        write(Path::new(&path(&format!("all/{i}.png"))), &tile(if light { 200 + i } else { i }));
        list.extend(["all/", &i.to_string(), ".png,", if light { "light\n" } else { "dark\n" }]);
    }
    std::fs::write(path("list.csv"), list).unwrap();
    let toml = "[data]\npath = \"list.csv\"\npictures = true\nimage_size = [3, 4]\n\
        [[model.layers]]\nclass_name = \"Rescaling\"\nscale = 0.00392156862745098\n[[model.layers]]\nclass_name = \"Flatten\"\n\
        [[model.layers]]\nclass_name = \"Dense\"\nunits = 2\nactivation = \"softmax\"\n[training]\nepochs = 60\npatience = 0\nlearning_rate = 0.02\n";
    std::fs::write(path("net.toml"), toml).unwrap();
    let told = json(&["fit", "--model", &path("net.toml"), "--out", &path("out"), "--json", "--verbose", "0"]);
    assert_eq!((told["target"].as_str(), told["metrics"]["accuracy"].as_f64()), (Some("label"), Some(1.0)));
    let told = json(&["evaluate", &path("out/model.keras"), &path("list.csv"), "--json"]);
    assert_eq!((told["rows"].as_u64(), told["metrics"]["accuracy"].as_f64()), (Some(20), Some(1.0)));
    assert!(succeeds(&["dump", &path("net.toml"), "--stage", "layers"]).contains("(None, 36)"));
    // Folds take rows of the set in any order.
    let told = json(&["fit", "--model", &path("net.toml"), "--kfold", "4", "--out", &path("folds"), "--json", "--verbose", "0"]);
    assert!(told["kfold"]["mean"].as_f64().unwrap() > 0.9);
}

#[test]
fn equal_seeds_give_equal_models_on_any_threads() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..24u8 {
        let class = ["dark", "light", "grey"][usize::from(i % 3)];
        write(&folder.path().join(format!("data/{class}/{i}.png")), &tile([0, 200, 100][usize::from(i % 3)] + i));
    }
    let data = folder.path().join("data").display().to_string();
    let run = |threads: &str| {
        let out = folder.path().join(threads).display().to_string();
        succeeds(&["fit", &data, "--image-size", "5x6", "--epochs", "3", "--threads", threads, "--out", &out, "--verbose", "0"]);
        std::fs::read(format!("{out}/model.keras")).unwrap()
    };
    assert_eq!(run("1"), run("2"));
}

/// A folder `data` with pictures of two classes that are told apart by their brightness.
fn dark_and_light((height, width): (usize, usize)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..24u8 {
        let class = ["dark", "light"][usize::from(i % 2)];
        let pixels = vec![(i % 2) * 200 + i; height * width];
        write(&folder.path().join(format!("data/{class}/{i}.png")), &png(height, width, pixels));
    }
    folder
}

#[test]
fn pictures_keep_their_own_size_and_the_story_says_so() {
    for (of, words, kept) in [
        ((8, 7), "Size: 8 x 7 pixels, as the pictures are (24 looked at)", "8 x 7 pixels"),
        ((30, 200), "Size: 8 x 64 pixels, made smaller from 30 x 200, as the pictures are (24 looked at)", "8 x 64 pixels"),
    ] {
        let folder = dark_and_light(of);
        // A file without a size does not hide that of the others.
        write(&folder.path().join("data/dark/bad.png"), b"no picture");
        let (data, out) = (folder.path().join("data").display().to_string(), folder.path().join("out").display().to_string());
        let fit = |more: &[&str]| succeeds(&[&["fit", &data, "--on-bad-file", "skip", "--epochs", "1", "--out", &out], more].concat());
        let text = fit(&[]);
        assert!(text.contains(words) && text.contains("--image-size asks for another"), "{text}");
        assert!(succeeds(&["summary", &format!("{out}/model.keras")]).contains(kept));
        assert!(std::fs::read_to_string(format!("{out}/report.html")).unwrap().contains(&words["Size: ".len()..]));
        assert!(!fit(&["--image-size", "9"]).contains("Size:"));
    }
}

#[test]
fn the_cache_changes_no_bit() {
    let folder = dark_and_light((9, 10));
    let data = folder.path().join("data").display().to_string();
    let run = |cache: &str| {
        let out = folder.path().join(cache).display().to_string();
        let text = succeeds(&["fit", &data, "--color", "grayscale", "--epochs", "3", "--cache-mb", cache, "--out", &out]);
        (std::fs::read(format!("{out}/model.keras")).unwrap(), text.contains("1 MB in memory, more than the 0 MB of --cache-mb"))
    };
    let (kept, told) = run("1");
    assert!(!told);
    let (anew, told) = run("0");
    assert!(told);
    assert!(kept == anew, "decoding anew makes another network");
}

/// `fit` on two classes of such pictures, with a network of this layer.
fn layer_fails(layer: &str, code: i32, parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..8u8 {
        write(&folder.path().join(format!("data/{}/{i}.png", ["dark", "light"][usize::from(i % 2)])), &tile(i * 30));
    }
    let toml = folder.path().join("net.toml");
    let text = format!(
        "[data]\npath = \"data\"\n[[model.layers]]\n{layer}\n[[model.layers]]\nclass_name = \"Flatten\"\n\
         [[model.layers]]\nclass_name = \"Dense\"\nunits = 2\nactivation = \"softmax\"\n[training]\nepochs = 1\n"
    );
    std::fs::write(&toml, text).unwrap();
    let ran = adaline(&[
        "fit",
        "--model",
        &toml.display().to_string(),
        "--verbose",
        "0",
        "--out",
        &folder.path().join("out").display().to_string(),
    ]);
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(code), "{layer}\n{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "{layer}: {part}\n{stderr}");
    }
}

#[test]
fn layers_that_do_not_fit_the_pictures() {
    let conv = |more: &str| format!("class_name = \"Conv2D\"\nfilters = 4\nkernel_size = 3\n{more}");
    layer_fails(&conv("strides = 2\ndilation_rate = 2"), 2, &["number 1", "`dilation_rate`", "strides"]);
    layer_fails(&conv("groups = 3"), 2, &["number 1", "`groups`"]);
    layer_fails(&conv("groups = 2"), 1, &["conv2d", "got 3 channels"]);
    layer_fails(&conv("padding = \"full\""), 2, &["`padding`"]);
    layer_fails(&conv("strides = 0"), 2, &["`strides`"]);
    layer_fails("class_name = \"Conv2D\"\nfilters = 4\nkernel_size = 5", 1, &["conv2d", "spans 5 cells", "which has 3", "`same`"]);
    layer_fails("class_name = \"Conv2D\"\nfilters = 4\nkernel_size = 4000000000", 1, &["conv2d", "too large"]);
    layer_fails("class_name = \"Conv2D\"\nfilters = 4000000000000\nkernel_size = 1", 1, &["conv2d"]);
    layer_fails("class_name = \"MaxPooling2D\"\npool_size = 4", 1, &["max_pooling2d", "spans 4 cells"]);
    layer_fails("class_name = \"AveragePooling2D\"\npool_size = 0", 2, &["`pool_size`", "at least 1"]);
    layer_fails("class_name = \"UpSampling2D\"\nsize = 1000000000", 1, &["up_sampling2d", "too large"]);
    layer_fails("class_name = \"RandAugment\"\nnum_ops = 1000", 2, &["`num_ops`"]);
}
