#!/usr/bin/env bash
# The gate on this repository's own benches: runs without a change do not fail, a planted slow-down exits with 2.
# Six runs make a baseline whose scatter is known: on a shared machine runs differ by more than their own samples tell,
# and one that is a quarter slower is no news there. With three, where runs differ by a half, even three times the time is
# honestly undecided (a t interval on two degrees of freedom is 1.7 times as wide as on five); ten times is not.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
windtunnel=(cargo run --quiet --)

bench() { # runs the benches and leaves their criterion folder in $work/$1
    CRITERION_HOME="$work/$1" cargo bench --profile dev --bench stats --quiet -- \
        'detect_steps/(365|1000)$' --warm-up-time 0.5 --measurement-time 1 --sample-size 30 --noplot >/dev/null 2>&1
}
gate() { # exit code of the gate on $work/$1
    "${windtunnel[@]}" gate --current "$work/$1" --baseline "$work/main.json" --tolerance 25% "${@:2}" && echo 0 || echo $?
}

# The first gate has no baseline, which is no pass: 3. The next ones add their runs to it.
for run in 1 2 3 4 5 6; do
    bench "before-$run"
    code=$("${windtunnel[@]}" --quiet gate --current "$work/before-$run" --save "$work/main.json" --tolerance 90% && echo 0 || echo $?)
    if [ "$run" = 1 ] && [ "$code" != 3 ]; then
        echo "a gate without a baseline exited with $code, not 3"
        exit 1
    fi
done

bench same
told=$(gate same --rerun "CRITERION_HOME=$work/same cargo bench --profile dev --bench stats --quiet -- 'detect_steps/(365|1000)$' --warm-up-time 0.5 --measurement-time 1 --sample-size 30 --noplot")
echo "$told"
[ "${told##*$'\n'}" != 2 ] || { echo "the gate failed although nothing changed"; exit 1; }

WINDTUNNEL_PLANTED=10 bench slow
told=$(gate slow --junit "$work/gate.xml" --summary "$work/gate.md")
echo "$told"
[ "${told##*$'\n'}" = 2 ] || { echo "the gate did not fail on a planted slow-down"; exit 1; }
grep -q '<failure ' "$work/gate.xml"
