//! Figures: a small scene of marks, written as SVG or painted as PNG.
//!
//! Each kind of chart is a plain struct with a `figure()` method. A [`Figure`] names its colours by role
//! ([`Role`]), so the same picture suits light and dark pages: the SVG follows the reader's preference, and PNG
//! takes a [`Theme`].

mod axis;
mod bars;
mod confusion;
mod curves;
mod folds;
mod font;
mod heat;
mod histogram;
mod image;
mod layered;
mod layers;
mod network;
mod points;
mod raster;
mod series;
mod settings;
mod svg;

pub use bars::BarChart;
pub use confusion::ConfusionMatrix;
pub use curves::{Curve, CurveChart};
pub use folds::FoldChart;
pub use histogram::Histogram;
pub use image::{Image, ImageError, ImageGrid, ImageTile};
pub use layers::{LayerBox, LayerDrawing};
pub use network::{DenseLayer, NeuronDrawing, NeuronDrawingError};
pub use points::{PredictionScatter, ResidualPlot};
pub use raster::RasterError;
pub use series::{HorizonChart, SeriesChart, SeriesLine};
pub use settings::SettingChart;
pub(crate) use svg::theme_css;

/// What a colour is for. The concrete colour follows from the [`Theme`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Main text and strong lines.
    Ink,
    /// Axis numbers, captions, secondary lines.
    Muted,
    /// Grid lines and box outlines.
    Grid,
    /// The page under the figure.
    Surface,
    /// A quiet fill a little apart from the page.
    Panel,
    /// Text on a strongly filled mark.
    OnFill,
    /// What is right or positive; also the first data series (blue).
    First,
    /// What is wrong or negative; also the second data series (orange).
    Second,
    /// The third data series (green).
    Third,
}

/// Colours for a light or a dark page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Dark ink on white.
    #[default]
    Light,
    /// Light ink on near-black.
    Dark,
}

impl Role {
    const ALL: [Self; 9] =
        [Self::Ink, Self::Muted, Self::Grid, Self::Surface, Self::Panel, Self::OnFill, Self::First, Self::Second, Self::Third];

    /// Red, green, blue.
    fn rgb(self, theme: Theme) -> [u8; 3] {
        match (theme, self) {
            (Theme::Light, Self::Ink) => [0x1c, 0x1f, 0x24],
            (Theme::Light, Self::Muted) => [0x5d, 0x65, 0x70],
            (Theme::Light, Self::Grid) => [0xdf, 0xe2, 0xe7],
            (Theme::Light, Self::Panel) => [0xf5, 0xf6, 0xf8],
            (_, Self::OnFill) | (Theme::Light, Self::Surface) => [0xff, 0xff, 0xff],
            (Theme::Light, Self::First) => [0x2b, 0x66, 0xc4],
            (Theme::Light, Self::Second) => [0xcf, 0x5c, 0x13],
            (Theme::Light, Self::Third) => [0x2c, 0x8a, 0x57],
            (Theme::Dark, Self::Ink) => [0xe8, 0xea, 0xed],
            (Theme::Dark, Self::Muted) => [0xa2, 0xab, 0xb7],
            (Theme::Dark, Self::Grid) => [0x34, 0x3a, 0x43],
            (Theme::Dark, Self::Surface) => [0x15, 0x18, 0x1d],
            (Theme::Dark, Self::Panel) => [0x1e, 0x22, 0x29],
            (Theme::Dark, Self::First) => [0x5b, 0x92, 0xe6],
            (Theme::Dark, Self::Second) => [0xe0, 0x7f, 0x3d],
            (Theme::Dark, Self::Third) => [0x53, 0xb3, 0x80],
        }
    }

    /// Short name, used in SVG class names.
    fn name(self) -> &'static str {
        match self {
            Self::Ink => "ink",
            Self::Muted => "muted",
            Self::Grid => "grid",
            Self::Surface => "surface",
            Self::Panel => "panel",
            Self::OnFill => "onfill",
            Self::First => "first",
            Self::Second => "second",
            Self::Third => "third",
        }
    }
}

/// A colour role with an opacity from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paint {
    /// What the colour is for.
    pub role: Role,
    /// 1 is opaque.
    pub alpha: f64,
}

impl Paint {
    /// `role` with opacity `alpha`.
    pub fn faded(role: Role, alpha: f64) -> Self {
        Self { role, alpha: if alpha.is_finite() { alpha.clamp(0.0, 1.0) } else { 0.0 } }
    }
}

impl From<Role> for Paint {
    fn from(role: Role) -> Self {
        Self { role, alpha: 1.0 }
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    /// Colour.
    pub paint: Paint,
    /// Width in figure units.
    pub width: f64,
    /// Dashed instead of solid.
    pub dashed: bool,
}

impl Stroke {
    /// A solid line.
    pub fn new(paint: impl Into<Paint>, width: f64) -> Self {
        Self { paint: paint.into(), width, dashed: false }
    }

    /// The same line, dashed.
    pub fn dashed(self) -> Self {
        Self { dashed: true, ..self }
    }
}

/// Where a text sits relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The text begins at the point.
    Start,
    /// The text is centred on the point.
    Middle,
    /// The text ends at the point.
    End,
}

/// One drawn thing. Units are CSS pixels; y grows downwards; `tip` is shown when a reader points at the mark.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A rectangle with corner radius `radius`.
    Rect {
        /// Left, top, width, height.
        at: [f64; 4],
        /// Corner radius.
        radius: f64,
        /// Inside.
        fill: Option<Paint>,
        /// Outline.
        stroke: Option<Stroke>,
        /// Text for a reader who points at it.
        tip: Option<String>,
    },
    /// A line through points.
    Line {
        /// x, y of each point.
        points: Vec<[f64; 2]>,
        /// How it is drawn.
        stroke: Stroke,
        /// Text for a reader who points at it.
        tip: Option<String>,
    },
    /// A disc.
    Circle {
        /// x, y of the middle.
        center: [f64; 2],
        /// Radius.
        radius: f64,
        /// Inside.
        fill: Option<Paint>,
        /// Outline.
        stroke: Option<Stroke>,
        /// Text for a reader who points at it.
        tip: Option<String>,
    },
    /// One line of text; the point is on the base line.
    Text {
        /// x, y of the anchor on the base line.
        at: [f64; 2],
        /// The text, any characters.
        text: String,
        /// Font size in pixels.
        size: f64,
        /// Which part of the text is at the point.
        anchor: Anchor,
        /// Colour.
        paint: Paint,
        /// Strong weight (SVG only; PNG has one weight).
        bold: bool,
        /// Turned a quarter to the left (for y axis titles).
        upright: bool,
    },
    /// A picture, shown with hard pixel edges.
    Picture {
        /// Left, top, width, height.
        at: [f64; 4],
        /// The pixels.
        image: Image,
        /// Text for a reader who points at it.
        tip: Option<String>,
    },
}

/// A picture made of marks, ready to be written as SVG or PNG.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    width: f64,
    height: f64,
    description: String,
    marks: Vec<Mark>,
}

impl Figure {
    /// An empty figure of `width` by `height` pixels; `description` is read out to those who cannot see it.
    pub fn new(width: f64, height: f64, description: impl Into<String>) -> Self {
        let side = |v: f64| if v.is_finite() { v.clamp(1.0, 20_000.0) } else { 1.0 };
        Self { width: side(width), height: side(height), description: description.into(), marks: Vec::new() }
    }

    /// Adds a mark on top of the others.
    pub fn push(&mut self, mark: Mark) {
        self.marks.push(mark);
    }

    /// Width in pixels.
    pub fn width(&self) -> f64 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> f64 {
        self.height
    }

    /// Number of marks.
    pub fn mark_count(&self) -> usize {
        self.marks.len()
    }

    /// The figure as a complete SVG document that follows the reader's light or dark preference.
    pub fn to_svg(&self) -> String {
        svg::document(self)
    }

    /// The figure as an `<svg>` element for a page that carries the colour rules itself.
    pub(crate) fn to_inline_svg(&self) -> String {
        svg::fragment(self)
    }

    /// The figure as a PNG file, `scale` pixels per unit (2 suits most screens and documents).
    pub fn to_png(&self, scale: f64, theme: Theme) -> Result<Vec<u8>, RasterError> {
        raster::png(self, scale, theme)
    }

    // Short hands for the charts.

    fn rect(&mut self, at: [f64; 4], radius: f64, fill: impl Into<Paint>) {
        self.push(Mark::Rect { at, radius, fill: Some(fill.into()), stroke: None, tip: None });
    }

    fn line(&mut self, from: [f64; 2], to: [f64; 2], stroke: Stroke) {
        self.push(Mark::Line { points: vec![from, to], stroke, tip: None });
    }

    fn text(&mut self, at: [f64; 2], text: impl Into<String>, size: f64, anchor: Anchor, role: Role) {
        self.push(Mark::Text { at, text: text.into(), size, anchor, paint: role.into(), bold: false, upright: false });
    }

    fn bold_text(&mut self, at: [f64; 2], text: impl Into<String>, size: f64, anchor: Anchor, role: Role) {
        self.push(Mark::Text { at, text: text.into(), size, anchor, paint: role.into(), bold: true, upright: false });
    }

    /// A figure that says in words why there is nothing to draw.
    fn nothing(width: f64, height: f64, why: &str) -> Self {
        let mut figure = Self::new(width, height, why);
        let (w, h) = (figure.width, figure.height);
        figure.rect([0.5, 0.5, w - 1.0, h - 1.0], 6.0, Role::Panel);
        figure.text([w / 2.0, h / 2.0 + 4.0], why, 13.0, Anchor::Middle, Role::Muted);
        figure
    }
}
