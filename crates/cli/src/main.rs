//! The program `adaline`: from a table to a trained, measured, saved and explained network.

mod args;
mod bench;
mod config;
mod convert;
mod dump;
mod error;
mod evaluate;
mod explain;
mod fit;
mod inspect;
mod maps;
mod measure;
mod network;
mod pictures;
mod plot;
mod predict;
mod problem;
mod saved;
mod search;
mod series;
mod settings;
mod several;
mod source;
mod summary;
mod terminal;
mod text;
mod untrained;
mod watched;

use args::{Cli, Command};
use clap::Parser;
use error::CliError;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

fn main() -> ExitCode {
    let begun = Instant::now();
    let cli = Cli::parse();
    match run(&cli, begun) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::complain(&error);
            ExitCode::from(error.code())
        }
    }
}

fn run(cli: &Cli, begun: Instant) -> Result<(), CliError> {
    match &cli.command {
        Command::Fit(args) => {
            set_threads(args.common.threads);
            fit::run(args, &stop_on_ctrl_c())
        }
        Command::Evaluate(args) => {
            set_threads(args.common.threads);
            evaluate::run(args)
        }
        Command::Predict(args) => {
            set_threads(args.common.threads);
            predict::run(args)
        }
        Command::Forecast(args) => {
            set_threads(args.common.threads);
            series::forecast(args)
        }
        Command::Search(args) => {
            set_threads(args.fit.common.threads);
            search::run(args, &stop_on_ctrl_c())
        }
        Command::Explain(args) => {
            set_threads(args.common.threads);
            explain::run(args)
        }
        Command::Summary(args) => summary::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Convert(args) => convert::run(args),
        Command::Dump(args) => dump::run(args),
        Command::Bench(args) => bench::run(args, begun),
    }
}

fn set_threads(threads: Option<u16>) {
    if let Some(n) = threads {
        adaline::set_threads(usize::from(n));
    }
}

/// The first Ctrl-C asks to stop after the running step, the second one ends the program.
fn stop_on_ctrl_c() -> fit::Stop {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    // Without a handler Ctrl-C still ends the program; nothing is lost but the soft stop.
    let _ = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    stop
}
