//! What can go wrong, and the exit code it means: 2 for misuse, 1 for failure.

use adaline::data::{DataError, SeriesError, TableError};
use std::path::{Path, PathBuf};

/// An error as the person at the terminal sees it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The words of the command line or of a TOML file do not fit together.
    #[error("{0}")]
    Misuse(String),
    /// Something that cannot be done with these files, though the words are right.
    #[error("{0}")]
    Failure(String),
    /// Data that cannot be read or used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A network that cannot be built, trained, saved or loaded.
    #[error(transparent)]
    Network(#[from] adaline::nn::Error),
    /// A file that cannot be written.
    #[error(transparent)]
    Format(#[from] adaline::formats::FormatError),
    /// A file or folder.
    #[error("{}: {what}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
}

impl CliError {
    /// 2 for misuse, 1 for failure.
    pub(crate) fn code(&self) -> u8 {
        match self {
            // Shares and folds are asked for by words.
            Self::Misuse(_) | Self::Data(DataError::Split(_)) => 2,
            Self::Failure(_) | Self::Data(_) | Self::Network(_) | Self::Format(_) | Self::Io { .. } => 1,
        }
    }
    /// A column that was asked for by name and is not there is misuse, and so are sizes of windows and parts that a series has not; what a model
    /// needs and a file lacks is not.
    pub(crate) fn asked(self) -> Self {
        match self {
            Self::Data(DataError::Table(e @ TableError::UnknownColumn { .. })) => Self::Misuse(e.to_string()),
            Self::Data(DataError::Series(
                e @ (SeriesError::SameColumn { .. }
                | SeriesError::NoSteps { .. }
                | SeriesError::TooShort { .. }
                | SeriesError::NoSplit { .. }),
            )) => Self::Misuse(e.to_string()),
            other => other,
        }
    }
    /// A file error.
    pub(crate) fn io(path: &Path, what: &'static str, source: std::io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), what, source }
    }
}

/// A misuse with a text.
pub(crate) fn misuse<T>(text: impl Into<String>) -> Result<T, CliError> {
    Err(CliError::Misuse(text.into()))
}

/// A failure with a text.
pub(crate) fn fail<T>(text: impl Into<String>) -> Result<T, CliError> {
    Err(CliError::Failure(text.into()))
}
