# shellcheck shell=bash
# For tests/run, tests/demo and tests/coverage: steps that say what they do and how long it took, are
# quiet when they go well and never outlive the script.

job=''
exec {terminal}>&2 # a job's own output may be a pipe whose reader an interrupt has ended

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

# end_job SIGNAL: tests need a moment to stop their servers, and dpkg must not be left half-way: what is
# left after $patience tenths of a second is killed.
patience=300
end_job() {
    local tenths
    [[ -n $job ]] || return 0
    kill -s "$1" -- "-$job" 2>/dev/null || return 0
    for ((tenths = 0; tenths < patience; tenths++)); do
        kill -s 0 -- "-$job" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -s KILL -- "-$job" 2>/dev/null || true
}

stop_on() {
    # shellcheck disable=SC2064 # the signal's name is known now
    trap "trap '' HUP INT TERM; end_job $1; printf '\nstopped by SIG$1\n' >&$terminal; exit $2" "$1"
}
stop_on HUP 129
stop_on INT 130
stop_on TERM 143

# Of what ninja prints on its way, every quarter.
quarters() {
    local line done_part=0
    while IFS= read -r line; do
        [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
        ((BASH_REMATCH[2] >= 8)) || continue # CMake running again is no quarter of anything
        ((4 * BASH_REMATCH[1] / BASH_REMATCH[2] > done_part)) || continue
        done_part=$((4 * BASH_REMATCH[1] / BASH_REMATCH[2]))
        ((done_part == 4)) || echo "   $((25 * done_part)) % after $((SECONDS - begin)) s"
    done
}

# build_preset PRESET [TARGET...]: shows what the tools said only if they failed.
build_preset() {
    local log=build/$1.log build=(cmake --build --preset "$1" --parallel "$(nproc)") begin=$SECONDS
    local output shown status=0
    (($# == 1)) || build+=(--target "${@:2}")
    echo "== building $1${2:+: ${*:2}}"
    mkdir -p build && : >"$log" || return 1
    if run_job cmake --preset "$1" >"$log" 2>&1; then
        # It is waited for, or its last lines would come after ours, and the log lack the error.
        exec {output}> >(tee -a "$log" | quarters)
        shown=$!
        run_job "${build[@]}" >&"$output" 2>&1 || status=$?
        exec {output}>&-
        wait "$shown" || true
        ((status != 0)) || { echo "   built in $((SECONDS - begin)) s"; return; }
    fi
    # On a full disk the log may have no room for what says so.
    if grep -q 'No space left on device' "$log" || (($(df -k --output=avail build | tail -n 1) < 1024)); then
        echo "the disk is full: make room for $PWD/build" >&2
    else
        tail -n 50 "$log" >&2
    fi
    return 1
}
