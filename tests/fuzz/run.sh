#!/usr/bin/env bash
# Runs fuzz targets one after the other: tests/fuzz/run.sh MINUTES [TARGET..]
# Stops at the first input that breaks a promise and leaves it in the folder that is named at the end.
set -euo pipefail
cd "$(dirname "$0")"
minutes=${1:?minutes a target}
shift
targets=("$@")
[ $# -gt 0 ] || targets=(archive exposition files json logs long markers metrics_json metrics_tables secrets statsd tables values)

# LLVM's own pass counts edges and compares: a stable compiler has it as a nightly one.
host=$(rustc --print host-tuple)
passes=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters)
passes+=(-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares)
RUSTFLAGS="--cfg fuzzing ${passes[*]}" cargo build --quiet --release --target "$host"
out=${CARGO_TARGET_DIR:-target}
program=$out/$host/release/ingest

for target in "${targets[@]}"; do
    printf '\n== %s\n' "$target"
    mkdir -p "$out/corpus/$target" "$out/found/$target"
    inputs=("$out/corpus/$target" seeds/*)
    [ "$target" = long ] || inputs=("$out/corpus/$target" "seeds/$target")
    [ ! -d "cases/$target" ] || inputs+=("cases/$target")
    FUZZ_TARGET=$target nice -n 15 "$program" -max_total_time=$((minutes * 60)) -max_len=8192 -timeout=10 -rss_limit_mb=512 \
        -dict=words.dict -artifact_prefix="$out/found/$target/" -print_final_stats=1 "${inputs[@]}" 2>&1 |
        grep -vE '^(INFO|NEW_FUNC|#[0-9]+.(NEW|REDUCE|RELOAD))|NEW_FUNC' || {
        echo "broken by an input in $out/found/$target: make it small with -minimize_crash=1, keep it in cases/$target"
        exit 1
    }
done
