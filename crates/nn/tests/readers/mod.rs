//! What the fuzz targets do with bytes, each with one reader. The tests replay their corpora by the same functions, so that these are tried
//! by every `cargo test`, without libFuzzer.

use adaline_formats::{KerasArchive, LegacyFile, ModelFile, ReadLimits, Safetensors, WeightsFile};

/// A reader's name and function.
type Target = (&'static str, fn(&[u8]));

/// A reader's name, which is its folder below `fuzz/corpus`, and what it is given.
pub(crate) const TARGETS: &[Target] =
    &[("keras_archive", keras_archive), ("weights_h5", weights_h5), ("legacy_h5", legacy_h5), ("safetensors", safetensors), ("npz", npz)];

/// Little may be asked for, so that runs are quick and what asks for much is found.
pub(crate) fn limits() -> ReadLimits {
    ReadLimits {
        json_bytes: 1 << 20,
        weights_bytes: 16 << 20,
        assets_bytes: 1 << 20,
        expansion_floor_bytes: 1 << 20,
        objects: 2_000,
        members: 100,
        ..ReadLimits::default()
    }
}

/// Neither a panic nor a reader that stopped at one is an answer.
pub(crate) fn answered<T>(read: Result<T, adaline_formats::FormatError>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(error) => {
            let text = error.to_string();
            assert!(!text.contains("the HDF5 reader stopped"), "the HDF5 library panicked");
            None
        }
    }
}

/// `.keras`. What was read is written, and reads the same.
pub(crate) fn keras_archive(bytes: &[u8]) {
    let Some(archive) = answered(KerasArchive::read_from_slice_with(bytes, &limits())) else { return };
    if let Ok(again) = archive.write_to_vec() {
        let same = KerasArchive::read_from_slice(&again).unwrap();
        assert_eq!(same.config, archive.config);
        assert_eq!(same.weights.len(), archive.weights.len());
    }
}

fn hdf5(bytes: &[u8]) -> Option<ModelFile> {
    answered(ModelFile::read_from_slice_with(bytes, &limits())).filter(|_| bytes.starts_with(b"\x89HDF"))
}

/// `.weights.h5`.
pub(crate) fn weights_h5(bytes: &[u8]) {
    let Some(ModelFile::Weights(weights)) = hdf5(bytes) else { return };
    if let Ok(again) = weights.write_to_vec() {
        let Some(ModelFile::Weights(WeightsFile { weights: same, .. })) = hdf5(&again) else { return };
        assert_eq!(same.len(), weights.weights.len());
    }
}

/// `.h5` of Keras 1 and 2.
pub(crate) fn legacy_h5(bytes: &[u8]) {
    let Some(ModelFile::Legacy(legacy)) = hdf5(bytes) else { return };
    if let Ok(again) = legacy.write_to_vec()
        && let Some(ModelFile::Legacy(LegacyFile { layers, .. })) = hdf5(&again)
    {
        assert_eq!(layers.len(), legacy.layers.len());
    }
}

/// `.safetensors`.
pub(crate) fn safetensors(bytes: &[u8]) {
    let Ok(read) = Safetensors::read_from_slice(bytes) else { return };
    let again = Safetensors::read_from_slice(&read.write_to_vec().unwrap()).unwrap();
    assert_eq!(again.metadata, read.metadata);
    assert_eq!(again.tensors.len(), read.tensors.len());
}

/// `.npz`.
pub(crate) fn npz(bytes: &[u8]) {
    let _ = adaline_data::read_npz_from_slice(bytes, "bytes in memory");
}
