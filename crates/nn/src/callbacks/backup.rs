//! Go on where a training was interrupted.

use super::{Callback, Control, SaveFreq};
use crate::error::{Error, Result};
use crate::model::Logs;
use adaline_formats::{Backup, FormatError};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const CLASS: &str = "BackupAndRestore";
/// The file, and the one before it with `double_checkpoint`.
const LATEST: &str = "latest.backup";
const PREVIOUS: &str = "latest.backup.bkp";
/// With a least pause, so many times what the last backup took must have passed: at most a twentieth of the time goes into backups.
const SHARE: u32 = 20;

/// Keeps the state of a running training in a folder, and takes it up again when `fit` is called anew after an interruption; as Keras'
/// `BackupAndRestore`, but exact.
///
/// A training that was ended at any instant and is begun again by the same program ends with weights, optimizer memory, metrics and
/// history equal to the bit to those of a training that was never interrupted: the backup holds them all, the learning rate, the place
/// within the epoch, and what the other callbacks remember ([`Callback::state`]). (Keras restores the weights and repeats the epoch, in
/// which dropout and order of rows are other ones.) After Ctrl-C ([`crate::Fit::stop_when`]) a backup of that very step is written.
///
/// The file is replaced at once or not at all. A folder serves one training at a time. Data, batch size, network, loss and optimizer must
/// be the same ones; more `epochs` may be asked for. The learning rate is that of the backup.
#[derive(Clone, Debug)]
pub struct BackupAndRestore {
    folder: PathBuf,
    save_freq: SaveFreq,
    double_checkpoint: bool,
    delete_checkpoint: bool,
    pause: Option<Duration>,
    /// When the last one was written, or training began, and how long that took.
    last: Option<(Instant, Duration)>,
    since: usize,
    due: bool,
    resumed: Option<(usize, usize)>,
}

impl BackupAndRestore {
    /// Keeps the state in this folder, after every epoch.
    pub fn new(backup_dir: impl Into<PathBuf>) -> Self {
        Self {
            folder: backup_dir.into(),
            save_freq: SaveFreq::Epoch,
            double_checkpoint: false,
            delete_checkpoint: true,
            pause: None,
            last: None,
            since: 0,
            due: false,
            resumed: None,
        }
    }
    /// When to write: after every epoch, or after so many steps (epoch).
    pub fn save_freq(mut self, freq: SaveFreq) -> Self {
        self.save_freq = freq;
        self
    }
    /// Whether to keep the backup before the last one, too, and to take it when the last one cannot be read (false).
    pub fn double_checkpoint(mut self, yes: bool) -> Self {
        self.double_checkpoint = yes;
        self
    }
    /// Whether to delete the backup when training has come to its end (true). Only its own files are deleted, and the folder when it is
    /// empty then.
    pub fn delete_checkpoint(mut self, yes: bool) -> Self {
        self.delete_checkpoint = yes;
        self
    }
    /// Least time between two backups, for trainings of any size: what falls due earlier is left out, and twenty times what the last one
    /// took must have passed, too (none: each is written). It makes no difference to what a training that is taken up ends with.
    pub fn pause(mut self, least: Duration) -> Self {
        self.pause = Some(least);
        self
    }
    /// The epoch and the steps of it that were done already when the last `fit` took up a backup; none when there was no backup.
    pub fn resumed(&self) -> Option<(usize, usize)> {
        self.resumed
    }

    pub(crate) fn fail(message: String) -> Error {
        Error::Callback { callback: CLASS, message }
    }
    /// What an earlier training left, and what there is to tell about it.
    pub(crate) fn load(&mut self) -> Result<(Option<Backup>, Option<String>)> {
        (self.since, self.due, self.resumed) = (0, false, None);
        self.last = Some((Instant::now(), Duration::ZERO));
        if self.folder.as_os_str().is_empty() {
            return Err(Error::option("backup_dir", "empty", "the path of a folder"));
        }
        if self.save_freq == SaveFreq::Steps(0) {
            return Err(Error::option("save_freq", 0, "at least 1 step"));
        }
        let error = match read(&self.folder.join(LATEST)) {
            Ok(None) => None,
            Ok(latest) => return Ok((latest, None)),
            Err(e) if self.double_checkpoint => Some(e),
            Err(e) => return Err(e.into()),
        };
        // Without the last one, too: the process may have ended while it was written.
        let previous = if self.double_checkpoint { read(&self.folder.join(PREVIOUS))? } else { None };
        match (error, previous) {
            (Some(e), None) => Err(e.into()),
            (None, found) => Ok((found, None)),
            (Some(e), found) => Ok((found, Some(format!("{CLASS}: {e}. The backup before it is taken.")))),
        }
    }
    pub(crate) fn set_resumed(&mut self, epoch: usize, step: usize) {
        self.resumed = Some((epoch, step));
    }
    /// Whether a backup is to be written now; asked once all callbacks have been told.
    pub(crate) fn take_due(&mut self) -> bool {
        std::mem::take(&mut self.due) && self.pause.is_none_or(|_| self.rested())
    }
    fn rested(&self) -> bool {
        let least = self.pause.unwrap_or_default();
        self.last.is_none_or(|(at, took)| at.elapsed() >= least.max(took * SHARE))
    }
    /// Whether what was left out since the last backup is worth one now that training ends and the backup stays.
    pub(crate) fn due_at_end(&self) -> bool {
        !self.delete_checkpoint && self.pause.is_some() && self.rested()
    }
    pub(crate) fn write(&mut self, backup: &Backup) -> Result<()> {
        fs::create_dir_all(&self.folder).map_err(|e| {
            Self::fail(format!("cannot create the folder {}: {e}; choose one that you may write to", self.folder.display()))
        })?;
        let latest = self.folder.join(LATEST);
        if self.double_checkpoint && latest.exists() {
            let previous = self.folder.join(PREVIOUS);
            fs::rename(&latest, &previous).map_err(|e| Self::fail(format!("cannot rename {}: {e}", latest.display())))?;
        }
        self.since = 0;
        let begin = Instant::now();
        backup.write(&latest)?;
        self.last = Some((Instant::now(), begin.elapsed()));
        Ok(())
    }
    /// Training has come to its end, and all callbacks know.
    pub(crate) fn finish(&mut self) -> Result<()> {
        if self.delete_checkpoint { Self::discard(&self.folder) } else { Ok(()) }
    }
    /// Whether a training left its backup, or the beginning of one, in a folder.
    pub fn is_in(folder: &Path) -> bool {
        files(folder).next().is_some()
    }
    /// Deletes the backup of a folder, if there is one, and the folder when it is empty then.
    ///
    /// # Errors
    /// [`Error::Callback`] when the system refuses.
    pub fn discard(folder: &Path) -> Result<()> {
        for path in files(folder) {
            fs::remove_file(&path).map_err(|e| Self::fail(format!("cannot delete {}: {e}; delete it yourself", path.display())))?;
        }
        // Fails when something else lies in it, which is then nobody's business here.
        let _ = fs::remove_dir(folder);
        Ok(())
    }
}

/// The files of backups in a folder, unfinished ones as well.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let unfinished = format!(".{LATEST}.");
    let ours = move |name: &str| name == LATEST || name == PREVIOUS || name.starts_with(&unfinished);
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(move |e| ours(&e.file_name().to_string_lossy())).map(|e| e.path())
}

/// A file that may not be there.
fn read(path: &Path) -> Result<Option<Backup>, FormatError> {
    match Backup::read(path) {
        Err(FormatError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

impl Callback for BackupAndRestore {
    fn on_epoch_end(&mut self, _: usize, _: &mut Logs, _: &mut Control<'_>) -> Result<()> {
        self.due = self.save_freq == SaveFreq::Epoch;
        Ok(())
    }
    fn wants_batches(&self) -> bool {
        self.save_freq != SaveFreq::Epoch
    }
    fn on_train_batch_end(&mut self, _: usize, _: f32, _: &mut Control<'_>) -> Result<()> {
        self.since += 1;
        self.due = matches!(self.save_freq, SaveFreq::Steps(n) if self.since >= n);
        Ok(())
    }
    fn as_backup(&mut self) -> Option<&mut BackupAndRestore> {
        Some(self)
    }
}
