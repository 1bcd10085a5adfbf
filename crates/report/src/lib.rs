//! Figures, the HTML report, terminal tables and progress.
//!
//! Everything here takes plain values (texts, numbers, vectors) and gives text or bytes back; it knows nothing of
//! networks or data sets.
//!
//! - [`figure`]: curves, confusion matrix, histograms, scatter plots, drawings of networks, as SVG or PNG.
//! - [`html`]: the report of one training run as a single HTML file.
//! - [`progress`]: the progress bar of `fit`.
//! - [`tables`]: text tables and Keras' model summary.
//!
//! ```
//! use adaline_report::figure::CurveChart;
//! use adaline_report::html::Report;
//!
//! let report = Report {
//!     title: "Iris".into(),
//!     question: "Which species is it?".into(),
//!     curves: vec![CurveChart::new("loss", &[1.1, 0.6, 0.4], Some(&[1.0, 0.7, 0.5]))],
//!     ..Report::default()
//! };
//! assert!(report.render().starts_with("<!doctype html>"));
//! ```

mod escape;
pub mod figure;
pub mod html;
pub mod number;
pub mod progress;
pub mod scores;
pub mod tables;
