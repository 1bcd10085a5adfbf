//! How pictures become arrays.

use serde::{Deserialize, Serialize};

use crate::{DataError, ImageError};

/// The most pixels that a picture is resized to.
const MAX_TARGET: usize = 1 << 26;

/// The channels of a picture, Keras' `color_mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// Red, green, blue. Alpha is dropped, not blended, as in Keras.
    #[default]
    Rgb,
    /// Brightness: 0.299 red + 0.587 green + 0.114 blue, rounded as Pillow does (ITU-R BT.601).
    #[serde(rename = "grayscale")]
    Gray,
    /// Red, green, blue, alpha; alpha is 255 where the file has none.
    Rgba,
}

impl Color {
    /// The size of the last axis.
    pub fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// How the pixels between pixels are computed: the methods of `keras.ops.image.resize`, half-pixel centres, without antialiasing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Between 2 x 2 pixels.
    #[default]
    Bilinear,
    /// Keys' cubic (a = -0.5) over 4 x 4 pixels.
    Bicubic,
    /// Lanczos' window over 6 x 6 pixels.
    Lanczos3,
    /// Lanczos' window over 10 x 10 pixels.
    Lanczos5,
}

/// What happens to a picture whose sides have another ratio than those of the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AspectRatio {
    /// It is stretched.
    #[default]
    Stretch,
    /// The largest window around its middle that has the ratio is cut out: Keras' `crop_to_aspect_ratio`.
    Crop,
    /// Black is added at both sides: Keras' `pad_to_aspect_ratio`.
    Pad,
}

/// What happens to files that cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BadFiles {
    /// An error names them.
    #[default]
    Refuse,
    /// They are left out and listed in [`crate::ImageSet::skipped`].
    Skip,
}

/// What a single file may ask of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageLimits {
    /// The most pixels of a picture. The default is that of Pillow: 89,478,485.
    pub pixels: u64,
    /// The most bytes of a file.
    pub file_bytes: u64,
    /// The most bytes that all pictures being decoded at a time may take together. One that needs more is decoded alone.
    pub decode_bytes: u64,
}

impl Default for ImageLimits {
    fn default() -> Self {
        Self { pixels: 89_478_485, file_bytes: 64 << 20, decode_bytes: 1 << 30 }
    }
}

/// How pictures become arrays. The defaults are those of Keras' `image_dataset_from_directory`.
///
/// ```
/// use adaline_data::{Color, ImageOptions};
///
/// let options = ImageOptions { color: Color::Gray, ..ImageOptions::sized(28, 28) };
/// assert_eq!(options.row_shape(), [28, 28, 1]);
/// assert_eq!(ImageOptions::default().row_shape(), [256, 256, 3]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageOptions {
    /// Height and width after resizing.
    pub size: (usize, usize),
    /// The channels.
    pub color: Color,
    /// How pixels between pixels are computed.
    pub interpolation: Interpolation,
    /// What happens to pictures of another ratio.
    pub aspect_ratio: AspectRatio,
    /// What happens to files that cannot be read.
    pub on_bad: BadFiles,
    /// What a single file may ask of the machine.
    pub limits: ImageLimits,
    /// The most bytes that a decoded set may take in memory; a larger one is decoded anew for each batch. Not stored: it belongs
    /// to the machine.
    #[serde(skip)]
    pub cache_bytes: u64,
    /// Threads that decode; 0 means as many as there are processors. It changes no bit of the result. Not stored.
    #[serde(skip)]
    pub threads: usize,
}

impl Default for ImageOptions {
    fn default() -> Self {
        Self {
            size: (256, 256),
            color: Color::default(),
            interpolation: Interpolation::default(),
            aspect_ratio: AspectRatio::default(),
            on_bad: BadFiles::default(),
            limits: ImageLimits::default(),
            cache_bytes: 2 << 30,
            threads: 0,
        }
    }
}

impl ImageOptions {
    /// The defaults with another size.
    pub fn sized(height: usize, width: usize) -> Self {
        Self { size: (height, width), ..Self::default() }
    }

    /// The shape of one picture: height, width, channels.
    pub fn row_shape(&self) -> [usize; 3] {
        [self.size.0, self.size.1, self.color.channels()]
    }

    /// The number of values of one picture, once the size is known to be sensible.
    pub(super) fn row_len(&self) -> Result<usize, DataError> {
        let (height, width) = self.size;
        let pixels = height.checked_mul(width).filter(|&n| (1..=MAX_TARGET).contains(&n));
        let pixels = pixels.ok_or(ImageError::BadSize { height, width, limit: MAX_TARGET })?;
        Ok(pixels * self.color.channels())
    }

    pub(super) fn thread_count(&self) -> usize {
        if self.threads > 0 { self.threads } else { std::thread::available_parallelism().map_or(1, usize::from) }
    }
}
