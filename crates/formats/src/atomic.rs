//! Files that are either the old ones or the new ones, never something between.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::FormatError;

/// Makes the temporary names of one process differ.
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// Write `bytes` to `path` so that a crash, a full disk or a second writer never leaves half a file.
///
/// The bytes go to a temporary file in the same folder, are flushed to the disk, and take the name `path` in one
/// rename. On any failure the temporary file is removed and whatever was at `path` is untouched. A symbolic link at
/// `path` stays one: the file it points to is replaced. An existing file keeps its permissions.
///
/// ```
/// let path = std::env::temp_dir().join(format!("adaline-{}.csv", std::process::id()));
/// adaline_formats::atomic_write(&path, b"epoch,loss\n0,0.5\n")?;
/// assert_eq!(std::fs::read(&path).unwrap(), b"epoch,loss\n0,0.5\n");
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), adaline_formats::FormatError>(())
/// ```
pub fn atomic_write(path: &Path, bytes: &[u8]) -> Result<(), FormatError> {
    atomic_write_with(path, |file| {
        file.write_all(bytes).map_err(|source| FormatError::Io { action: "write", path: path.to_owned(), source })
    })
}

/// As [`atomic_write`], for content that is produced piece by piece: `fill` writes it to the temporary file, and an
/// error it returns (any type that [`FormatError`] converts into) abandons the write.
pub fn atomic_write_with<E: From<FormatError>>(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>) -> Result<(), E> {
    let target = resolve(path)?;
    let permissions = fs::metadata(&target).ok().map(|m| m.permissions());
    let (guard, file) = TempFile::create(&target)?;
    let io = |action| move |source| FormatError::Io { action, path: path.to_owned(), source };

    let mut writer = BufWriter::new(file);
    fill(&mut writer)?;
    let file = writer.into_inner().map_err(|e| io("write")(e.into_error()))?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions).map_err(io("keep the permissions of"))?;
    }
    file.sync_all().map_err(io("flush to disk"))?;
    drop(file);
    fs::rename(&guard.path, &target).map_err(io("move the finished file to"))?;
    guard.keep();
    sync_folder(folder_of(&target));
    Ok(())
}

/// The file that a rename has to replace: `path` itself, or what the symbolic link at `path` points to.
fn resolve(path: &Path) -> Result<PathBuf, FormatError> {
    let target = match fs::symlink_metadata(path) {
        Ok(meta) if meta.file_type().is_symlink() => fs::canonicalize(path).map_err(|source| FormatError::Io {
            action: "follow the symbolic link",
            path: path.to_owned(),
            source,
        })?,
        _ => path.to_owned(),
    };
    match fs::metadata(&target) {
        Ok(meta) if meta.is_dir() => Err(FormatError::NotARegularFile { path: path.to_owned(), found: "a folder" }),
        Ok(meta) if !meta.is_file() => Err(FormatError::NotARegularFile { path: path.to_owned(), found: "a device, pipe or socket" }),
        _ => Ok(target),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A temporary file that vanishes unless it is kept.
struct TempFile {
    path: PathBuf,
    kept: bool,
}

impl TempFile {
    fn create(target: &Path) -> Result<(Self, File), FormatError> {
        let Some(name) = target.file_name() else {
            return Err(FormatError::NotARegularFile { path: target.to_owned(), found: "a folder" });
        };
        let folder = folder_of(target);
        loop {
            let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
            let mut temporary = OsString::from(".");
            temporary.push(name);
            temporary.push(format!(".{}-{serial}.tmp", std::process::id()));
            let path = folder.join(temporary);
            // `create_new`: never follow or clobber what somebody else put there.
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((Self { path, kept: false }, file)),
                // Left over by a process that was killed and had our id: take the next name.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => {
                    return Err(FormatError::Io { action: "create a temporary file in", path: folder.to_owned(), source });
                }
            }
        }
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing better can be done than to leave it, and the first error is the one to report.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Make the rename itself durable. Some file systems refuse to sync a folder; the data is already safe then, and the
/// new name is in place, so that is no failure of the write.
fn sync_folder(folder: &Path) {
    #[cfg(unix)]
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    #[cfg(not(unix))]
    let _ = folder;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that removes itself.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("adaline-formats-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let mut names: Vec<_> = fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn replaces_a_file_and_leaves_nothing_else() {
        let folder = Folder::new("replace");
        let path = folder.0.join("a.csv");
        atomic_write(&path, b"old").unwrap();
        atomic_write(&path, b"new and longer").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new and longer");
        assert_eq!(folder.names(), ["a.csv"]);
    }

    #[test]
    fn a_failure_midway_keeps_the_old_file_and_removes_the_temporary_one() {
        let folder = Folder::new("midway");
        let path = folder.0.join("a.keras");
        atomic_write(&path, b"old").unwrap();
        let error = atomic_write_with(&path, |file| {
            file.write_all(&vec![0; 100_000]).unwrap();
            Err(FormatError::Io { action: "write", path: path.clone(), source: io::ErrorKind::StorageFull.into() })
        })
        .unwrap_err();
        assert!(error.to_string().contains("free some space"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(folder.names(), ["a.keras"]);
    }

    #[test]
    fn a_panic_midway_removes_the_temporary_file_too() {
        let folder = Folder::new("panic");
        let path = folder.0.join("a.keras");
        let result = std::panic::catch_unwind(|| atomic_write_with::<FormatError>(&path, |_| panic!("on purpose")));
        assert!(result.is_err());
        assert!(folder.names().is_empty());
    }

    #[test]
    fn refuses_a_missing_folder_a_folder_and_a_file_used_as_folder() {
        let folder = Folder::new("refuse");
        let missing = folder.0.join("no/such/a.csv");
        let error = atomic_write(&missing, b"x").unwrap_err().to_string();
        assert!(error.contains("create a temporary file in") && error.contains("no/such"), "{error}");
        let error = atomic_write(&folder.0, b"x").unwrap_err();
        assert!(matches!(error, FormatError::NotARegularFile { .. }), "{error}");
        atomic_write(&folder.0.join("file"), b"x").unwrap();
        let error = atomic_write(&folder.0.join("file/a.csv"), b"x").unwrap_err();
        assert!(matches!(error, FormatError::Io { .. }), "{error}");
        assert_eq!(folder.names(), ["file"]);
    }

    #[cfg(unix)]
    #[test]
    fn never_replaces_a_device() {
        let error = atomic_write(Path::new("/dev/null"), b"x").unwrap_err();
        assert!(error.to_string().contains("device"), "{error}");
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[cfg(unix)]
    #[test]
    fn keeps_links_and_permissions() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = Folder::new("links");
        let real = folder.0.join("real.csv");
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.0.join("link.csv");
        symlink(&real, &link).unwrap();
        atomic_write(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(folder.names(), ["link.csv", "real.csv"]);
    }

    #[test]
    fn many_writers_leave_one_whole_file() {
        let folder = Folder::new("many");
        let path = folder.0.join("a.bin");
        std::thread::scope(|scope| {
            for byte in 0..8u8 {
                let path = &path;
                scope.spawn(move || atomic_write(path, &vec![byte; 50_000]).unwrap());
            }
        });
        let content = fs::read(&path).unwrap();
        assert_eq!(content.len(), 50_000);
        assert!(content.iter().all(|b| *b == content[0]));
        assert_eq!(folder.names(), ["a.bin"]);
    }
}
