#!/bin/sh
# Builds the fuzz targets as programs that can be copied to another machine: fuzz/build.sh [FOLDER [--features model]]
# The same flags as `cargo fuzz build` has, without needing it. Needs a nightly compiler and a C++ compiler (for libFuzzer).
set -e
cd "$(dirname "$0")"
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Zsanitizer=address -Cdebug-assertions"
folder=$1
[ $# -gt 0 ] && shift
cargo +nightly build --release --locked --target x86_64-unknown-linux-gnu "$@"
if [ -n "$folder" ]; then
    mkdir -p "$folder"
    for target in fuzz_targets/*.rs; do
        program=target/x86_64-unknown-linux-gnu/release/$(basename "$target" .rs)
        [ -f "$program" ] && cp "$program" "$folder/"
    done
    cp -r corpus "$folder/"
fi
