//! IDX, `.npy` and `.npz`: good, odd and hostile files.

use std::io::Write;
use std::path::PathBuf;

use adaline_data::{ArrayError, DType, DataError, FileError, FileKind, Tensor, TensorData};
use adaline_data::{load_idx, load_idx_divided, read_npy, read_npz, sniff, write_npy, write_npz};

use adaline_testkit::alloc::{CountingAlloc, peak_of};

#[global_allocator]
static ALLOC: CountingAlloc = CountingAlloc::new();

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn idx(kind: u8, shape: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, shape.len() as u8];
    for size in shape {
        bytes.extend(size.to_be_bytes());
    }
    bytes.extend(values);
    bytes
}

#[test]
fn idx_of_every_type_plain_and_packed() {
    let folder = Folder::new();
    let f32s: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|x| x.to_be_bytes()).collect();
    let f64s: Vec<u8> = [1.5f64, -2.0].iter().flat_map(|x| x.to_be_bytes()).collect();
    for (bytes, expected) in [
        (idx(0x08, &[2, 2], &[1, 2, 3, 255]), Tensor::from([[1u8, 2], [3, 255]])),
        (idx(0x09, &[2], &[1, 255]), Tensor::from([1, -1])),
        (idx(0x0b, &[2], &[1, 0, 255, 254]), Tensor::from([256, -2])),
        (idx(0x0c, &[1], &[0, 1, 0, 0]), Tensor::from([65536])),
        (idx(0x0d, &[2], &f32s), Tensor::from([1.5f32, -2.0])),
        (idx(0x0e, &[2, 1], &f64s), Tensor::from([[1.5f32], [-2.0]])),
        (idx(0x08, &[0, 28, 28], &[]), Tensor::u8([0, 28, 28], vec![]).unwrap()),
    ] {
        assert_eq!(load_idx(folder.file("plain", &bytes)).unwrap(), expected);
        let packed = folder.file("packed.gz", &gzip(&bytes));
        assert_eq!(load_idx(&packed).unwrap(), expected);
        for path in [&folder.file("plain", &bytes), &packed] {
            assert_eq!(load_idx_divided(path, 255.0).unwrap(), expected.divide(255.0), "the same bits");
        }
        assert_eq!(sniff(&packed).unwrap(), FileKind::Idx);
    }
}

#[test]
fn idx_that_lies_is_refused() {
    let folder = Folder::new();
    let good = idx(0x08, &[2, 2], &[1, 2, 3, 4]);
    for bytes in [&good[..good.len() - 1], &[&good[..], &[9]].concat(), &idx(0x08, &[u32::MAX, u32::MAX], &[1]), b"", b"\0\0"] {
        let (plain, packed) = (folder.file("plain", bytes), folder.file("packed", &gzip(bytes)));
        for path in [plain, packed] {
            let (whole, divided) = (load_idx(&path).unwrap_err().to_string(), load_idx_divided(&path, 2.0).unwrap_err().to_string());
            assert_eq!(whole, divided);
        }
    }
    let load = |bytes: &[u8]| match (load_idx(folder.file("plain", bytes)), load_idx(folder.file("packed", &gzip(bytes)))) {
        (Err(DataError::Array(plain)), Err(DataError::Array(packed))) => {
            assert_eq!(std::mem::discriminant(&plain), std::mem::discriminant(&packed));
            plain
        }
        other => panic!("{other:?}"),
    };
    for end in 0..4 {
        assert!(matches!(load(&good[..end]), ArrayError::WrongMagic { .. }), "{end}");
    }
    for end in 4..12 {
        assert!(matches!(load(&good[..end]), ArrayError::BadHeader { .. }), "{end}");
    }
    for end in 12..16 {
        assert!(matches!(load(&good[..end]), ArrayError::WrongSize { expected: 4, .. }), "{end}");
    }
    assert!(matches!(load(&[&good[..], &[0]].concat()), ArrayError::WrongSize { .. }));
    assert!(matches!(load(&idx(0x0a, &[1], &[0])), ArrayError::UnsupportedType { .. }));
    assert!(matches!(load(b"\x7fELF and so on"), ArrayError::WrongMagic { .. }));
    let huge = u32::MAX;
    assert!(matches!(load(&idx(0x08, &[huge, huge, huge], &[1])), ArrayError::TooLarge { .. }));
    assert!(matches!(load(&idx(0x0e, &[0, huge, huge], &[])), ArrayError::TooLarge { .. }));
    assert!(matches!(load(&idx(0x08, &[huge], &[1])), ArrayError::WrongSize { .. }));
    assert!(matches!(load_idx(folder.file("none", b"")), Err(DataError::Array(ArrayError::WrongMagic { .. }))));
    assert!(matches!(load_idx(folder.0.path().join("missing")), Err(DataError::File(FileError::NotFound { .. }))));
    // a gzip file that breaks off, and one with a wrong checksum
    let packed = gzip(&idx(0x08, &[64, 64], &[7; 4096]));
    assert!(load_idx(folder.file("cut.gz", &packed[..packed.len() - 12])).is_err());
    let mut wrong = packed.clone();
    let end = wrong.len();
    wrong[end - 8] ^= 1;
    assert!(load_idx(folder.file("crc.gz", &wrong)).is_err());
}

fn npy(header: &str, values: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

fn header(descr: &str, fortran: &str, shape: &str) -> String {
    format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n")
}

#[test]
fn npy_of_every_type() {
    let folder = Folder::new();
    let i64s: Vec<u8> = [5i64, -6].iter().flat_map(|x| x.to_le_bytes()).collect();
    let f64s: Vec<u8> = [0.5f64, -6.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    for (descr, values, expected) in [
        ("|u1", vec![1, 255], Tensor::from([1u8, 255])),
        ("|b1", vec![0, 2], Tensor::from([0u8, 1])),
        ("|i1", vec![1, 255], Tensor::from([1, -1])),
        ("<i2", vec![1, 0, 254, 255], Tensor::from([1, -2])),
        ("<u2", vec![1, 0, 254, 255], Tensor::from([1, 65534])),
        (">i4", vec![0, 0, 1, 0, 255, 255, 255, 255], Tensor::from([256, -1])),
        ("<i8", i64s, Tensor::from([5, -6])),
        ("<f2", vec![0, 0x3c, 0, 0xc0], Tensor::from([1.0f32, -2.0])),
        ("<f4", [1.5f32, 2.5].iter().flat_map(|x| x.to_le_bytes()).collect(), Tensor::from([1.5f32, 2.5])),
        (">f4", [1.5f32, 2.5].iter().flat_map(|x| x.to_be_bytes()).collect(), Tensor::from([1.5f32, 2.5])),
        ("<f8", f64s, Tensor::from([0.5f32, -6.0])),
    ] {
        let path = folder.file("a.npy", &npy(&header(descr, "False", "(2,)"), &values));
        assert_eq!(read_npy(&path).unwrap(), expected, "{descr}");
        assert_eq!(sniff(&path).unwrap(), FileKind::Npy);
    }
    let too_big = npy(&header("<u4", "False", "(2,)"), &[1, 0, 0, 0, 255, 255, 255, 255]);
    assert!(matches!(
        read_npy(folder.file("b.npy", &too_big)),
        Err(DataError::Array(ArrayError::IntegerRange { value: 4_294_967_295, position: 1, .. }))
    ));
}

#[test]
fn npy_column_major_is_turned() {
    let folder = Folder::new();
    // numpy.asfortranarray(numpy.arange(6, dtype='u1').reshape(1, 2, 3)).tobytes('A')
    let path = folder.file("f.npy", &npy(&header("|u1", "True", "(1, 2, 3)"), &[0, 3, 1, 4, 2, 5]));
    assert_eq!(read_npy(path).unwrap(), Tensor::from([[[0u8, 1, 2], [3, 4, 5]]]));
    let path = folder.file("e.npy", &npy(&header("<f4", "True", "(0, 3)"), &[]));
    assert_eq!(read_npy(path).unwrap().shape(), [0, 3]);
    let path = folder.file("s.npy", &npy(&header("|u1", "True", "()"), &[9]));
    assert_eq!(read_npy(path).unwrap().shape(), [0usize; 0]);
}

#[test]
fn npy_that_lies_is_refused() {
    let folder = Folder::new();
    let refuse = |bytes: &[u8]| match read_npy(folder.file("x.npy", bytes)) {
        Err(DataError::Array(error)) => error,
        other => panic!("{other:?}"),
    };
    let good = npy(&header("|u1", "False", "(2, 2)"), &[1, 2, 3, 4]);
    for end in 0..good.len() {
        refuse(&good[..end]);
    }
    assert!(matches!(refuse(&[&good[..], &[0]].concat()), ArrayError::WrongSize { .. }));
    for shape in [
        "(18446744073709551615, 18446744073709551615)",
        "(4294967296, 4294967296, 4294967296)",
        "(0, 18446744073709551615, 2)",
        "(99999999999,)",
    ] {
        let error = refuse(&npy(&header("<f8", "False", shape), &[]));
        assert!(matches!(error, ArrayError::TooLarge { .. }), "{shape}: {error}");
    }
    assert!(matches!(refuse(&npy(&header("<f8", "False", "(1000000,)"), &[])), ArrayError::WrongSize { .. }));
    for text in [
        header("|u1", "False", "(99999999999999999999,)"),
        header("|u1", "False", "(-1,)"),
        header("|u1", "False", "4"),
        header("|u1", "Maybe", "(4,)"),
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }".into(),
        "{'descr': '|u1', 'shape': (4,), }".into(),
        "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (4,), }".into(),
        "{'descr': '|u1', 'fortran_order': False, 'shape': (4,), } trailing".into(),
        "{'descr': '|u1".into(),
        "(".repeat(60_000),
        format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({}), }}", "1,".repeat(1000)),
        String::new(),
    ] {
        assert!(matches!(refuse(&npy(&text, &[1, 2, 3, 4])), ArrayError::BadHeader { .. }), "{text:.60}");
    }
    for descr in ["|O", "<U5", "<c8", "<f3", "<M8[ns]", "", "x"] {
        assert!(matches!(refuse(&npy(&header(descr, "False", "(0,)"), &[])), ArrayError::UnsupportedType { .. }), "{descr}");
    }
    // version 2 with a header of 4 GB
    assert!(matches!(refuse(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{"), ArrayError::BadHeader { .. }));
    assert!(matches!(refuse(b"\x93NUMPY\x09\x00\xff\xff\xff\xff{"), ArrayError::BadHeader { .. }));
}

#[test]
fn npz_round_trip_and_damage() {
    let folder = Folder::new();
    let (x, y) = (Tensor::from([[1.5f32, f32::MIN_POSITIVE], [f32::INFINITY, -0.0]]), Tensor::from([3, i32::MIN]));
    let scalar = Tensor::u8([], vec![7]).unwrap();
    let path = folder.0.path().join("a.npz");
    write_npz(&path, &[("x", &x), ("y", &y), ("inner/z", &scalar)]).unwrap();
    let back = read_npz(&path).unwrap();
    assert_eq!(back, [("x".to_owned(), x.clone()), ("y".into(), y.clone()), ("inner/z".into(), scalar)]);
    assert_eq!(sniff(&path).unwrap(), FileKind::Npz);
    let bytes = std::fs::read(&path).unwrap();
    write_npz(&path, &[("x", &x), ("y", &y), ("inner/z", &back[2].1)]).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "the same arrays give the same bytes");
    assert!(write_npz(folder.0.path().join("b.npz"), &[("x", &x), ("x", &y)]).is_err());
    for end in 0..bytes.len() {
        assert!(read_npz(folder.file("cut.npz", &bytes[..end])).is_err(), "{end}");
    }
    // a flipped byte is either found or gives arrays of the promised kind; it never panics
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        let _ = read_npz(folder.file("damaged.npz", &damaged));
    }
}

/// Zeros take a thousandth when deflated, and entries may be many: within 2 seconds and 200 MB all the same.
#[test]
fn npz_bombs() {
    let folder = Folder::new();
    let zip_of = |name: &str, entries: &[(String, Vec<u8>)]| {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let deflated = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        for (entry, content) in entries {
            zip.start_file(entry.as_str(), deflated).unwrap();
            zip.write_all(content).unwrap();
        }
        let bytes = zip.finish().unwrap().into_inner();
        folder.file(name, &bytes)
    };
    let zeros =
        |descr: &str, order: &str, item: usize, count: usize| npy(&header(descr, order, &format!("({count}, 1)")), &vec![0; item * count]);
    let answered = |path: &PathBuf| {
        let start = std::time::Instant::now();
        let (read, peak) = peak_of(|| read_npz(path));
        assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
        assert!(peak < 200_000_000, "{peak}");
        read
    };
    let small = 12 << 20;
    for (descr, order, item) in [("<f4", "False", 4), ("|i1", "True", 1), ("<f2", "True", 2), ("<f8", "False", 8)] {
        let path = zip_of("small.npz", &[("x.npy".into(), zeros(descr, order, item, small / item))]);
        assert_eq!(answered(&path).unwrap()[0].1.len(), small / item);
    }
    let path = zip_of("large.npz", &[("x.npy".into(), zeros("<f4", "False", 4, small)), ("y.npy".into(), zeros("<f4", "False", 4, small))]);
    let text = answered(&path).unwrap_err().to_string();
    assert!(text.contains("its arrays take more than 16777216 bytes up to \"x.npy\", 100 times the file"), "{text}");
    let parts: Vec<_> = (0..20).map(|i| (format!("{i}.npy"), zeros("<f4", "False", 4, small / 40))).collect();
    assert!(answered(&zip_of("parts.npz", &parts)).unwrap_err().to_string().contains("\"13.npy\""));
    let many: Vec<_> = (0..20_000).map(|i| (format!("{i}.npy"), zeros("|u1", "False", 1, 0))).collect();
    assert_eq!(answered(&zip_of("many.npz", &many)).unwrap().len(), 20_000);
}

proptest::proptest! {
    #[test]
    fn npy_round_trip(rows in 0usize..5, columns in 0usize..5, kind in 0..3, seed: u32) {
        let folder = Folder::new();
        let path = folder.0.path().join("a.npy");
        let values = (0..rows * columns).map(|i| (i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed));
        let data = match kind {
            0 => TensorData::F32(values.map(|v| v as f32 / 7.0).collect()),
            1 => TensorData::I32(values.map(|v| v as i32).collect()),
            _ => TensorData::U8(values.map(|v| v as u8).collect()),
        };
        let tensor = Tensor::new([rows, columns], data)?;
        write_npy(&path, &tensor)?;
        proptest::prop_assert_eq!(&read_npy(&path)?, &tensor);
        // the values start at a multiple of 64, as NumPy asks
        let bytes = std::fs::read(&path)?;
        let item = if tensor.dtype() == DType::U8 { 1 } else { 4 };
        proptest::prop_assert_eq!((bytes.len() - tensor.len() * item) % 64, 0);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), start in 0usize..4) {
        let folder = Folder::new();
        let magic: [&[u8]; 4] = [b"", b"\x93NUMPY\x01\x00", b"\x00\x00\x08\x02", b"PK\x03\x04"];
        let path = folder.file("x", &[magic[start], &bytes].concat());
        let _ = (load_idx(&path).is_ok(), read_npy(&path).is_ok(), read_npz(&path).is_ok(), sniff(&path).is_ok());
    }
}

#[test]
fn kinds_of_files() {
    let folder = Folder::new();
    for (name, bytes, expected) in [
        ("a.csv", &b"a,b\n1,2\n"[..], FileKind::Table),
        ("a.CSV", b"a,b\n1,2\n", FileKind::Table),
        ("noname", b"a;b\n1;2\n", FileKind::Table),
        ("one.csv", b"a\n1\n", FileKind::Table),
        ("a.json", b"{}", FileKind::Json),
        ("a", b"  {\"a\": 1}", FileKind::Json),
        ("model.toml", b"[model]\n", FileKind::Toml),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0", FileKind::Image),
        ("a.jpg", b"\xff\xd8\xff\xe0\0\x10", FileKind::Image),
        ("bm.csv", b"BMI,age\n1,2\n", FileKind::Table),
        ("a.h5", b"\x89HDF\r\n\x1a\n\0", FileKind::Hdf5),
        ("m.keras", b"PK\x03\x04rest", FileKind::Keras),
        ("m.npz", b"PK\x03\x04rest", FileKind::Npz),
        ("a.zip", b"PK\x03\x04rest", FileKind::Unknown),
        ("labels", &[0, 0, 8, 1, 0, 0, 0, 1, 5], FileKind::Idx),
        ("a.bin", &[1, 2, 3, 0], FileKind::Unknown),
    ] {
        assert_eq!(sniff(folder.file(name, bytes)).unwrap(), expected, "{name}");
        let packed = sniff(folder.file(&format!("{name}.gz"), &gzip(bytes))).unwrap();
        assert_eq!(packed, expected, "{name}.gz");
    }
    assert!(matches!(sniff(folder.file("empty.csv", b"")), Err(DataError::File(FileError::Empty { .. }))));
}
