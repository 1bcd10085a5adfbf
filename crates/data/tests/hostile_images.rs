//! Damaged pictures are read or refused; they never panic, hang or take memory that their size does not justify.

mod pictures;

use adaline_data::{DataError, ImageError, ImageFormat, ImageLimits, ImageOptions, ImageProblem, decode_image};
use pictures::one_of_each;

/// Small limits, so that a header that lies is refused soon.
fn options() -> ImageOptions {
    ImageOptions { limits: ImageLimits { pixels: 1 << 16, ..Default::default() }, ..ImageOptions::sized(3, 3) }
}

/// What is wrong with the bytes, if anything. That a decoder panicked is a failure.
fn decode(bytes: &[u8], what: &str) -> Option<ImageProblem> {
    match decode_image(bytes, &options()) {
        Ok(_) => None,
        Err(DataError::Image(ImageError::BadBytes { problem })) => {
            assert!(!problem.to_string().contains("gave up"), "{what}: a decoder panicked");
            Some(problem)
        }
        Err(other) => panic!("{what}: {other}"),
    }
}

#[test]
fn cut_off_pictures_are_refused() {
    for (format, bytes) in one_of_each() {
        assert_eq!(decode(&bytes, "whole"), None, "{format}");
        for end in 0..bytes.len() {
            let refused = decode(&bytes[..end], "cut").is_some();
            // what follows the pixels may be missing
            assert!(refused || end + 16 > bytes.len(), "{format}: {end} of {} bytes are taken for all", bytes.len());
        }
    }
}

#[test]
fn flipped_bits_are_survived() {
    for (format, bytes) in one_of_each() {
        for at in 0..bytes.len() {
            for flip in [0x01, 0x04, 0x10, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                decode(&damaged, &format!("{format}, byte {at} ^ {flip:#x}"));
            }
        }
    }
}

#[test]
fn sizes_that_lie_are_refused_before_memory_is_taken() {
    for (format, mut bytes) in one_of_each() {
        let marker = |kind| bytes.windows(2).position(|pair| pair == [0xff, kind]);
        // where the header says the size
        let (place, value): (usize, &[u8]) = match format {
            ImageFormat::Png => continue, // has a check sum: see images.rs
            ImageFormat::Jpeg => (marker(0xc0).or(marker(0xc2)).unwrap() + 5, &[0xff; 4]),
            ImageFormat::Gif => (6, &[0xff; 4]),
            ImageFormat::Bmp => (18, &[0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0]),
            ImageFormat::WebP if &bytes[12..16] == b"VP8 " => (26, &[0xff, 0x3f, 0xff, 0x3f]),
            ImageFormat::WebP => (21, &[0xfe, 0xff, 0xff]),
        };
        bytes[place..place + value.len()].copy_from_slice(value);
        let problem = decode(&bytes, "lies");
        assert!(matches!(problem, Some(ImageProblem::TooManyPixels { .. })), "{format}: {problem:?}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]

    #[test]
    fn any_damage_is_survived(
        which in 0usize..12,
        places in proptest::collection::vec((0usize..4096, 0u8..=255), 1..8),
        cut in 1usize..8192,
    ) {
        let (format, mut bytes) = one_of_each().swap_remove(which);
        let length = bytes.len();
        for (place, value) in places {
            bytes[place % length] = value;
        }
        bytes.truncate(cut);
        decode(&bytes, &format.to_string());
    }

    #[test]
    fn any_bytes_are_survived(which in 0usize..5, bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let magic: [&[u8]; 5] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"RIFF\x20\0\0\0WEBPVP8X"];
        decode(&[magic[which], &bytes].concat(), "noise");
    }
}
