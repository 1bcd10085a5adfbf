//! `trials.jsonl`: a line per finished trial, written as it is done, read by `--resume`.

use crate::error::{CliError, fail};
use adaline::nn::search::{Finished, Trial};
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

const NAME: &str = "trials.jsonl";

/// The file.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Begins it, or goes on with it; then with the trials that are done.
    pub(super) fn open(out: &Path, plan: &Value, resume: bool) -> Result<(Self, Vec<Finished>), CliError> {
        let path = out.join(NAME);
        let io = |what| move |e| CliError::io(&out.join(NAME), what, e);
        let (mut kept, mut done) = (String::new(), Vec::new());
        if resume && path.exists() {
            let text = fs::read_to_string(&path).map_err(io("cannot read the trials"))?;
            // A line without its end was being written when the process ended.
            kept = text.rfind('\n').map_or_else(String::new, |end| text[..=end].to_owned());
            done = read(&kept, plan).or_else(|what| fail(format!("{}: {what}; leave out --resume to begin anew", path.display())))?;
        }
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(io("cannot open the trials"))?;
        file.set_len(kept.len() as u64).map_err(io("cannot shorten the trials"))?;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).map_err(io("cannot go on with the trials"))?;
        let mut journal = Self { path, file };
        if kept.is_empty() {
            journal.line(&json!({"search": plan}))?;
        }
        Ok((journal, done))
    }

    /// Adds a trial.
    pub(super) fn add(&mut self, done: &Finished) -> Result<(), CliError> {
        let Trial { number, round, epochs, point } = &done.trial;
        // Bits: JSON knows neither NaN nor infinity.
        self.line(&json!({
            "trial": number, "round": round, "epochs": epochs, "settings": point, "score": done.score, "bits": done.score.to_bits(),
            "notes": done.notes,
        }))
    }

    /// All that it was for is done, but it stays: a later search with `--resume` has nothing left to try.
    pub(super) fn finish(&mut self) -> Result<(), CliError> {
        self.file.sync_all().map_err(|e| CliError::io(&self.path, "cannot flush the trials", e))
    }

    fn line(&mut self, value: &Value) -> Result<(), CliError> {
        self.file.write_all(format!("{value}\n").as_bytes()).map_err(|e| CliError::io(&self.path, "cannot write the trials", e))
    }
}

fn read(text: &str, plan: &Value) -> Result<Vec<Finished>, String> {
    let mut lines = text.lines().map(serde_json::from_str::<Value>);
    let Some(Ok(first)) = lines.next() else {
        return if text.is_empty() { Ok(Vec::new()) } else { Err("its first line is no JSON".into()) };
    };
    for (name, now) in plan.as_object().into_iter().flatten() {
        let then = &first["search"][name.as_str()];
        if then != now {
            return Err(format!("it was begun with {name} {then}, which is {now} now"));
        }
    }
    lines.enumerate().map(|(at, line)| line.ok().as_ref().and_then(trial).ok_or_else(|| format!("line {} is damaged", at + 2))).collect()
}

fn trial(line: &Value) -> Option<Finished> {
    let count = |name: &str| line[name].as_u64().map(|n| n as usize);
    let pair = |v: &Value| Some((v[0].as_str()?.to_owned(), v[1].clone()));
    let point = line["settings"].as_array()?.iter().map(pair).collect::<Option<_>>()?;
    let trial = Trial { number: count("trial")?, round: count("round")?, epochs: count("epochs")?, point };
    Some(Finished { trial, score: f64::from_bits(line["bits"].as_u64()?), notes: line["notes"].clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_come_back_and_half_a_line_is_no_trial() {
        let folder = tempfile::tempdir().unwrap();
        let plan = json!({"seed": 1, "space": "x"});
        let done = |number, score| Finished {
            trial: Trial { number, round: 1, epochs: 9, point: vec![("b".into(), json!(0.1)), ("a".into(), json!("sgd"))] },
            score,
            notes: json!({"accuracy": 0.5}),
        };
        let (mut journal, none) = Journal::open(folder.path(), &plan, true).unwrap();
        assert!(none.is_empty());
        journal.add(&done(0, 0.25)).unwrap();
        journal.add(&done(1, f64::NAN)).unwrap();
        journal.file.write_all(b"{\"trial\": 2, \"ro").unwrap();
        let (mut journal, known) = Journal::open(folder.path(), &plan, true).unwrap();
        assert_eq!((known.len(), &known[0]), (2, &done(0, 0.25)));
        assert!(known[1].score.is_nan());
        journal.add(&done(2, 1.0)).unwrap();
        assert_eq!(Journal::open(folder.path(), &plan, true).unwrap().1.len(), 3);

        let text = Journal::open(folder.path(), &json!({"seed": 2, "space": "x"}), true).err().unwrap().to_string();
        assert!(text.contains("it was begun with seed 1, which is 2 now; leave out --resume"), "{text}");
        fs::write(folder.path().join(NAME), "{\"search\": {\"seed\": 1, \"space\": \"x\"}}\n{}\n").unwrap();
        let text = Journal::open(folder.path(), &plan, true).err().unwrap().to_string();
        assert!(text.contains("line 2 is damaged"), "{text}");
        assert!(Journal::open(folder.path(), &plan, false).unwrap().1.is_empty());
    }
}
