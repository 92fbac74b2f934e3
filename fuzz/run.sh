#!/bin/sh
# Builds the fuzz targets with the stable toolchain and runs each for SECONDS (default 60): ./run.sh [SECONDS [TARGET ...]]
#
# libFuzzer comes with libfuzzer-sys and needs a C++ compiler. Coverage is switched on by hand, as cargo-fuzz does, since
# sanitizers need nightly and coverage does not. What is found is kept in corpus/TARGET, a crash in artifacts/TARGET.
set -eu
cd "$(dirname "$0")"
seconds=${1:-60}
[ $# -gt 0 ] && shift
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 \
-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
# With --target, build scripts and macros stay as they are.
cargo build --release --quiet --target "$host"
for target in ${*:-claim policy form json cbor aggregate filter}; do
    mkdir -p "corpus/$target" "artifacts/$target"
    "${CARGO_TARGET_DIR:-target}/$host/release/$target" "corpus/$target" "seeds/$target" \
        -artifact_prefix="artifacts/$target/" -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=1024 \
        -print_final_stats=1 -verbosity=0
done
