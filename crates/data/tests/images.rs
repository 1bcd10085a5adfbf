//! Pictures: every format, folders and lists, bad files, sets in memory and on demand.

mod pictures;

use std::fs;
use std::path::{Path, PathBuf};

use adaline_data::{AspectRatio, BadFiles, Color, DataError, FileError, ImageError, ImageFormat, ImageLimits, ImageList, ImageOptions};
use adaline_data::{ImageProblem, ImageSet, Interpolation, RowSource, TableError, Tensor, read_image};
use pictures::{Folder, bmp, gif, jpeg, png, webp};

fn problem(result: Result<Tensor, DataError>) -> ImageProblem {
    match result {
        Err(DataError::Image(ImageError::BadFiles { mut files, count: 1, total: 1 })) => files.remove(0).problem,
        other => panic!("{other:?}"),
    }
}

/// Decodes without changing the size.
fn read(folder: &Folder, bytes: &[u8], (height, width): (usize, usize), color: Color) -> Vec<u8> {
    let path = folder.file("picture", bytes);
    let options = ImageOptions { color, ..ImageOptions::sized(height, width) };
    let tensor = read_image(&path, &options).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(tensor.shape(), [height, width, color.channels()]);
    tensor.as_u8().unwrap().to_vec()
}

#[test]
fn png_of_every_kind() {
    let folder = Folder::new();
    let two = (1, 2);
    for (kind, depth, palette, data, rgba) in [
        (::png::ColorType::Rgb, 8, None, vec![1, 2, 3, 4, 5, 6], [1, 2, 3, 255, 4, 5, 6, 255]),
        (::png::ColorType::Rgba, 8, None, vec![1, 2, 3, 0, 4, 5, 6, 7], [1, 2, 3, 0, 4, 5, 6, 7]),
        (::png::ColorType::Grayscale, 8, None, vec![9, 8], [9, 9, 9, 255, 8, 8, 8, 255]),
        (::png::ColorType::Grayscale, 1, None, vec![0b0100_0000], [0, 0, 0, 255, 255, 255, 255, 255]),
        (::png::ColorType::Grayscale, 4, None, vec![0x3f], [51, 51, 51, 255, 255, 255, 255, 255]),
        (::png::ColorType::GrayscaleAlpha, 8, None, vec![9, 0, 8, 7], [9, 9, 9, 0, 8, 8, 8, 7]),
        (::png::ColorType::Indexed, 8, Some(vec![1, 2, 3, 4, 5, 6]), vec![1, 0], [4, 5, 6, 255, 1, 2, 3, 255]),
        (::png::ColorType::Indexed, 2, Some(vec![1, 2, 3, 4, 5, 6]), vec![0b0100_0000], [4, 5, 6, 255, 1, 2, 3, 255]),
        // 16 bits keep the high byte
        (::png::ColorType::Grayscale, 16, None, vec![1, 255, 2, 0], [1, 1, 1, 255, 2, 2, 2, 255]),
        (::png::ColorType::Rgb, 16, None, vec![1, 255, 2, 255, 3, 0, 4, 0, 5, 0, 6, 128], [1, 2, 3, 255, 4, 5, 6, 255]),
    ] {
        let bytes = png(kind, depth, palette, two, &data);
        assert_eq!(read(&folder, &bytes, two, Color::Rgba), rgba, "{kind:?} {depth}");
        let rgb: Vec<u8> = rgba.chunks(4).flat_map(|p| p[..3].to_vec()).collect();
        assert_eq!(read(&folder, &bytes, two, Color::Rgb), rgb, "{kind:?} {depth}: alpha is dropped");
        assert_eq!(read(&folder, &bytes, two, Color::Gray).len(), 2);
    }
}

#[test]
fn jpeg_of_every_kind() {
    use jpeg_encoder::ColorType::{Cmyk, CmykAsYcck, Luma, Rgb};
    let folder = Folder::new();
    let near = |found: &[u8], expected: [u8; 3], what: &str| {
        assert!(found.chunks(3).all(|p| p.iter().zip(expected).all(|(&a, b)| a.abs_diff(b) <= 2)), "{what}: {:?}", &found[..6]);
    };
    let size = (18, 21);
    let flat = |pixel: &[u8]| pixel.repeat(size.0 * size.1);
    for progressive in [false, true] {
        near(&read(&folder, &jpeg(Rgb, size, progressive, &flat(&[200, 40, 90])), size, Color::Rgb), [200, 40, 90], "rgb");
        near(&read(&folder, &jpeg(Luma, size, progressive, &flat(&[77])), size, Color::Rgb), [77; 3], "grey");
        // Adobe's inverted CMYK: (255 - c) * (255 - k) / 255
        let cmyk = flat(&[50, 100, 200, 30]);
        let expected = [180, 136, 48];
        near(&read(&folder, &jpeg(Cmyk, size, progressive, &cmyk), size, Color::Rgb), expected, "cmyk");
        near(&read(&folder, &jpeg(CmykAsYcck, size, progressive, &cmyk), size, Color::Rgb), expected, "ycck");
    }
    // Without Adobe's segment the values are inks themselves; the encoder inverted them.
    let mut plain = jpeg(Cmyk, size, false, &flat(&[205, 155, 55, 225]));
    let adobe = plain.windows(5).position(|w| w == b"Adobe").unwrap();
    plain[adobe] = b'B';
    near(&read(&folder, &plain, size, Color::Rgb), [180, 136, 48], "cmyk without Adobe");
}

#[test]
fn gif_shows_its_first_picture() {
    let folder = Folder::new();
    let palette = [9, 9, 9, 10, 20, 30, 40, 50, 60];
    let frame = |top, left, (height, width): (u16, u16), index, transparent| ::gif::Frame {
        top,
        left,
        height,
        width,
        transparent,
        buffer: vec![index; usize::from(height) * usize::from(width)].into(),
        ..Default::default()
    };
    let whole = gif((2, 3), &palette, &[frame(0, 0, (2, 3), 1, None), frame(0, 0, (2, 3), 2, None)]);
    assert_eq!(read(&folder, &whole, (2, 3), Color::Rgb), [10, 20, 30].repeat(6));
    let clear = gif((1, 2), &palette, &[frame(0, 0, (1, 2), 2, Some(2))]);
    assert_eq!(read(&folder, &clear, (1, 2), Color::Rgba), [40, 50, 60, 0].repeat(2));
    let part = gif((2, 2), &palette, &[frame(1, 1, (1, 1), 2, None)]);
    assert_eq!(read(&folder, &part, (2, 2), Color::Rgb), [0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 50, 60]);
    let outside = folder.file("outside", &gif((2, 2), &palette, &[frame(1, 1, (2, 2), 2, None)]));
    assert!(matches!(problem(read_image(outside, &ImageOptions::default())), ImageProblem::Broken { format: ImageFormat::Gif, .. }));
}

#[test]
fn webp_of_every_kind() {
    let folder = Folder::new();
    let rgb: Vec<u8> = (0..18).map(|i| i * 13).collect();
    assert_eq!(read(&folder, &webp((2, 3), image_webp::ColorType::Rgb8, &rgb), (2, 3), Color::Rgb), rgb);
    let rgba: Vec<u8> = (0..24).map(|i| i * 9).collect();
    assert_eq!(read(&folder, &webp((2, 3), image_webp::ColorType::Rgba8, &rgba), (2, 3), Color::Rgba), rgba);
    assert_eq!(read(&folder, pictures::LOSSY_WEBP, (1, 1), Color::Rgb).len(), 3);
    // A frame that is larger than its picture is not decoded.
    let mut lies = pictures::LOSSY_WEBP.to_vec();
    lies.splice(12..12, [&b"VP8X\x0a\0\0\0\0\0\0\0"[..], &[0; 6]].concat());
    let length = lies.len() as u32 - 8;
    lies[4..8].copy_from_slice(&length.to_le_bytes());
    assert_eq!(read(&folder, &lies, (1, 1), Color::Rgb).len(), 3);
    let size = lies.windows(3).position(|w| w == [0x9d, 0x01, 0x2a]).unwrap() + 3;
    lies[size..size + 4].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
    let error = problem(read_image(folder.file("lies", &lies), &ImageOptions::default())).to_string();
    assert_eq!(error, "bad WebP data: a frame of 16383 x 16383 pixels in a picture of 1 x 1");
}

#[test]
fn bmp_of_every_kind() {
    let folder = Folder::new();
    let palette = [[30, 20, 10, 0], [60, 50, 40, 0]]; // blue, green, red
    let (a, b) = ([10, 20, 30], [40, 50, 60]);
    let check = |what: &str, bytes: &[u8], size, expected: &[[u8; 3]]| {
        assert_eq!(read(&folder, bytes, size, Color::Rgb), expected.concat(), "{what}");
    };
    check("24 bits", &bmp(2, 2, 24, 0, &[], &[30, 20, 10, 30, 20, 10, 0, 0, 60, 50, 40, 60, 50, 40, 0, 0]), (2, 2), &[b, b, a, a]);
    check("from top to bottom", &bmp(1, -2, 24, 0, &[], &[30, 20, 10, 0, 60, 50, 40, 0]), (2, 1), &[a, b]);
    check("1 bit", &bmp(3, 1, 1, 0, &palette, &[0b0100_0000, 0, 0, 0]), (1, 3), &[a, b, a]);
    check("4 bits", &bmp(3, 1, 4, 0, &palette, &[0x10, 0x10, 0, 0]), (1, 3), &[b, a, b]);
    check("8 bits", &bmp(3, 1, 8, 0, &palette, &[1, 0, 1, 0]), (1, 3), &[b, a, b]);
    check("32 bits", &bmp(1, 1, 32, 0, &[], &[30, 20, 10, 99]), (1, 1), &[a]);
    check("16 bits", &bmp(2, 1, 16, 0, &[], &[0x1f, 0x7c, 0xe0, 0x03]), (1, 2), &[[255, 0, 255], [0, 255, 0]]);
    let masks = [[0, 0xf8, 0, 0], [0xe0, 0x07, 0, 0], [0x1f, 0, 0, 0]];
    check("masks", &bmp(2, 1, 16, 3, &masks, &[0x00, 0xf8, 0xff, 0xff]), (1, 2), &[[255, 0, 0], [255; 3]]);
    // 3 of 1; to the next row; a run of 0, 1 as they are, then one pair more; end
    let rle8 = [3, 1, 0, 0, 0, 3, 0, 1, 0, 0, 0, 1];
    check("run lengths of 8 bits", &bmp(3, 2, 8, 1, &palette, &rle8), (2, 3), &[a, b, a, b, b, b]);
    let rle4 = [3, 0x10, 0, 2, 0, 1, 0, 3, 0x01, 0x10, 0, 1];
    check("run lengths of 4 bits", &bmp(6, 2, 4, 2, &palette, &rle4), (2, 6), &[a, a, a, a, b, b, b, a, b, a, a, a]);
    let refused = |bytes: &[u8]| problem(read_image(folder.file("bad", bytes), &ImageOptions::default()));
    assert!(matches!(refused(&bmp(2, 2, 24, 0, &[], &[0; 15])), ImageProblem::Truncated { .. }));
    assert!(matches!(refused(&bmp(3, 2, 8, 1, &palette, &rle8[..6])), ImageProblem::Truncated { .. }));
    assert!(matches!(refused(&bmp(0, 2, 24, 0, &[], &[])), ImageProblem::NoPixels { height: 2, width: 0 }));
    assert!(matches!(refused(&bmp(1, i32::MIN, 24, 0, &[], &[])), ImageProblem::TooManyPixels { .. }));
    assert!(matches!(refused(&bmp(1, 1, 24, 4, &[], &[0; 4])), ImageProblem::Broken { .. }));
}

#[test]
fn bad_files_say_why() {
    let folder = Folder::new();
    let options = ImageOptions::default();
    let refused = |name: &str, bytes: &[u8]| problem(read_image(folder.file(name, bytes), &options));
    assert_eq!(refused("empty.png", b""), ImageProblem::Empty);
    assert!(matches!(refused("text.png", b"hello, I am no picture"), ImageProblem::NotAPicture { .. }));
    assert_eq!(refused("short.png", b"BA\x01").to_string(), "not a PNG, JPEG, GIF, BMP or WebP picture: the file starts with \"BA\\x01\"");
    for (format, bytes) in pictures::one_of_each() {
        // the last bytes of a PNG only say that it ends
        let cut = refused("cut", &bytes[..bytes.len() / 2]);
        assert_eq!(cut, ImageProblem::Truncated { format }, "{cut}");
    }
    let mut huge = png(::png::ColorType::Rgb, 8, None, (1, 1), &[0; 3]);
    huge[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let crc = crc32(&huge[12..29]);
    huge[29..33].copy_from_slice(&crc.to_be_bytes());
    let expected = ImageProblem::TooManyPixels { height: 60_000, width: 60_000, limit: options.limits.pixels };
    assert_eq!(refused("bomb.png", &huge), expected);
    assert_eq!(problem(read_image(folder.path(), &options)), ImageProblem::NotAFile);
    assert!(matches!(problem(read_image(folder.path().join("none.png"), &options)), ImageProblem::Io { .. }));
    let small = ImageOptions { limits: ImageLimits { file_bytes: 4, ..Default::default() }, ..Default::default() };
    assert_eq!(problem(read_image(folder.file("five", b"12345"), &small)), ImageProblem::TooManyBytes { bytes: 5, limit: 4 });
    for size in [(0, 5), (usize::MAX, 2), (60_000, 60_000)] {
        let result = read_image(folder.file("any", b""), &ImageOptions { size, ..Default::default() });
        assert!(matches!(result, Err(DataError::Image(ImageError::BadSize { .. }))));
    }
}

/// The check sum of PNG.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ (0xedb8_8320 * (crc & 1))))
}

#[test]
fn folders_are_classes() {
    let folder = Folder::new();
    let dot = png(::png::ColorType::Rgb, 8, None, (1, 1), &[1, 2, 3]);
    for name in ["b/2.PNG", "b/10.png", "b/deep/er/3.jpeg", "a/x.WebP", "a/.hidden.png", "a/notes.txt", ".git/c.png", "loose.png"] {
        folder.file(name, &dot);
    }
    let list = ImageList::from_folder(folder.path()).unwrap();
    let names: Vec<_> = list.files().iter().map(|p| p.strip_prefix(folder.path()).unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["a/x.WebP", "b/10.png", "b/2.PNG", "b/deep/er/3.jpeg"].map(|name| name.replace('/', std::path::MAIN_SEPARATOR_STR)));
    assert_eq!(list.classes(), ["a", "b"]);
    assert_eq!(list.labels(), [0, 1, 1, 1]);
    let all = ImageList::from_unlabeled_folder(folder.path()).unwrap();
    assert_eq!((all.len(), all.labels().len(), all.classes().len()), (5, 0, 0));
}

#[cfg(unix)]
#[test]
fn circles_of_links_end() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    folder.file("a/1.png", b"");
    folder.file("b/1.png", b"");
    symlink(folder.path(), folder.path().join("a/up")).unwrap();
    symlink("nowhere", folder.path().join("a/dead.png")).unwrap();
    symlink(folder.path().join("b/1.png"), folder.path().join("a/link.png")).unwrap();
    let list = ImageList::from_folder(folder.path()).unwrap();
    assert_eq!(list.len(), 3, "links to files count");
    symlink(folder.path(), folder.path().join("self")).unwrap();
    assert_eq!(ImageList::from_folder(folder.path()).unwrap().classes(), ["a", "b", "self"]);
}

fn listing(result: Result<ImageList, DataError>) -> ImageError {
    match result {
        Err(DataError::Image(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn folders_that_are_no_data_set() {
    let folder = Folder::new();
    let path = folder.path();
    let error = |path: &Path| listing(ImageList::from_folder(path));
    assert!(matches!(error(path), ImageError::NoClassFolders { pictures: 0, .. }));
    let file = folder.file("1.png", b"");
    assert!(matches!(error(&file), ImageError::NotAFolder { .. }));
    assert!(matches!(error(path), ImageError::NoClassFolders { pictures: 1, .. }));
    assert!(error(path).to_string().contains("put the pictures of each class into a folder"));
    folder.file("cats/1.png", b"");
    assert!(matches!(error(path), ImageError::OneClass { class, .. } if class == "cats"));
    fs::create_dir(path.join("dogs")).unwrap();
    folder.file("mice/readme.txt", b"");
    assert!(matches!(error(path), ImageError::EmptyClasses { classes, .. } if classes == ["dogs", "mice"]));
    assert!(
        matches!(ImageList::from_folder(path.join("cat")), Err(DataError::File(FileError::NotFound { nearest: Some(n), .. })) if n == "cats")
    );
    assert!(matches!(listing(ImageList::from_unlabeled_folder(path.join("dogs"))), ImageError::NoPictures { .. }));
}

#[test]
fn lists_name_paths_and_labels() {
    let folder = Folder::new();
    for name in ["pictures/a.png", "pictures/b.png"] {
        folder.file(name, b"");
    }
    let list = |text: &str| ImageList::from_csv(folder.file("lists/train.csv", text.as_bytes()));
    let good = list("label,path,note\n10,../pictures/a.png,x\n9,../pictures/b.png,\n10,../pictures/b.png,y\n").unwrap();
    assert_eq!((good.classes(), good.labels()), (&["9".to_owned(), "10".into()][..], &[1, 0, 1][..]), "sorted as numbers");
    let words = list("path,label\n../pictures/a.png,none\n../pictures/b.png,NA\n").unwrap();
    assert_eq!(words.classes(), ["NA", "none"], "words are words");
    let ImageError::MissingFiles { files, count: 2, rows: 3, .. } = listing(list("path,label\nc.png,a\n../pictures/a.png,b\nd.png,b\n"))
    else {
        panic!("two are missing")
    };
    assert_eq!((files[1].row, files[1].path.file_name().unwrap().to_str()), (3, Some("d.png")));
    assert!(
        matches!(listing(list("path,label\n../pictures/a.png,\n../pictures/b.png,x\n")), ImageError::EmptyCells { rows, .. } if rows == [1])
    );
    assert!(matches!(listing(list("path,label\n../pictures/a.png,x\n../pictures/b.png,x\n")), ImageError::OneClass { .. }));
    let error = list("file,label\na.png,x\n").unwrap_err();
    assert!(matches!(error, DataError::Table(TableError::UnknownColumn { .. })), "{error}");
}

/// Pictures of several sizes and formats, two classes; every tenth is broken if wished.
fn forty(broken: bool) -> Folder {
    let folder = Folder::new();
    for i in 0..40usize {
        let (height, width) = (3 + i % 5, 4 + i % 7);
        let pixels: Vec<u8> = (0..height * width * 3).map(|k| (k * 31 + i * 17) as u8).collect();
        let mut bytes = match i % 3 {
            0 => png(::png::ColorType::Rgb, 8, None, (height, width), &pixels),
            1 => jpeg(jpeg_encoder::ColorType::Rgb, (height, width), i % 2 == 0, &pixels),
            _ => webp((height, width), image_webp::ColorType::Rgb8, &pixels),
        };
        if broken && i % 10 == 3 {
            bytes.truncate(bytes.len() / 2);
        }
        folder.file(&format!("{}/{i:02}.png", ["x", "y"][i % 2]), &bytes);
    }
    folder
}

fn load(folder: &Folder, options: &ImageOptions) -> Result<ImageSet, DataError> {
    ImageSet::load(ImageList::from_folder(folder.path()).unwrap(), options, |_, _| {})
}

#[test]
fn lists_know_how_large_their_pictures_are() {
    let typical = |folder: &Folder, sample: usize, limits: &ImageLimits| {
        ImageList::from_unlabeled_folder(folder.path()).unwrap().typical_size(sample, limits)
    };
    let limits = ImageLimits::default();
    // Heights 3 to 7 and widths 4 to 10, in three formats; what is broken does not count.
    let found = typical(&forty(false), 100, &limits).unwrap();
    assert_eq!((found.height, found.width, found.files, found.alike), (5, 7, 40, false));
    let files = typical(&forty(true), 100, &limits).unwrap().files;
    assert!((36..=40).contains(&files), "{files}: a cut picture may have a whole header");
    assert_eq!(typical(&forty(false), 7, &limits).unwrap().files, 7);
    assert_eq!(typical(&forty(false), 0, &limits), None);
    // The limits hold for headers too.
    assert_eq!(typical(&forty(false), 100, &ImageLimits { pixels: 12, ..limits }).unwrap().files, 2);
    assert_eq!(typical(&forty(false), 100, &ImageLimits { file_bytes: 1, ..limits }), None);
    let folder = Folder::new();
    folder.file("a.png", b"");
    folder.file("b.png", b"no picture");
    assert_eq!(typical(&folder, 9, &limits), None);
    // Every format says its size before anything is decoded, with no memory to decode in.
    let pixels = vec![9; 5 * 3 * 3];
    for (name, bytes) in [
        ("p.png", png(::png::ColorType::Rgb, 8, None, (5, 3), &pixels)),
        ("j.jpg", jpeg(jpeg_encoder::ColorType::Rgb, (5, 3), false, &pixels)),
        ("w.webp", webp((5, 3), image_webp::ColorType::Rgb8, &pixels)),
    ] {
        let folder = Folder::new();
        folder.file(name, &bytes);
        let found = typical(&folder, 1, &limits).unwrap();
        assert_eq!((found.height, found.width, found.alike), (5, 3, true), "{name}");
    }
}

#[test]
fn the_same_rows_for_any_number_of_threads_in_memory_or_not() {
    let folder = forty(false);
    let options =
        ImageOptions { interpolation: Interpolation::Bicubic, aspect_ratio: AspectRatio::Crop, threads: 1, ..ImageOptions::sized(5, 4) };
    let mut calls = Vec::new();
    let list = ImageList::from_folder(folder.path()).unwrap();
    let set = ImageSet::load(list, &options, |done, total| calls.push((done, total))).unwrap();
    assert_eq!(calls, (1..=40).map(|done| (done, 40)).collect::<Vec<_>>());
    let expected = set.as_tensor().unwrap();
    assert_eq!((expected.shape(), set.row_shape(), set.row_len()), (&[40, 5, 4, 3][..], &[5, 4, 3][..], 60));
    assert_eq!(set.labels().unwrap(), &Tensor::from([vec![0; 20], vec![1; 20]].concat()));
    let rows = [39, 0, 7, 7, 20];
    for threads in [1, 2, 3, 7] {
        assert_eq!(load(&folder, &ImageOptions { threads, ..options.clone() }).unwrap().as_tensor().unwrap(), expected);
        // one byte too little for all, and so little that pictures are decoded one at a time
        let limits = ImageLimits { decode_bytes: 1, ..Default::default() };
        let demand = load(&folder, &ImageOptions { threads, cache_bytes: 2399, limits, ..options.clone() }).unwrap();
        assert!(!demand.is_cached() && demand.as_tensor().is_none());
        let (mut bytes, mut floats, mut integers) = (vec![0; 300], vec![0.0; 300], vec![0; 300]);
        demand.gather_u8_into(&rows, &mut bytes).unwrap();
        demand.gather_f32_into(&rows, &mut floats).unwrap();
        demand.gather_i32_into(&rows, &mut integers).unwrap();
        let taken = expected.take_rows(&rows).unwrap();
        assert_eq!(bytes, taken.as_u8().unwrap());
        assert!(floats.iter().zip(&bytes).all(|(&f, &b)| f == f32::from(b)));
        assert!(integers.iter().zip(&bytes).all(|(&i, &b)| i == i32::from(b)));
        // parts of the rows
        for set in [&set, &demand] {
            let part = set.take_rows(&rows).unwrap();
            let again = part.take_rows(&[4, 0]).unwrap();
            let mut two = vec![0; 120];
            again.gather_u8_into(&[0, 1], &mut two).unwrap();
            assert_eq!(two, [&bytes[240..], &bytes[..60]].concat());
            assert_eq!((again.len(), again.labels().unwrap()), (2, &Tensor::from([1, 1])));
            assert!(part.as_tensor().is_none(), "no longer the rows in their order");
            assert_eq!(part.files()[4], set.files()[20]);
        }
    }
    assert!(matches!(set.gather_u8_into(&[40], &mut [0; 60]), Err(DataError::RowOutOfRange { row: 40, rows: 40 })));
    assert!(matches!(set.gather_u8_into(&[0], &mut [0; 61]), Err(DataError::BufferSize { expected: 60, .. })));
    assert!(set.take_rows(&[40]).is_err());
}

#[test]
fn bad_files_are_refused_or_skipped() {
    let folder = forty(true);
    let options = ImageOptions::sized(4, 4);
    let Err(DataError::Image(ImageError::BadFiles { files, count: 4, total: 40 })) = load(&folder, &options) else {
        panic!("four are broken")
    };
    let names: Vec<_> = files.iter().map(|f| f.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["03.png", "13.png", "23.png", "33.png"]);
    let whole = load(&forty(false), &options).unwrap();
    for cache_bytes in [0, 1 << 20] {
        let set = load(&folder, &ImageOptions { on_bad: BadFiles::Skip, cache_bytes, ..options.clone() }).unwrap();
        assert_eq!((set.len(), set.skipped()), (36, &files[..]));
        assert_eq!(set.is_cached(), cache_bytes > 0);
        // labels and rows stay with their files
        let (mut row, mut expected) = (vec![0; 48], vec![0; 48]);
        for (i, file) in set.files().iter().enumerate() {
            let same = whole.files().iter().position(|other| other.file_name() == file.file_name()).unwrap();
            set.gather_u8_into(&[i], &mut row).unwrap();
            whole.gather_u8_into(&[same], &mut expected).unwrap();
            assert_eq!(row, expected);
            assert_eq!(set.labels().unwrap().as_i32().unwrap()[i], whole.labels().unwrap().as_i32().unwrap()[same]);
        }
    }
    // a file that goes bad later is an error of the batch
    let set = load(&folder, &ImageOptions { on_bad: BadFiles::Skip, cache_bytes: 0, ..options.clone() }).unwrap();
    fs::write(&set.files()[5], b"").unwrap();
    let error = set.gather_f32_into(&[4, 5], &mut [0.0; 96]).unwrap_err().to_string();
    assert!(error.starts_with("1 of 2 pictures cannot be read:\n") && error.contains("the file is empty"), "{error}");
}

#[test]
fn errors_name_ten_and_count_the_rest() {
    let folder = Folder::new();
    let files: Vec<PathBuf> = (0..25).map(|i| folder.file(&format!("{i:02}.png"), b"")).collect();
    for on_bad in [BadFiles::Refuse, BadFiles::Skip] {
        let result = ImageSet::load(ImageList::from_files(files.clone()), &ImageOptions { on_bad, ..Default::default() }, |_, _| {});
        let text = result.unwrap_err().to_string();
        assert!(text.starts_with("25 of 25 pictures cannot be read:"), "{text}");
        assert!(text.contains("09.png: the file is empty\n  and 15 more\n") && !text.contains("10.png"), "{text}");
    }
    let none = ImageList::from_files(Vec::<PathBuf>::new());
    assert!(matches!(ImageSet::load(none, &ImageOptions::default(), |_, _| {}), Err(DataError::Empty { .. })));
}

#[test]
fn options_travel_with_a_model() {
    let options = ImageOptions { color: Color::Gray, threads: 3, cache_bytes: 5, ..ImageOptions::sized(28, 20) };
    let text = serde_json::to_string(&options).unwrap();
    assert!(
        text.starts_with(r#"{"size":[28,20],"color":"grayscale","interpolation":"bilinear","aspect_ratio":"stretch","on_bad":"refuse""#),
        "{text}"
    );
    let back: ImageOptions = serde_json::from_str(&text).unwrap();
    let here = ImageOptions::default();
    assert_eq!(back, ImageOptions { threads: here.threads, cache_bytes: here.cache_bytes, ..options });
    assert!(serde_json::from_str::<ImageOptions>(r#"{"sise":[1,1]}"#).is_err());
}
