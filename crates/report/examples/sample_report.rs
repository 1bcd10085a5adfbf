//! Writes sample reports and figures, made of invented numbers, to the folder given as argument.
//!
//! `cargo run -p adaline-report --example sample_report -- out`

use adaline_report::figure::{
    ConfusionMatrix, CurveChart, DenseLayer, FoldChart, Histogram, Image, ImageTile, LayerBox, NeuronDrawing, Theme,
};
use adaline_report::html::{
    Baselines, Classification, ColumnOverview, DataOverview, Headline, NetworkOverview, Regression, Report, RunFacts, Unit,
};
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("expected a folder as argument")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    for (name, report) in [("flowers", flowers()?), ("digits", digits()?), ("houses", houses()), ("odd", odd())] {
        std::fs::write(folder.join(format!("{name}.html")), report.render())?;
        for chart in &report.curves {
            let stem = format!("{name}-{}", chart.metric.replace(|c: char| !c.is_alphanumeric(), "_"));
            std::fs::write(folder.join(format!("{stem}.svg")), chart.figure().to_svg())?;
            std::fs::write(folder.join(format!("{stem}.png")), chart.figure().to_png(2.0, Theme::Light)?)?;
            std::fs::write(folder.join(format!("{stem}-dark.png")), chart.figure().to_png(2.0, Theme::Dark)?)?;
        }
        if let Some(result) = &report.classification {
            let png = result.confusion.figure().to_png(2.0, Theme::Light)?;
            std::fs::write(folder.join(format!("{name}-confusion.png")), png)?;
        }
    }
    Ok(())
}

/// Numbers from 0 to 1 that look random and are the same each time (a linear congruential generator).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Roughly normal around 0 with deviation 1.
    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect()
}

fn layer(name: &str, kind: &str, shape: &str, params: u64, activation: &str) -> LayerBox {
    LayerBox { name: name.into(), kind: kind.into(), output_shape: shape.into(), params, activation: activation.into(), inputs: vec![] }
}

fn falling(noise: &mut Noise, epochs: usize, from: f64, to: f64, wobble: f64) -> Vec<f64> {
    let rate = 5.0 / epochs as f64;
    (0..epochs).map(|e| to + (from - to) * (-rate * e as f64).exp() + wobble * (noise.next() - 0.5)).collect()
}

fn flowers() -> Result<Report, Box<dyn Error>> {
    let mut noise = Noise(7);
    let loss = falling(&mut noise, 60, 1.15, 0.08, 0.02);
    let val_loss = falling(&mut noise, 60, 1.1, 0.14, 0.05);
    let accuracy: Vec<f64> = falling(&mut noise, 60, 0.35, 0.98, 0.02);
    let val_accuracy: Vec<f64> = falling(&mut noise, 60, 0.35, 0.95, 0.05);
    let mut best = CurveChart::new("loss", &loss, Some(&val_loss));
    best.best_epoch = Some(52);
    let classes: Vec<String> = ["setosa", "versicolor", "virginica"].map(String::from).to_vec();
    let mut dense = |name: &str, inputs: usize, units: usize| DenseLayer {
        name: name.into(),
        inputs,
        units,
        kernel: (0..inputs * units).map(|_| noise.bell()).collect(),
        bias: (0..units).map(|_| noise.bell() * 0.2).collect(),
    };
    let layers = vec![dense("dense", 4, 8), dense("dense_1", 8, 3)];
    let inputs: Vec<String> = ["sepal_length", "sepal_width", "petal_length", "petal_width"].map(String::from).to_vec();
    let columns = inputs.iter().zip([(5.84, 0.83), (3.05, 0.43), (3.76, 1.76), (1.2, 0.76)]).map(|(name, (mean, spread))| {
        let values: Vec<f64> = (0..150).map(|_| mean + spread * noise.bell()).collect();
        ColumnOverview {
            name: name.clone(),
            kind: "number".into(),
            role: "input".into(),
            distinct: 35,
            missing: u64::from(name == "petal_width") * 2,
            note: format!("mean {mean}, standard deviation {spread}"),
            histogram: Some(Histogram::of(name.clone(), &values, 0)),
            top: vec![],
        }
    });
    let mut columns: Vec<ColumnOverview> = columns.collect();
    columns.push(ColumnOverview {
        name: "species".into(),
        kind: "category".into(),
        role: "target".into(),
        distinct: 3,
        top: classes.iter().map(|c| (c.clone(), 50)).collect(),
        ..ColumnOverview::default()
    });
    Ok(Report {
        title: "Iris".into(),
        question: "Which species is it? Column “species” from 4 other columns.".into(),
        findings: vec!["The network names 29 of 30 flowers it has never seen.".into()],
        headline: vec![
            Headline { name: "test accuracy".into(), value: 29.0 / 30.0, unit: Unit::Percent, note: "30 rows".into() },
            Headline { name: "test loss".into(), value: 0.1312, ..Headline::default() },
            Headline { name: "5-fold accuracy".into(), value: 0.9533, unit: Unit::Percent, note: "± 2.98 %".into() },
            Headline { name: "training time".into(), value: 0.213, unit: Unit::Seconds, note: "60 epochs".into() },
        ],
        baselines: Some(Baselines {
            metric: "accuracy".into(),
            higher_is_better: true,
            network: 29.0 / 30.0,
            others: vec![("most frequent class".into(), 0.3333), ("one split on petal_width".into(), 0.6333)],
        }),
        curves: vec![best, CurveChart::new("accuracy", &accuracy, Some(&val_accuracy))],
        classification: Some(Classification {
            rows: "test".into(),
            confusion: ConfusionMatrix { classes: classes.clone(), counts: vec![vec![10, 0, 0], vec![0, 9, 1], vec![0, 0, 10]] },
        }),
        folds: vec![
            FoldChart { metric: "accuracy".into(), scores: vec![0.9667, 0.9333, 1.0, 0.9333, 0.9333] },
            FoldChart { metric: "loss".into(), scores: vec![0.12, 0.21, 0.06, 0.19, 0.17] },
        ],
        data: Some(DataOverview {
            source: "iris.csv".into(),
            parts: vec![("training".into(), 105), ("validation".into(), 15), ("test".into(), 30)],
            columns,
            class_counts: classes.iter().map(|c| (c.clone(), 50)).collect(),
            warnings: vec!["“petal_width” has 2 missing values; they were filled with the mean.".into()],
        }),
        network: Some(NetworkOverview {
            name: "iris".into(),
            layers: vec![layer("dense", "Dense", "(None, 8)", 40, "relu"), layer("dense_1", "Dense", "(None, 3)", 27, "softmax")],
            neurons: Some(NeuronDrawing::new(inputs, layers, classes)?),
            trainable: 67,
            non_trainable: 0,
        }),
        training: pairs(&[
            ("optimizer", "Adam"),
            ("learning rate", "0.01"),
            ("batch size", "16"),
            ("epochs", "60 of at most 200"),
            ("early stopping", "val_loss, patience 8, best weights restored"),
            ("loss", "sparse_categorical_crossentropy"),
        ]),
        run: RunFacts {
            seed: Some(42),
            started: "2026-01-02 10:20:30".into(),
            seconds: Some(0.213),
            versions: pairs(&[("adaline", env!("CARGO_PKG_VERSION"))]),
            machine: pairs(&[("processor", "AVX2, FMA"), ("threads", "2")]),
            command: "adaline fit iris.csv --target species --seed 42 --epochs 200".into(),
        },
        ..Report::default()
    })
}

fn digits() -> Result<Report, Box<dyn Error>> {
    let mut noise = Noise(3);
    let classes: Vec<String> = (0..10).map(|d| d.to_string()).collect();
    let counts: Vec<Vec<u64>> =
        (0..10).map(|t| (0..10).map(|p| if t == p { 960 + t * 3 } else { (noise.next().powi(4) * 14.0) as u64 }).collect()).collect();
    let mut images = Vec::new();
    for i in 0..24usize {
        let digit = i % 10;
        // A ring whose gap turns with the digit; enough to see that pixels are drawn.
        let pixels = (0..28 * 28).map(|p| {
            let (y, x) = ((p / 28) as f64 - 13.5, (p % 28) as f64 - 13.5);
            let gap = (y.atan2(x) - digit as f64 * 0.6).cos();
            let ring = (-((x.hypot(y) - 8.0) / 1.6).powi(2)).exp();
            (ring * if gap > 0.8 { 0.1 } else { 1.0 } * 235.0 + noise.next() * 20.0) as u8
        });
        let image = Image::new(28, 28, 1, pixels.collect())?;
        let said = if i == 5 || i == 17 { (digit + 3) % 10 } else { digit };
        images.push(ImageTile { image, label: digit.to_string(), prediction: Some(said.to_string()) });
    }
    let loss = falling(&mut noise, 12, 0.42, 0.02, 0.004);
    let val_loss = falling(&mut noise, 12, 0.2, 0.04, 0.01);
    let accuracy: Vec<f64> = falling(&mut noise, 12, 0.87, 0.994, 0.001);
    let val_accuracy: Vec<f64> = falling(&mut noise, 12, 0.94, 0.988, 0.004);
    Ok(Report {
        title: "Handwritten digits".into(),
        question: "Which digit is in the picture? 28 × 28 grey pixels, 10 classes.".into(),
        headline: vec![
            Headline { name: "test accuracy".into(), value: 0.9884, unit: Unit::Percent, note: "10,000 images".into() },
            Headline { name: "test loss".into(), value: 0.0381, ..Headline::default() },
            Headline { name: "parameters".into(), value: 34826.0, ..Headline::default() },
            Headline { name: "training time".into(), value: 84.2, unit: Unit::Seconds, note: "12 epochs".into() },
        ],
        baselines: Some(Baselines {
            metric: "accuracy".into(),
            higher_is_better: true,
            network: 0.9884,
            others: vec![("most frequent class".into(), 0.1135)],
        }),
        curves: vec![CurveChart::new("loss", &loss, Some(&val_loss)), CurveChart::new("accuracy", &accuracy, Some(&val_accuracy))],
        classification: Some(Classification { rows: "test".into(), confusion: ConfusionMatrix { classes: classes.clone(), counts } }),
        images,
        data: Some(DataOverview {
            source: "digits.npz".into(),
            parts: vec![("training".into(), 54_000), ("validation".into(), 6_000), ("test".into(), 10_000)],
            class_counts: classes.into_iter().zip((0..).map(|i| 5800 + i * 31 % 700)).collect(),
            ..DataOverview::default()
        }),
        network: Some(NetworkOverview {
            name: "convnet".into(),
            layers: vec![
                layer("conv2d", "Conv2D", "(None, 26, 26, 32)", 320, "relu"),
                layer("max_pooling2d", "MaxPooling2D", "(None, 13, 13, 32)", 0, ""),
                layer("conv2d_1", "Conv2D", "(None, 11, 11, 64)", 18_496, "relu"),
                layer("max_pooling2d_1", "MaxPooling2D", "(None, 5, 5, 64)", 0, ""),
                layer("flatten", "Flatten", "(None, 1600)", 0, ""),
                layer("dropout", "Dropout", "(None, 1600)", 0, ""),
                layer("dense", "Dense", "(None, 10)", 16_010, "softmax"),
            ],
            neurons: None,
            trainable: 34_826,
            non_trainable: 0,
        }),
        training: pairs(&[("optimizer", "Adam"), ("learning rate", "0.001"), ("batch size", "128"), ("epochs", "12")]),
        run: RunFacts {
            seed: Some(1),
            seconds: Some(84.2),
            command: "adaline fit digits.npz --model convnet.toml".into(),
            ..RunFacts::default()
        },
        ..Report::default()
    })
}

fn houses() -> Report {
    let mut noise = Noise(11);
    let actual: Vec<f64> = (0..800).map(|_| (12.1 + 0.5 * noise.bell()).exp()).collect();
    let predicted: Vec<f64> = actual.iter().map(|v| v * (1.0 + 0.12 * noise.bell()) + 4000.0).collect();
    let loss = falling(&mut noise, 1000, 9.0, 0.02, 0.005);
    let val_loss = falling(&mut noise, 1000, 9.5, 0.06, 0.02);
    let mae = falling(&mut noise, 1000, 190_000.0, 24_000.0, 3_000.0);
    Report {
        title: "House prices".into(),
        question: "How much does it cost? Column “price” from 7 other columns.".into(),
        headline: vec![
            Headline { name: "mean absolute error".into(), value: 23_412.7, unit: Unit::Number, note: "800 test rows".into() },
            Headline { name: "R²".into(), value: 0.8931, ..Headline::default() },
        ],
        baselines: Some(Baselines {
            metric: "mean absolute error".into(),
            higher_is_better: false,
            network: 23_412.7,
            others: vec![
                ("always the mean".into(), 71_020.4),
                ("always the median".into(), 66_342.9),
                ("linear regression".into(), 31_377.2),
            ],
        }),
        curves: vec![CurveChart::new("loss", &loss, Some(&val_loss)), CurveChart::new("mae", &mae, None)],
        regressions: vec![Regression { rows: "test".into(), target: "price".into(), actual, predicted }],
        network: Some(NetworkOverview {
            name: "regression".into(),
            layers: vec![
                layer("normalization", "Normalization", "(None, 7)", 15, ""),
                layer("dense", "Dense", "(None, 64)", 512, "relu"),
                layer("dense_1", "Dense", "(None, 1)", 65, ""),
            ],
            neurons: None,
            trainable: 577,
            non_trainable: 15,
        }),
        training: pairs(&[("optimizer", "SGD, momentum 0.9"), ("learning rate", "0.01, cosine decay")]),
        run: RunFacts { seed: Some(0), ..RunFacts::default() },
        ..Report::default()
    }
}

/// Hostile names, numbers that are none, one epoch.
fn odd() -> Report {
    let name = "<script>alert(1)</script> & \"quoted\" column with a name that goes on and on";
    Report {
        title: "Odd <b>input</b>".into(),
        question: name.into(),
        headline: vec![
            Headline { name: name.into(), value: f64::NAN, ..Headline::default() },
            Headline { name: "loss".into(), value: f64::INFINITY, ..Headline::default() },
        ],
        baselines: Some(Baselines { metric: "accuracy".into(), network: f64::NAN, ..Baselines::default() }),
        curves: vec![
            CurveChart::new("one epoch", &[0.5], Some(&[0.6])),
            CurveChart::new("diverged", &[1.0, 3.0, 1e30, f64::NAN, f64::INFINITY], None),
            CurveChart::new("nothing", &[], None),
        ],
        classification: Some(Classification {
            rows: String::new(),
            confusion: ConfusionMatrix {
                classes: vec![name.into(), "ünïcödé 犬".into()],
                counts: vec![vec![0, 123_456_789], vec![], vec![1, 1, 1]],
            },
        }),
        regressions: vec![Regression { target: name.into(), actual: vec![f64::NAN, 1.0], ..Regression::default() }],
        folds: vec![FoldChart { metric: "mae".into(), scores: vec![f64::NAN, 0.5] }],
        data: Some(DataOverview {
            columns: vec![ColumnOverview {
                name: name.into(),
                top: vec![(String::new(), 3), (name.into(), 2)],
                missing: 3,
                histogram: Some(Histogram::default()),
                ..ColumnOverview::default()
            }],
            class_counts: vec![(name.into(), 0)],
            warnings: vec![name.into()],
            ..DataOverview::default()
        }),
        network: Some(NetworkOverview { layers: vec![layer(name, name, name, u64::MAX, name)], ..NetworkOverview::default() }),
        training: vec![(name.into(), name.into())],
        run: RunFacts { command: name.into(), ..RunFacts::default() },
        ..Report::default()
    }
}
