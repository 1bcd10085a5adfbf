//! Writes the models that real Keras saved (`crates/nn/tests/files`) anew, as files of all kinds, for `scripts/goldens/check_files.py`:
//!
//!     cargo run -p adaline-nn --example write_files -- FOLDER

use adaline_graph::reference::Reference;
use adaline_nn::model::load_model_on;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("give a folder")?);
    std::fs::create_dir_all(&folder)?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files"))?
        .filter_map(|f| Some(f.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "keras"))
        .collect();
    files.sort();
    for file in files {
        let name = file.file_stem().ok_or("a file without a name")?.to_string_lossy().into_owned();
        let model = load_model_on(Arc::new(Reference::default()), &file)?;
        for end in ["keras", "h5"] {
            model.save(folder.join(format!("{name}.{end}")))?;
        }
        for end in ["weights.h5", "safetensors", "npz"] {
            model.save_weights(folder.join(format!("{name}.{end}")))?;
        }
    }
    Ok(())
}
