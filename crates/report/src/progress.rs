//! The progress of training, one bar or line per epoch, as Keras shows it.
//!
//! ```text
//! Epoch 3/10
//! 235/235 ━━━━━━━━━━━━━━━━━━━━ 1s 3ms/step - accuracy: 0.9123 - loss: 0.3012 - val_accuracy: 0.9300
//! ```

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Least time between two redraws of the bar.
const INTERVAL: Duration = Duration::from_millis(100);
/// Characters of the bar.
const BAR_WIDTH: usize = 20;
/// How the values of an epoch are meant, as in Keras.
const MEANING: &str = "(values of training are means over the epoch, while the weights change; those of val_ are of its end)";

/// How much is shown: Keras' `verbose` 0, 1 and 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProgressKind {
    /// Nothing (`verbose=0`).
    Silent,
    /// A bar per epoch, redrawn in place on a terminal (`verbose=1`).
    #[default]
    Bar,
    /// One line at the end of each epoch (`verbose=2`).
    Line,
}

impl ProgressKind {
    /// The kind that Keras' number means: 0 is silent, 1 a bar, anything above a line per epoch.
    pub fn from_verbose(verbose: u8) -> Self {
        match verbose {
            0 => Self::Silent,
            1 => Self::Bar,
            _ => Self::Line,
        }
    }
}

/// Shows the progress of `fit` and `evaluate`.
///
/// The values handed to [`Progress::step`] are shown as they are, so they should be the running means of the epoch.
/// Output that cannot be written (a closed pipe) is dropped: training matters more than its bar.
///
/// ```
/// use adaline_report::progress::{Progress, ProgressKind};
/// let mut progress = Progress::new(ProgressKind::Bar, 2, Vec::new());
/// for epoch in 0..2 {
///     progress.epoch_begin(epoch, 10);
///     for step in 1..=10 {
///         progress.step(step, &[("loss", 0.5)]);
///     }
///     progress.epoch_end(&[("loss", 0.5), ("val_loss", 0.6)]);
/// }
/// let text = String::from_utf8(progress.into_inner())?;
/// assert!(text.starts_with("Epoch 1/2\n10/10 ━━━━━━━━━━━━━━━━━━━━ "));
/// assert!(text.ends_with(" - loss: 0.5000 - val_loss: 0.6000\n"));
/// # Ok::<(), std::string::FromUtf8Error>(())
/// ```
#[derive(Debug)]
pub struct Progress<W> {
    kind: ProgressKind,
    total_epochs: usize,
    out: W,
    interactive: bool,
    colour: bool,
    steps: Option<usize>,
    done: usize,
    begun: Instant,
    first_step: Option<Instant>,
    drawn: Option<Instant>,
    line: String,
    /// Whether it was said how values of training and of validation are meant.
    explained: bool,
}

impl Progress<io::Stdout> {
    /// Progress on standard output: redrawn in place where that is a terminal, coloured unless `NO_COLOR` is set.
    pub fn stdout(kind: ProgressKind, total_epochs: usize) -> Self {
        let terminal = io::stdout().is_terminal();
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Self::new(kind, total_epochs, io::stdout()).interactive(terminal).coloured(colour)
    }
}

impl<W: Write> Progress<W> {
    /// Progress of `total_epochs` epochs, written to `out` as plain lines. For a terminal see [`Self::interactive`] and
    /// [`Progress::stdout`].
    pub fn new(kind: ProgressKind, total_epochs: usize, out: W) -> Self {
        Self {
            kind,
            total_epochs,
            out,
            interactive: false,
            colour: false,
            steps: None,
            done: 0,
            begun: Instant::now(),
            first_step: None,
            drawn: None,
            line: String::new(),
            explained: false,
        }
    }

    /// Whether the bar is redrawn in place while an epoch runs; only for terminals.
    pub fn interactive(mut self, yes: bool) -> Self {
        self.interactive = yes;
        self
    }

    /// Whether the bar is coloured with terminal codes.
    pub fn coloured(mut self, yes: bool) -> Self {
        self.colour = yes;
        self
    }

    /// Begins epoch `epoch`, counted from 0, of `steps` steps (`None` or 0 where nobody knows).
    ///
    /// As in Keras, the heading `Epoch 1/10` is left out where there is only one.
    pub fn epoch_begin(&mut self, epoch: usize, steps: impl Into<Option<usize>>) {
        self.epoch_begin_at(epoch, steps.into(), Instant::now());
    }

    /// `done` steps of this epoch are over. Cheap: away from a redraw it reads the clock, where there is no terminal not
    /// even that.
    #[inline]
    pub fn step(&mut self, done: usize, values: &[(&str, f64)]) {
        self.done = done;
        if self.kind == ProgressKind::Bar && (self.interactive || done == 1) {
            self.step_at(done, values, Instant::now());
        }
    }

    /// The epoch is over; `values` also has those of the validation. Where both are shown for the first time, a line says how they are meant.
    pub fn epoch_end(&mut self, values: &[(&str, f64)]) {
        self.epoch_end_at(values, Instant::now());
        let validates = |name: &str| name.strip_prefix("val_").is_some_and(|name| values.iter().any(|v| v.0 == name));
        if !self.explained && values.iter().any(|v| validates(v.0)) {
            self.explained = true;
            self.message(MEANING);
        }
    }

    /// Something worth telling, on a line of its own: below the bar where an epoch runs.
    pub fn message(&mut self, text: &str) {
        if self.kind == ProgressKind::Silent {
            return;
        }
        self.line.clear();
        if self.drawn.take().is_some() {
            self.line.push('\n');
        }
        let _ = writeln!(self.line, "{text}");
        self.write_out();
    }

    /// Gives the writer back.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn epoch_begin_at(&mut self, epoch: usize, steps: Option<usize>, now: Instant) {
        self.steps = steps.filter(|s| *s > 0);
        self.done = 0;
        self.begun = now;
        self.first_step = None;
        self.drawn = None;
        if self.kind != ProgressKind::Silent && self.total_epochs > 1 {
            self.line.clear();
            let _ = writeln!(self.line, "Epoch {}/{}", epoch + 1, self.total_epochs);
            self.write_out();
        }
    }

    fn step_at(&mut self, done: usize, values: &[(&str, f64)], now: Instant) {
        if done == 1 && self.first_step.is_none() {
            self.first_step = Some(now);
        }
        if !self.interactive || self.drawn.is_some_and(|last| now.duration_since(last) < INTERVAL) {
            return;
        }
        self.drawn = Some(now);
        self.line.clear();
        // Without line wrap a bar wider than the window is cut at its edge instead of filling line after line.
        self.line.push_str("\r\x1b[?7l");
        self.push_bar(done);
        let per_step = self.per_step(done, now);
        match self.steps {
            Some(steps) => self.push_time(&remaining(per_step * steps.saturating_sub(done) as f64)),
            None => self.push_time(&elapsed(now.duration_since(self.begun))),
        }
        push_per_step(&mut self.line, per_step);
        push_values(&mut self.line, values);
        self.line.push_str("\x1b[K\x1b[?7h");
        self.write_out();
    }

    fn epoch_end_at(&mut self, values: &[(&str, f64)], now: Instant) {
        if self.kind == ProgressKind::Silent {
            return;
        }
        let done = self.steps.unwrap_or(self.done);
        let per_step = self.per_step(done, now);
        let time = elapsed(now.duration_since(self.begun));
        self.steps = Some(done);
        self.line.clear();
        if self.kind == ProgressKind::Bar {
            if self.interactive {
                self.line.push('\r');
            }
            self.push_bar(done);
            self.push_time(&time);
        } else {
            let _ = write!(self.line, "{done}/{done} - {time} -");
        }
        push_per_step(&mut self.line, per_step);
        push_values(&mut self.line, values);
        if self.interactive && self.kind == ProgressKind::Bar {
            self.line.push_str("\x1b[K");
        }
        self.drawn = None;
        self.line.push('\n');
        self.write_out();
    }

    /// Seconds per step; the first step, which also warms up, is left out where there are more.
    fn per_step(&self, done: usize, now: Instant) -> f64 {
        match (done, self.first_step) {
            (0, _) => 0.0,
            (1, _) | (_, None) => now.duration_since(self.begun).as_secs_f64() / done as f64,
            (_, Some(first)) => now.duration_since(first).as_secs_f64() / (done - 1) as f64,
        }
    }

    /// `  7/235 ━━━━━━━━━━━━━━━━━━━━`; without colours the part still to do is drawn thin.
    fn push_bar(&mut self, done: usize) {
        let (bold, green, grey, plain) = if self.colour { ("\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m") } else { ("", "", "", "") };
        let line = &mut self.line;
        let Some(steps) = self.steps else {
            let _ = write!(line, "{bold}{done:>7}/Unknown{plain}");
            return;
        };
        let digits = steps.to_string().len();
        let full = (BAR_WIDTH as f64 * (done.min(steps) as f64 / steps.max(1) as f64)) as usize;
        let rest = if self.colour { '━' } else { '─' };
        let _ = write!(line, "{bold}{done:>digits$}/{steps}{plain} {green}");
        line.extend(std::iter::repeat_n('━', full));
        let _ = write!(line, "{plain}{grey}");
        line.extend(std::iter::repeat_n(rest, BAR_WIDTH - full));
        line.push_str(plain);
    }

    fn push_time(&mut self, time: &str) {
        let (bold, plain) = if self.colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        let _ = write!(self.line, " {bold}{time}{plain}");
    }

    fn write_out(&mut self) {
        let _ = self.out.write_all(self.line.as_bytes());
        let _ = self.out.flush();
    }
}

/// Whole seconds.
fn elapsed(time: Duration) -> String {
    format!("{:.0}s", time.as_secs_f64())
}

/// The time to go: `42s`, `3:05`, `1:02:03`.
fn remaining(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "0s".into();
    }
    let whole = seconds as u64;
    if seconds > 3600.0 {
        format!("{}:{:02}:{:02}", whole / 3600, whole % 3600 / 60, whole % 60)
    } else if seconds > 60.0 {
        format!("{}:{:02}", whole / 60, whole % 60)
    } else {
        format!("{whole}s")
    }
}

/// ` 3ms/step`.
fn push_per_step(line: &mut String, seconds: f64) {
    let _ = if seconds >= 1.0 || seconds == 0.0 {
        write!(line, " {seconds:.0}s/step")
    } else if seconds >= 1e-3 {
        write!(line, " {:.0}ms/step", seconds * 1e3)
    } else {
        write!(line, " {:.0}us/step", seconds * 1e6)
    };
}

fn push_values(line: &mut String, values: &[(&str, f64)]) {
    for (name, value) in values {
        let _ = write!(line, " - {name}: ");
        push_value(line, *value);
    }
}

/// Four decimals, or scientific as Python writes it where the size is at most 0.001.
fn push_value(line: &mut String, value: f64) {
    if value.is_nan() {
        line.push_str("nan");
    } else if value.is_infinite() {
        line.push_str(if value > 0.0 { "inf" } else { "-inf" });
    } else if value.abs() > 1e-3 {
        let _ = write!(line, "{value:.4}");
    } else {
        let text = format!("{value:.4e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |d| ('-', d));
        let _ = write!(line, "{mantissa}e{sign}{digits:0>2}");
    }
}

/// A metric's value as Keras prints it: `0.9123`, `1.2000e-04`, `nan`.
pub fn keras_value(value: f64) -> String {
    let mut out = String::new();
    push_value(&mut out, value);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// One epoch (the third of ten) of 235 steps of 3 ms each after a first one of 50 ms.
    fn run(kind: ProgressKind, interactive: bool, colour: bool) -> String {
        let mut p = Progress::new(kind, 10, Vec::new()).interactive(interactive).coloured(colour);
        let t = Instant::now();
        p.epoch_begin_at(2, Some(235), t);
        for i in 1..=235 {
            p.done = i;
            if kind == ProgressKind::Bar {
                p.step_at(i, &[("accuracy", 0.5), ("loss", 1.0 / i as f64)], t + ms(47 + 3 * i as u64));
            }
        }
        p.epoch_end_at(&[("accuracy", 0.91234), ("loss", 0.30119), ("val_loss", 0.0005)], t + ms(755));
        String::from_utf8(p.into_inner()).unwrap()
    }

    #[test]
    fn silent_writes_nothing() {
        assert_eq!(run(ProgressKind::Silent, true, true), "");
    }

    #[test]
    fn piped_bars_are_one_line_per_epoch() {
        assert_eq!(
            run(ProgressKind::Bar, false, false),
            "Epoch 3/10\n235/235 ━━━━━━━━━━━━━━━━━━━━ 1s 3ms/step - accuracy: 0.9123 - loss: 0.3012 - val_loss: 5.0000e-04\n"
        );
    }

    #[test]
    fn verbose_two_is_a_line_without_bar() {
        assert_eq!(
            run(ProgressKind::Line, true, true),
            "Epoch 3/10\n235/235 - 1s - 3ms/step - accuracy: 0.9123 - loss: 0.3012 - val_loss: 5.0000e-04\n"
        );
    }

    #[test]
    fn terminals_redraw_in_place_ten_times_a_second() {
        let text = run(ProgressKind::Bar, true, false);
        let frames: Vec<&str> = text.split('\r').collect();
        // 705 ms of steps after the first: the first frame, six or seven more, and the last line.
        assert_eq!(frames.len(), 1 + 7 + 1, "{text:?}");
        assert_eq!(frames[0], "Epoch 3/10\n");
        assert_eq!(frames[1], "\x1b[?7l  1/235 ──────────────────── 11s 50ms/step - accuracy: 0.5000 - loss: 1.0000\x1b[K\x1b[?7h");
        assert_eq!(frames[4], "\x1b[?7l103/235 ━━━━━━━━──────────── 0s 3ms/step - accuracy: 0.5000 - loss: 0.0097\x1b[K\x1b[?7h");
        assert!(frames[8].starts_with("235/235 ━━━━━━━━━━━━━━━━━━━━ 1s") && frames[8].ends_with("\x1b[K\n"));
    }

    #[test]
    fn colours_are_keras_colours() {
        let text = run(ProgressKind::Bar, true, true);
        let bar = "━".repeat(20);
        let end = format!("\r\x1b[1m235/235\x1b[0m \x1b[32m{bar}\x1b[0m\x1b[37m\x1b[0m \x1b[1m1s\x1b[0m 3ms/step - acc");
        assert!(text.contains(&end), "{text:?}");
    }

    #[test]
    fn unknown_steps_are_counted() {
        let mut p = Progress::new(ProgressKind::Bar, 1, Vec::new()).interactive(true);
        let t = Instant::now();
        p.epoch_begin_at(0, None, t);
        p.done = 1;
        p.step_at(1, &[], t + ms(2));
        p.done = 8;
        p.epoch_end_at(&[("loss", f64::NAN)], t + ms(16));
        let text = String::from_utf8(p.into_inner()).unwrap();
        assert_eq!(text, "\r\x1b[?7l      1/Unknown 0s 2ms/step\x1b[K\x1b[?7h\r8/8 ━━━━━━━━━━━━━━━━━━━━ 0s 2ms/step - loss: nan\x1b[K\n");
    }

    #[test]
    fn an_epoch_without_steps_ends_quietly() {
        let mut p = Progress::new(ProgressKind::Line, 1, Vec::new());
        p.epoch_begin(0, 0);
        p.epoch_end(&[]);
        assert_eq!(String::from_utf8(p.into_inner()).unwrap(), "0/0 - 0s - 0s/step\n");
    }

    #[test]
    fn how_values_are_meant_is_said_once() {
        let mut p = Progress::new(ProgressKind::Line, 1, Vec::new());
        p.epoch_begin(0, 0);
        p.epoch_end(&[("loss", 1.0)]);
        p.epoch_end(&[("loss", 1.0), ("val_loss", 2.0)]);
        p.epoch_end(&[("loss", 1.0), ("val_loss", 2.0)]);
        let text = String::from_utf8(p.into_inner()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[1].ends_with(" - loss: 1.0000 - val_loss: 2.0000"), "{text}");
        assert_eq!(lines[2], "(values of training are means over the epoch, while the weights change; those of val_ are of its end)");
    }

    #[test]
    fn messages_stand_below_a_bar_that_is_drawn() {
        let mut p = Progress::new(ProgressKind::Bar, 1, Vec::new()).interactive(true);
        let t = Instant::now();
        p.message("first");
        p.epoch_begin_at(0, Some(2), t);
        p.step_at(1, &[], t + ms(2));
        p.message("second");
        p.epoch_end_at(&[], t + ms(16));
        p.message("third");
        let text = String::from_utf8(p.into_inner()).unwrap();
        let (first, rest) = text.split_once('\r').unwrap();
        assert_eq!(first, "first\n");
        assert!(rest.contains("\x1b[?7h\nsecond\n\r") && rest.ends_with("\x1b[K\nthird\n"), "{rest:?}");
        let mut silent = Progress::new(ProgressKind::Silent, 1, Vec::new());
        silent.message("nothing");
        assert!(silent.into_inner().is_empty());
    }

    #[test]
    fn values_read_as_in_keras() {
        let cases = [
            (0.912_345, "0.9123"),
            (12.0, "12.0000"),
            (-0.5, "-0.5000"),
            (0.001, "1.0000e-03"),
            (0.001_01, "0.0010"),
            (0.0, "0.0000e+00"),
            (1.234_56e-12, "1.2346e-12"),
            (3e-101, "3.0000e-101"),
            (-5e-4, "-5.0000e-04"),
            (f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(keras_value(value), expected);
        }
    }

    #[test]
    fn times_read_as_in_keras() {
        assert_eq!(remaining(42.9), "42s");
        assert_eq!(remaining(185.0), "3:05");
        assert_eq!(remaining(3723.0), "1:02:03");
        let cases = [(0.0, " 0s/step"), (2.4, " 2s/step"), (0.003, " 3ms/step"), (0.000_539, " 539us/step")];
        for (seconds, expected) in cases {
            let mut line = String::new();
            push_per_step(&mut line, seconds);
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn a_closed_pipe_does_not_stop_training() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let mut p = Progress::new(ProgressKind::Bar, 2, Closed);
        p.epoch_begin(0, 3);
        p.step(3, &[]);
        p.epoch_end(&[]);
    }
}
