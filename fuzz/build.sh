#!/bin/sh
# Builds all fuzz targets as programs that can be copied to another machine: fuzz/build.sh [FOLDER]
# The same flags as `cargo fuzz build` has, without needing it. Needs a nightly compiler and a C++ compiler (for libFuzzer).
set -e
cd "$(dirname "$0")"
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Zsanitizer=address -Cdebug-assertions"
cargo +nightly build --release --locked --target x86_64-unknown-linux-gnu
if [ -n "$1" ]; then
    mkdir -p "$1"
    for target in fuzz_targets/*.rs; do
        cp "target/x86_64-unknown-linux-gnu/release/$(basename "$target" .rs)" "$1/"
    done
    cp -r corpus "$1/"
fi
