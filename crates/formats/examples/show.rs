//! Lists what a `.keras` file holds: `cargo run -p adaline-formats --example show -- model.keras`.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::path::Path;

fn main() {
    for path in std::env::args().skip(1) {
        let archive = match adaline_formats::KerasArchive::read(Path::new(&path)) {
            Ok(archive) => archive,
            Err(error) => {
                println!("{error}");
                continue;
            }
        };
        println!("{path}: {}", archive.metadata);
        for (object, name) in &archive.group_names {
            println!("  {object:?} is called {name:?}");
        }
        for tensor in &archive.weights {
            println!("  {} {} {:?}", tensor.path, tensor.data.dtype(), tensor.shape);
        }
        for (asset, content) in &archive.assets {
            println!("  asset {asset}, {} bytes", content.len());
        }
    }
}
