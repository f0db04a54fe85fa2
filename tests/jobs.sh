# shellcheck shell=bash
# For tests/run, tests/demo and tests/coverage: steps that say what they do and how long it took, are
# quiet when they go well and never outlive the script.

job=''

# Runs a command in a process group of its own, so that everything it started can be ended together.
run_job() {
    local status=0
    set -m
    "$@" </dev/null &
    job=$!
    set +m
    wait "$job" || status=$?
    job=''
    return "$status"
}

# end_job SIGNAL: tests need a moment to stop their servers; what is left after that is killed.
end_job() {
    local tenths
    [[ -n $job ]] || return 0
    kill -s "$1" -- "-$job" 2>/dev/null || return 0
    for ((tenths = 0; tenths < 300; tenths++)); do
        kill -s 0 -- "-$job" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -s KILL -- "-$job" 2>/dev/null || true
}

stop_on() {
    # shellcheck disable=SC2064 # the signal's name is known now
    trap "trap '' HUP INT TERM; end_job $1; echo; echo 'stopped by SIG$1' >&2; exit $2" "$1"
}
stop_on HUP 129
stop_on INT 130
stop_on TERM 143

# Of what ninja prints on its way, every quarter.
quarters() {
    local line done_part=0
    while IFS= read -r line; do
        [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
        ((4 * BASH_REMATCH[1] / BASH_REMATCH[2] > done_part)) || continue
        done_part=$((4 * BASH_REMATCH[1] / BASH_REMATCH[2]))
        ((done_part == 4)) || echo "   $((25 * done_part)) % after $((SECONDS - begin)) s"
    done
}

# build_preset PRESET [TARGET...]: shows what the tools said only if they failed.
build_preset() {
    local log=build/$1.log build=(cmake --build --preset "$1" --parallel "$(nproc)") begin=$SECONDS
    (($# == 1)) || build+=(--target "${@:2}")
    echo "== building $1${2:+: ${*:2}}"
    if mkdir -p build && run_job cmake --preset "$1" >"$log" 2>&1 &&
        run_job "${build[@]}" > >(tee -a "$log" | quarters) 2>&1; then
        echo "   built in $((SECONDS - begin)) s"
        return
    fi
    tail -n 50 "$log" >&2
    [[ ! -e $log ]] || ! grep -q 'No space left on device' "$log" || echo "the disk is full: make room for $PWD/build" >&2
    return 1
}
