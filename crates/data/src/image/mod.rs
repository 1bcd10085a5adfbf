//! Pictures as data: files in folders become rows (height, width, channels) of bytes.

mod decode;
pub(crate) mod error;
pub(crate) mod list;
pub(crate) mod options;
mod parallel;
mod resize;
pub(crate) mod set;

use std::path::Path;

use decode::Pixels;
use parallel::Gate;

use crate::{BadFile, DataError, ImageError, ImageOptions, Tensor};

/// Reads one picture, resized, as bytes of shape (height, width, channels).
///
/// # Errors
/// [`ImageError::BadFiles`] says what is wrong with the file.
pub fn read_image(path: impl AsRef<Path>, options: &ImageOptions) -> Result<Tensor, DataError> {
    let path = path.as_ref();
    one(options, |gate| {
        decode::decode_file(path, &options.limits, gate).map_err(|problem| {
            let files = vec![BadFile { path: path.into(), problem }];
            ImageError::BadFiles { files, count: 1, total: 1 }
        })
    })
}

/// Reads one picture as it is, as bytes of shape (height, width, channels): of the options, `size` and what belongs to it has no say.
///
/// # Errors
/// As [`read_image`].
pub fn read_whole_image(path: impl AsRef<Path>, options: &ImageOptions) -> Result<Tensor, DataError> {
    let path = path.as_ref();
    let gate = Gate::new(options.limits.decode_bytes);
    let picture = decode::decode_file(path, &options.limits, &gate).map_err(|problem| {
        let files = vec![BadFile { path: path.into(), problem }];
        ImageError::BadFiles { files, count: 1, total: 1 }
    })?;
    let options = ImageOptions { size: (picture.height, picture.width), ..options.clone() };
    let mut bytes = vec![0; options.row_len()?];
    resize::resize_into(&picture, &options, &mut bytes);
    Tensor::u8(options.row_shape(), bytes)
}

/// Decodes one picture from the bytes of a file, resized, as bytes of shape (height, width, channels).
///
/// # Errors
/// [`ImageError::BadBytes`] says what is wrong with the bytes.
pub fn decode_image(bytes: &[u8], options: &ImageOptions) -> Result<Tensor, DataError> {
    one(options, |gate| decode::decode(bytes, &options.limits, gate).map_err(|problem| ImageError::BadBytes { problem }))
}

fn one(options: &ImageOptions, decode: impl FnOnce(&Gate) -> Result<Pixels<'_>, ImageError>) -> Result<Tensor, DataError> {
    let row_len = options.row_len()?;
    let gate = Gate::new(options.limits.decode_bytes);
    let picture = decode(&gate)?;
    let mut bytes = vec![0; row_len];
    resize::resize_into(&picture, options, &mut bytes);
    Tensor::u8(options.row_shape(), bytes)
}
