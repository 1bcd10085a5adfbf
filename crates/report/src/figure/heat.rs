//! Pictures of numbers: weights and answers in colours that tell signs apart, and heat over a picture.

use super::{Image, ImageError};

/// Red, green, blue at 0, at half and at the whole of the largest size, for positive and for negative numbers.
const POSITIVE: [[f64; 3]; 3] = [[255.0, 255.0, 255.0], [98.0, 148.0, 222.0], [16.0, 46.0, 104.0]];
const NEGATIVE: [[f64; 3]; 3] = [[255.0, 255.0, 255.0], [236.0, 146.0, 84.0], [116.0, 44.0, 4.0]];
/// From where heat begins to where it is greatest.
const HEAT: [[f64; 3]; 3] = [[255.0, 214.0, 74.0], [244.0, 128.0, 30.0], [196.0, 12.0, 30.0]];
/// How much of a picture's own colour the greatest heat hides.
const HIDDEN: f64 = 0.8;

/// A colour between the three.
fn between(stops: [[f64; 3]; 3], at: f64) -> [f64; 3] {
    let (low, high, part) = if at < 0.5 { (stops[0], stops[1], at * 2.0) } else { (stops[1], stops[2], at * 2.0 - 1.0) };
    std::array::from_fn(|i| low[i] + (high[i] - low[i]) * part)
}

/// A number as a share of the largest size, from -1 to 1; what is not finite is 0.
fn share(value: f64, limit: f64) -> f64 {
    if value.is_finite() && limit.is_finite() && limit > 0.0 { (value / limit).clamp(-1.0, 1.0) } else { 0.0 }
}

impl Image {
    /// Numbers of either sign, shape (H, W), as colours: 0 is white, `limit` the darkest blue, `-limit` the darkest orange. With one limit
    /// for several pictures they can be compared.
    ///
    /// # Errors
    /// As [`Image::new`].
    pub fn signed(height: usize, width: usize, values: &[f64], limit: f64) -> Result<Self, ImageError> {
        let colour = |v: &f64| {
            let v = share(*v, limit);
            between(if v < 0.0 { NEGATIVE } else { POSITIVE }, v.abs()).map(|c| c.round() as u8)
        };
        // One number for each pixel, also where the length is wrong, so that the error speaks of those that were given.
        match Self::new(height, width, 3, values.iter().flat_map(colour).collect()) {
            Err(ImageError::Length { expected, got, .. }) => {
                Err(ImageError::Length { height, width, channels: 1, expected: expected / 3, got: got / 3 })
            }
            other => other,
        }
    }

    /// Numbers of either sign for red, green and blue, shape (H, W, 3): 0 is grey, `limit` the full colour, `-limit` none of it.
    ///
    /// # Errors
    /// As [`Image::new`].
    pub fn signed_colours(height: usize, width: usize, values: &[f64], limit: f64) -> Result<Self, ImageError> {
        Self::new(height, width, 3, values.iter().map(|&v| (127.5 + 127.5 * share(v, limit)).round() as u8).collect())
    }

    /// The picture in grey under heat of shape `[rows, columns]`, which is stretched to it: from nothing where the heat is 0 or less over
    /// yellow to red where it is greatest. The picture itself where the shape does not fit or nothing is above 0.
    #[must_use]
    pub fn heated(&self, heat: &[f64], [rows, columns]: [usize; 2]) -> Self {
        let most = heat.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
        let fits = rows.checked_mul(columns) == Some(heat.len()) && rows > 0 && columns > 0;
        let shares: Vec<f64> = heat.iter().map(|&v| share(v, most).max(0.0)).collect();
        let pixel = |(at, [r, g, b]): (usize, [u8; 3])| {
            let grey = 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b);
            let at = [at / self.width(), at % self.width()];
            let heat = if fits { stretched(&shares, [rows, columns], at, [self.height(), self.width()]) } else { 0.0 };
            let hidden = HIDDEN * heat;
            between(HEAT, heat).map(|c| (grey + (c - grey) * hidden).round() as u8)
        };
        let pixels = self.rgb_pixels().enumerate().flat_map(pixel).collect();
        // As many pixels as before.
        Self::new(self.height(), self.width(), 3, pixels).unwrap_or_else(|_| self.clone())
    }
}

/// The value of a small map at a pixel of the picture that it is stretched to: between the middles of its four nearest cells.
fn stretched(values: &[f64], from: [usize; 2], at: [usize; 2], to: [usize; 2]) -> f64 {
    let place = |axis: usize| {
        let last = (from[axis] - 1) as f64;
        let x = ((at[axis] as f64 + 0.5) * from[axis] as f64 / to[axis] as f64 - 0.5).clamp(0.0, last);
        (x.floor() as usize, (x.floor() as usize + 1).min(from[axis] - 1), x.fract())
    };
    let ((top, bottom, down), (left, right, across)) = (place(0), place(1));
    let cell = |row: usize, column: usize| values[row * from[1] + column];
    let along = |row: usize| cell(row, left) + (cell(row, right) - cell(row, left)) * across;
    along(top) + (along(bottom) - along(top)) * down
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(image: &Image) -> Vec<[u8; 3]> {
        image.rgb_pixels().collect()
    }

    #[test]
    fn signs_have_their_colours() {
        let image = Image::signed(1, 5, &[0.0, 2.0, -2.0, f64::NAN, 9.0], 2.0).unwrap();
        let p = pixels(&image);
        assert_eq!((p[0], p[3], p[1]), ([255; 3], [255; 3], p[4]));
        assert!(p[1][2] > p[1][0] && p[2][0] > p[2][2], "{p:?}");
        assert_eq!(pixels(&Image::signed(1, 1, &[1.0], 0.0).unwrap()), [[255; 3]]);
        assert_eq!(
            Image::signed(2, 2, &[0.0; 3], 1.0).unwrap_err(),
            ImageError::Length { height: 2, width: 2, channels: 1, expected: 4, got: 3 }
        );
        let rgb = Image::signed_colours(1, 1, &[1.0, 0.0, -1.0], 1.0).unwrap();
        assert_eq!(pixels(&rgb), [[255, 128, 0]]);
    }

    #[test]
    fn heat_lies_over_the_picture_where_it_is() {
        let picture = Image::new(4, 4, 1, vec![100; 16]).unwrap();
        let hot = picture.heated(&[0.0, 0.0, 0.0, 3.0], [2, 2]);
        let p = pixels(&hot);
        assert_eq!(p[0], [100; 3]);
        // The middle of the hot cell lies beyond the last pixel's middle towards the inside, and is red.
        assert_eq!(
            p[15],
            [(100.0 + 96.0 * HIDDEN).round() as u8, (100.0 - 88.0 * HIDDEN).round() as u8, (100.0 - 70.0 * HIDDEN).round() as u8]
        );
        assert!(p[10][0] > 100 && p[10][2] < 100 && p[1] == [100; 3], "{p:?}");
        for (heat, shape) in [(&[0.0, -1.0][..], [1, 2]), (&[f64::NAN], [1, 1]), (&[1.0; 3], [2, 2]), (&[], [0, 0])] {
            assert!(pixels(&picture.heated(heat, shape)).iter().all(|p| *p == [100; 3]));
        }
    }

    #[test]
    fn small_maps_are_stretched_between_the_middles_of_their_cells() {
        let row: Vec<f64> = (0..4).map(|x| stretched(&[0.0, 1.0], [1, 2], [0, x], [1, 4])).collect();
        assert_eq!(row, [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(stretched(&[5.0, 7.0], [2, 1], [1, 0], [2, 1]), 7.0);
    }
}
