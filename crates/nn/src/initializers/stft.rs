//! Kernels that make a convolution a short-time Fourier transform.

use crate::keras::{ConfigError, check};
use adaline_graph::Shape;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// `STFT`'s arguments. The kernel `(T, 1, F)` holds at time `t` and frequency `f` the wave `cos(-2π t f / (2 (F - 1)))`, or its sine, times
/// the window, divided by the window's norm.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Stft {
    /// Cosines or sines.
    pub side: Side,
    /// The window: `boxcar`, `hann`, `hamming`, `blackman`, `nuttall`, `blackmanharris`, `flattop`, `tukey`, or a value for each time; none for no
    /// window.
    pub window: Option<Window>,
    /// Whether the window ends one step before it would be what it began with.
    pub periodic: bool,
    /// By which norm of the window waves are divided; none for no division.
    pub scaling: Option<Scaling>,
}

/// A window over the times of a kernel.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Window {
    /// `boxcar`, `hann`, `hamming`, `blackman`, `nuttall`, `blackmanharris`, `flattop` or `tukey`.
    Named(String),
    /// A value for each time.
    Values(Vec<f64>),
}

impl From<&str> for Window {
    fn from(name: &str) -> Self {
        Self::Named(name.into())
    }
}

/// Which part of a complex number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The real one: cosines.
    Real,
    /// The imaginary one: sines.
    Imag,
}

/// A norm of a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// Root of the sum of squares.
    Density,
    /// Sum of absolute values.
    Spectrum,
}

impl Default for Stft {
    fn default() -> Self {
        Self { side: Side::Real, window: Some("hann".into()), periodic: false, scaling: Some(Scaling::Density) }
    }
}

/// Windows that are sums of cosines, with their coefficients (those of `scipy.signal.windows`): `Σ (-1)ᵏ aₖ cos(2π k t / n)`.
const WINDOWS: [(&str, &[f64]); 7] = [
    ("boxcar", &[1.0]),
    ("hann", &[0.5, 0.5]),
    ("hamming", &[0.54, 0.46]),
    ("blackman", &[0.42, 0.5, 0.08]),
    ("nuttall", &[0.363_581_9, 0.489_177_5, 0.136_599_5, 0.010_641_1]),
    ("blackmanharris", &[0.35875, 0.48829, 0.14128, 0.01168]),
    ("flattop", &[0.215_578_95, 0.416_631_58, 0.277_263_158, 0.083_578_947, 0.006_947_368]),
];

/// Flat in the middle, with half a period of a cosine at each end.
const TUKEY: &str = "tukey";

impl Stft {
    fn name(&self) -> Option<&str> {
        match &self.window {
            Some(Window::Named(name)) => Some(name),
            Some(Window::Values(_)) | None => None,
        }
    }
    fn coefficients(&self) -> Option<&'static [f64]> {
        let name = self.name()?;
        WINDOWS.iter().find(|w| w.0 == name).map(|w| w.1)
    }
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if let Some(Window::Values(values)) = &self.window {
            let ok = !values.is_empty() && values.iter().all(|v| v.is_finite());
            return check(ok, "STFT", "window", "finite numbers, one for each time", format!("{values:?}"));
        }
        let known: Vec<&str> = WINDOWS.iter().map(|w| w.0).chain([TUKEY]).collect();
        let ok = self.name().is_none_or(|name| known.contains(&name));
        let expected = format!("null, a list of values, or one of {}", known.join(", "));
        check(ok, "STFT", "window", &expected, format!("{:?}", self.name().unwrap_or("")))
    }
    /// Values at `steps` times.
    fn window(&self, steps: usize) -> Result<Vec<f64>, String> {
        if let Some(Window::Values(values)) = &self.window {
            let given = values.len();
            let wrong = || format!("STFT has a window of {given} values, but the kernel has {steps} times: one value each is expected");
            return if given == steps { Ok(values.clone()) } else { Err(wrong()) };
        }
        Ok(self.named(steps))
    }
    fn named(&self, steps: usize) -> Vec<f64> {
        if steps <= 1 {
            return vec![1.0; steps];
        }
        let span = if self.periodic { steps } else { steps - 1 } as f64;
        if self.name() == Some(TUKEY) {
            // As `scipy.signal.windows.tukey` with its default: the ends take half of it together.
            let end = (0.25 * span).floor();
            return (0..steps).map(|t| tukey(t as f64, span, end)).collect();
        }
        let Some(coefficients) = self.coefficients() else { return vec![1.0; steps] };
        let at = |t: usize| {
            let wave = |(k, a): (usize, &f64)| {
                let cosine = a * libm::cos(2.0 * PI * k as f64 * t as f64 / span);
                if k % 2 == 0 { cosine } else { -cosine }
            };
            coefficients.iter().enumerate().map(wave).sum()
        };
        (0..steps).map(at).collect()
    }
    pub(super) fn fill(&self, shape: Shape, out: &mut [f32]) -> Result<(), String> {
        let &[steps, 1, frequencies] = shape.dims() else {
            return Err(format!("STFT needs a kernel (steps, 1, frequencies), got shape {shape}"));
        };
        if frequencies < 2 {
            return Err(format!("STFT needs at least two frequencies, got shape {shape}"));
        }
        let window = self.window(steps)?;
        let norm = match self.scaling.filter(|_| self.window.is_some()) {
            Some(Scaling::Density) => libm::sqrt(window.iter().map(|w| w * w).sum()),
            Some(Scaling::Spectrum) => window.iter().map(|w| w.abs()).sum(),
            None => 1.0,
        };
        let length = 2 * (frequencies - 1);
        for (e, v) in out.iter_mut().enumerate() {
            let (t, f) = (e / frequencies, e % frequencies);
            // Whole turns are taken off before the angle loses digits.
            let angle = -2.0 * PI * ((t * f) % length) as f64 / length as f64;
            let wave = if self.side == Side::Real { libm::cos(angle) } else { libm::sin(angle) };
            *v = (wave * window[t] / norm) as f32;
        }
        Ok(())
    }
}

/// The window at a time: each end has `end + 1` of `span + 1` times.
fn tukey(t: f64, span: f64, end: f64) -> f64 {
    let mirrored = t.min(span - t);
    if mirrored > end { 1.0 } else { 0.5 * (1.0 + libm::cos(PI * (4.0 * mirrored / span - 1.0))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_those_of_scipy() {
        let of = |window: Window, periodic: bool, steps: usize| Stft { window: Some(window), periodic, ..Stft::default() }.window(steps);
        let near = |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        // scipy.signal.windows.tukey(8), and tukey(8, sym=False)
        assert!(near(&of("tukey".into(), false, 8).unwrap(), &[0.0, 0.611_260_5, 1.0, 1.0, 1.0, 1.0, 0.611_260_5, 0.0]));
        assert!(near(&of("tukey".into(), true, 8).unwrap(), &[0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5]));
        assert_eq!(of(Window::Values(vec![1.0, 2.0]), false, 2), Ok(vec![1.0, 2.0]));
        assert!(of(Window::Values(vec![1.0, 2.0]), false, 3).unwrap_err().contains("2 values, but the kernel has 3 times"));
        let error = Stft { window: Some("tuckey".into()), ..Stft::default() }.validate().unwrap_err().to_string();
        assert!(error.contains("flattop, tukey"), "{error}");
    }
}
