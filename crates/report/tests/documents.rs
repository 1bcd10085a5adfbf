//! Reports and figures as documents: well formed, escaped, self-contained, and drawable whatever the numbers are.

use adaline_report::figure::{
    BarChart, ConfusionMatrix, CurveChart, DenseLayer, Figure, FoldChart, Histogram, HorizonChart, Image, ImageGrid, ImageTile, LayerBox,
    LayerDrawing, NeuronDrawing, PredictionScatter, RasterError, ResidualPlot, SeriesChart, SeriesLine, SettingChart, Theme,
};
use adaline_report::html::{
    Baselines, ClassActivation, ClassImages, Classification, ColumnOverview, Convolutions, DataOverview, FeatureMaps, Filters, Headline,
    LayerMaps, Mistake, NetworkOverview, Regression, Report, RunFacts, SearchOverview, SeriesOverview,
};
use quick_xml::Reader;
use quick_xml::events::Event;

const HOSTILE: &str = "<script>alert('x')</script>\" onload=\"y\" & \u{0} ]]> -->";

/// Reads the text as XML: every element is closed, every attribute quoted and used once, every reference known.
fn check_markup(text: &str) -> Vec<String> {
    let mut reader = Reader::from_str(text);
    let mut open = 0;
    let mut elements = Vec::new();
    loop {
        let event = reader.read_event().unwrap_or_else(|e| panic!("{e} at byte {}: {text:.2000}", reader.error_position()));
        match event {
            Event::Start(ref tag) | Event::Empty(ref tag) => {
                for attribute in tag.attributes() {
                    let attribute = attribute.expect("attributes are well formed");
                    assert!(!attribute.key.as_ref().starts_with("on"), "event handler in {tag:?}");
                }
                elements.push(tag.name().as_ref().to_owned());
                open += i32::from(matches!(event, Event::Start(_)));
            }
            Event::End(_) => open -= 1,
            Event::GeneralRef(name) => {
                let known = ["amp", "lt", "gt", "quot", "#39", "#160"];
                assert!(known.contains(&name.as_ref()), "unknown {name:?}");
            }
            Event::Text(words) => assert!(!words.contains('\0'), "control character in text"),
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open, 0, "elements left open");
    elements
}

/// Width, height and the number of different colours of a PNG.
fn decode(bytes: &[u8]) -> (u32, u32, usize) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG header");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    let mut colours: Vec<&[u8]> = pixels.chunks_exact(3).collect();
    colours.sort_unstable();
    colours.dedup();
    (info.width, info.height, colours.len())
}

fn odd_numbers() -> Vec<f64> {
    vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 1e-320]
}

fn hostile_layer() -> LayerBox {
    LayerBox {
        name: HOSTILE.into(),
        kind: HOSTILE.into(),
        output_shape: HOSTILE.into(),
        params: u64::MAX,
        activation: HOSTILE.into(),
        inputs: vec![HOSTILE.into()],
    }
}

fn tile(label: &str, said: Option<&str>) -> ImageTile {
    let image = Image::new(2, 3, 3, (0..18).map(|i| i * 14).collect()).expect("a small picture");
    ImageTile { image, label: label.into(), prediction: said.map(Into::into) }
}

fn convolutions(text: &str) -> Convolutions {
    let (image, map) = (tile(text, None).image, Image::signed(1, 2, &[1.0, f64::NAN], 1.0).expect("a small map"));
    let heated = image.heated(&[1.0, f64::INFINITY], [1, 2]);
    let filters =
        Filters { layer: text.into(), size: [1, 2], images: vec![map.clone(); 2], total: 7, limit: f64::NAN, coloured: false, channels: 4 };
    let layer =
        LayerMaps { name: text.into(), kind: text.into(), size: [1, 2], images: vec![map; 2], total: usize::MAX, limit: 1.5, signed: true };
    let seen = ClassActivation { image: image.clone(), heated, truth: text.into(), predicted: "no".into(), confidence: f64::NAN };
    Convolutions {
        filters: Some(filters),
        maps: Some(FeatureMaps { image, class: text.into(), layers: vec![layer] }),
        activations: vec![seen],
        method: text.into(),
    }
}

fn series_chart(text: &str, numbers: &[f64]) -> SeriesChart {
    let points: Vec<(f64, f64)> = numbers.iter().enumerate().map(|(x, y)| (x as f64, *y)).collect();
    let line = |rank| SeriesLine { name: text.into(), points: points.clone(), rank };
    SeriesChart {
        title: text.into(),
        lines: (0..5).map(line).collect(),
        band: numbers.iter().map(|y| (*y, *y, 1.0)).collect(),
        marks: vec![(0.5, text.into()), (f64::NAN, text.into())],
        ticks: vec![(0.0, text.into()), (1.0, text.into()), (f64::NAN, text.into())],
    }
}

fn neurons() -> NeuronDrawing {
    let kernel = vec![0.5, f64::NAN, -1.0, f64::INFINITY];
    let layer = DenseLayer { name: HOSTILE.into(), inputs: 2, units: 2, kernel, bias: vec![f64::NAN, 1.0] };
    NeuronDrawing::new(vec![HOSTILE.into(); 5], vec![layer], vec![HOSTILE.into(); 5]).expect("a small network")
}

/// Every chart with ordinary, empty and odd input.
fn all_figures() -> Vec<(&'static str, Figure)> {
    let h = || HOSTILE.to_owned();
    let odd = odd_numbers();
    let many: Vec<f64> = (0..5000).map(|i| f64::from(i).sin()).collect();
    let scatter =
        |actual: &[f64], predicted: &[f64]| PredictionScatter { target: h(), actual: actual.to_vec(), predicted: predicted.to_vec() };
    let residuals =
        |actual: &[f64], predicted: &[f64]| ResidualPlot { target: h(), actual: actual.to_vec(), predicted: predicted.to_vec() };
    let bars = |bars| BarChart { title: h(), bars, highlight: Some(9) };
    let matrix = |k: usize| ConfusionMatrix { classes: vec![h()], counts: vec![vec![u64::MAX; k]; k] };
    vec![
        ("curves", CurveChart::new(h(), &[0.9, 0.4, 0.2], Some(&[1.0, 0.5, 0.4])).figure()),
        ("no epoch", CurveChart::new("loss", &[], Some(&[])).figure()),
        ("one epoch", CurveChart { best_epoch: Some(1), ..CurveChart::new("loss", &[1.0], None) }.figure()),
        ("many epochs", CurveChart { best_epoch: Some(4000), ..CurveChart::new("loss", &many, Some(&many)) }.figure()),
        ("odd epochs", CurveChart { log: true, best_epoch: Some(99), ..CurveChart::new("loss", &odd, Some(&odd)) }.figure()),
        ("matrix", matrix(3).figure()),
        ("large matrix", matrix(60).figure()),
        ("no matrix", ConfusionMatrix::default().figure()),
        ("histogram", Histogram::of(h(), &many, 0).figure()),
        ("odd histogram", Histogram::of(h(), &odd, 3).figure()),
        ("wrong histogram", Histogram { low: f64::NAN, counts: vec![3], ..Histogram::default() }.figure()),
        ("sparkline", Histogram::of(h(), &odd, 3).sparkline()),
        ("bars", bars(odd.iter().map(|v| (h(), *v)).collect()).figure()),
        ("many bars", bars(vec![(h(), 1.0); 100]).figure()),
        ("no bars", bars(vec![]).figure()),
        ("scatter", scatter(&many, &many[1..]).figure()),
        ("odd scatter", scatter(&odd, &odd).figure()),
        ("no scatter", scatter(&[], &[1.0]).figure()),
        ("residuals", residuals(&many, &many[1..]).figure()),
        ("odd residuals", residuals(&[f64::MAX, 1.0], &[f64::MIN, 1.0]).figure()),
        ("folds", FoldChart { metric: h(), scores: odd.clone() }.figure()),
        ("no folds", FoldChart::default().figure()),
        ("series", series_chart(HOSTILE, &many).figure()),
        ("odd series", series_chart(HOSTILE, &odd).figure()),
        ("no series", SeriesChart::default().figure()),
        ("horizons", HorizonChart { metric: h(), curves: vec![(h(), odd.clone()), (h(), vec![1.0, 2.0])] }.figure()),
        ("no horizons", HorizonChart::default().figure()),
        ("images", ImageGrid { tiles: vec![tile(HOSTILE, Some("犬")); 9], per_row: 0 }.figure()),
        ("no images", ImageGrid::default().figure()),
        ("layers", LayerDrawing { layers: vec![hostile_layer(); 70] }.figure()),
        ("no layers", LayerDrawing::default().figure()),
        ("neurons", neurons().figure()),
    ]
}

#[test]
fn every_figure_is_well_formed_svg_without_odd_numbers() {
    for (name, figure) in all_figures() {
        let svg = figure.to_svg();
        let elements = check_markup(&svg);
        assert!(!elements.iter().any(|e| e == "script"), "{name}");
        for odd in ["NaN", "inf\"", "\"inf", "e308"] {
            // Texts may speak of such numbers; coordinates may not.
            let in_attribute = svg.split('<').filter_map(|t| t.split('>').next()).filter(|t| !t.contains("aria-label"));
            assert!(!in_attribute.into_iter().any(|t| t.contains(odd)), "{name}: {odd} in {svg:.3000}");
        }
    }
}

#[test]
fn every_figure_is_a_png_in_both_themes() {
    for (name, figure) in all_figures() {
        for theme in [Theme::Light, Theme::Dark] {
            let (width, height, colours) = decode(&figure.to_png(1.0, theme).expect(name));
            assert_eq!((f64::from(width), f64::from(height)), (figure.width().round(), figure.height().round()), "{name}");
            assert!(colours > 1, "{name} is blank");
        }
    }
}

#[test]
fn png_scales_and_refuses_senseless_scales() {
    let figure = CurveChart::new("loss", &[1.0, 0.5], None).figure();
    let (width, ..) = decode(&figure.to_png(2.5, Theme::Light).expect("a good scale"));
    assert_eq!(f64::from(width), (figure.width() * 2.5).round());
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-9, 1e6] {
        let error = figure.to_png(scale, Theme::Light).expect_err("a senseless scale");
        assert!(matches!(error, RasterError::Size { .. }), "{error}");
    }
}

#[test]
fn pngs_show_the_curve_in_its_colour() {
    let bytes = CurveChart::new("loss", &[1.0, 0.5, 0.2], None).figure().to_png(1.0, Theme::Light).expect("a picture");
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG header");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    reader.next_frame(&mut pixels).expect("pixels");
    let blue = pixels.chunks_exact(3).filter(|p| p == &[0x2b, 0x66, 0xc4]).count();
    assert!(blue > 300, "{blue} blue pixels");
}

fn full_report(text: &str, numbers: &[f64]) -> Report {
    let t = || text.to_owned();
    let curve = || CurveChart::new(t(), numbers, Some(numbers));
    Report {
        title: t(),
        question: t(),
        findings: vec![t(), t()],
        headline: vec![Headline { name: t(), value: f64::NAN, note: t(), ..Headline::default() }],
        baselines: Some(Baselines { metric: t(), others: vec![(t(), 1.0)], network: 0.5, higher_is_better: true }),
        series: Some(SeriesOverview {
            history: series_chart(text, numbers),
            caption: t(),
            held_out: vec![series_chart(text, numbers)],
            errors: HorizonChart { metric: t(), curves: vec![(t(), numbers.to_vec()), (t(), vec![1.0])] },
            windows: u64::MAX,
        }),
        search: Some(SearchOverview {
            charts: [vec![], vec![t(), t()]]
                .map(|names| SettingChart {
                    setting: t(),
                    score: t(),
                    names,
                    log: true,
                    points: numbers.iter().map(|&v| (v, v)).chain([(1.0, 2.0)]).collect(),
                    best: 1,
                })
                .into(),
            note: t(),
            header: vec![t(), t()],
            rows: vec![vec![t(), t()]],
        }),
        curves: vec![curve(), curve()],
        classification: Some(Classification {
            rows: t(),
            confusion: ConfusionMatrix { classes: vec![t(), t()], counts: vec![vec![3, 1], vec![0, 2]] },
        }),
        regressions: vec![
            Regression { rows: t(), target: t(), actual: vec![1.0, 2.0], predicted: vec![1.5, 1.0] },
            Regression { rows: t(), target: t(), actual: numbers.to_vec(), predicted: numbers.to_vec() },
        ],
        folds: vec![FoldChart { metric: t(), scores: numbers.to_vec() }, FoldChart { metric: t(), scores: vec![1.0] }],
        data: Some(DataOverview {
            source: t(),
            parts: vec![(t(), 5)],
            columns: vec![ColumnOverview {
                name: t(),
                kind: t(),
                role: t(),
                missing: 1,
                distinct: 2,
                note: t(),
                histogram: Some(Histogram::of(t(), numbers, 0)),
                top: vec![(t(), 3), (String::new(), 1), ("x".repeat(500), 1)],
            }],
            class_counts: vec![(t(), 3)],
            warnings: vec![t()],
        }),
        images: vec![tile(text, Some("no")), tile(text, None)],
        class_images: vec![ClassImages { class: t(), images: vec![tile("", None).image] }, ClassImages::default()],
        mistakes: vec![Mistake { image: tile("", None).image, truth: t(), predicted: t(), confidence: f64::NAN }],
        convolutions: Some(convolutions(text)),
        network: Some(NetworkOverview {
            name: t(),
            layers: vec![hostile_layer()],
            neurons: Some(neurons()),
            trainable: u64::MAX,
            non_trainable: 1,
        }),
        training: vec![(t(), t())],
        run: RunFacts {
            seed: Some(u64::MAX),
            started: t(),
            seconds: Some(f64::NAN),
            versions: vec![(t(), t())],
            machine: vec![(t(), t())],
            command: t(),
        },
    }
}

#[test]
fn reports_are_well_formed_and_escape_everything() {
    for numbers in [vec![0.5, 0.4], vec![], odd_numbers()] {
        let html = full_report(HOSTILE, &numbers).render();
        let elements = check_markup(html.strip_prefix("<!doctype html>").expect("a doctype"));
        assert!(!elements.iter().any(|e| e == "script"), "hostile text became an element");
        assert!(!html.contains("alert('x')") && html.contains("&lt;script&gt;alert(&#39;x&#39;)"));
        assert!(!html.contains(" onload=\""));
    }
}

#[test]
fn reports_need_nothing_from_elsewhere() {
    let html = full_report("plain", &[0.5, 0.4]).render();
    assert!(html.contains("default-src &#39;none&#39;") || html.contains("default-src 'none'"));
    let without_data: String = html
        .replace("src=\"data:", "href=\"data:")
        .split("data:image/png;base64,")
        .enumerate()
        .map(|(i, part)| if i == 0 { part } else { part.split_once('"').map_or("", |(_, rest)| rest) })
        .collect();
    for address in ["http:", "https:", "url(", "@import", "<script", "//", "src="] {
        assert!(!without_data.contains(address), "{address}");
    }
    for source in html.split("href=\"").skip(1) {
        assert!(source.starts_with('#') || source.starts_with("data:"), "{source:.60}");
    }
}

#[test]
fn every_part_is_told_and_empty_parts_are_left_out() {
    let full = full_report("plain", &[0.5, 0.4]).render();
    let titles = [
        "Against simple rules",
        "The series and its forecasts",
        "Results",
        "Most confident mistakes",
        "What the network sees",
        "Learning curves",
        "Cross-validation",
        "Sample images",
        "Pictures of each class",
        "Data",
        "Network",
        "Training and reproduction",
    ];
    let places: Vec<_> = titles.iter().map(|t| full.find(&format!("<h2>{t}</h2>"))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
    for words in [
        "precision",
        "Most frequent mistakes",
        "mean absolute error",
        "18,446,744,073,709,551,615 windows held out",
        "Filters of plain: 2 of 7, each 1 × 2",
        "18446744073709551615",
        "Run it again",
    ] {
        assert!(full.contains(words), "{words}");
    }
    let empty = Report::default().render();
    check_markup(empty.strip_prefix("<!doctype html>").expect("a doctype"));
    assert!(empty.contains("<h1>Training report</h1>") && !empty.contains("<h2>") && !empty.contains("<nav"));
}

#[test]
fn the_verdict_on_baselines_follows_the_numbers() {
    let told = |network: f64, higher_is_better: bool, others: &[f64]| {
        let others = others.iter().map(|v| ("rule".to_owned(), *v)).collect();
        let baselines = Some(Baselines { metric: "score".into(), higher_is_better, network, others });
        Report { baselines, ..Report::default() }.render()
    };
    assert!(told(0.9, true, &[0.3, 0.5]).contains("0.9 is better than that of the best simple rule, “rule” with 0.5"));
    assert!(told(0.9, false, &[0.3, 0.5]).contains("0.9 is worse than that of the simple rule “rule” with 0.3"));
    assert!(told(0.3, false, &[0.3]).contains("only as good as"));
    assert!(told(f64::NAN, true, &[0.3]).contains("The network has no score"));
    assert!(told(0.9, true, &[f64::NAN]).contains("no simple rule to compare with"));
}
