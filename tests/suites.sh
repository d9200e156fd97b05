# shellcheck shell=bash disable=SC2154 # work, build, seconds, filter: set by tests/run
# How tests/run drives GoogleTest programs and fuzz targets, and counts what they say.

# run_watched LOG COMMAND...: stops a program that has said nothing for 5 minutes.
run_watched() {
    local log=$1 pid
    shift
    : >"$log"
    "$@" >>"$log" 2>&1 </dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        if [ $(($(date +%s) - $(stat -c %Y "$log"))) -gt 300 ]; then
            echo "stopped: no output for 5 minutes" >>"$log"
            kill -ABRT "$pid"
            sleep 5
            kill -KILL "$pid" 2>/dev/null
        fi
        sleep 0.2
    done
    wait "$pid"
}

# list_tests PROGRAM FILTER: Suite.Case, one a line, without disabled ones.
list_tests() {
    "$1" --gtest_list_tests --gtest_filter="$2" | awk '
        /^[^ ].*\./ { suite = $1 }
        /^  / && (suite $1) !~ /DISABLED_/ { print suite $1 }'
}

# outcomes LOG: "passed|failed|skipped Suite.Case" of every test that came to its end.
outcomes() {
    sed -nE -e 's/^\[       OK \] ([^ ,]+).* \([0-9]+ ms\)$/passed \1/p' \
        -e 's/^\[  FAILED  \] ([^ ,]+).* \([0-9]+ ms\)$/failed \1/p' \
        -e 's/^\[  SKIPPED \] ([^ ,]+).* \([0-9]+ ms\)$/skipped \1/p' "$1"
}

# run_share PROGRAM NAMES RESULT: runs those tests; if the program dies on one, that one has failed
# and the rest go on in a new process. Appends the outcomes to RESULT.
run_share() {
    local program=$1 names=$2 result=$3 log victim round=0
    while [ -s "$names" ] && [ "$round" -lt 20 ]; do
        round=$((round + 1))
        log=$names.log$round
        echo "--gtest_filter=$(paste -sd: "$names")" >"$names.flags"
        run_watched "$log" "$program" --gtest_color=no --gtest_flagfile="$names.flags"
        local exit_code=$?
        outcomes "$log" >"$names.done"
        cat "$names.done" >>"$result"
        cut -d' ' -f2 "$names.done" | grep -vxFf - "$names" >"$names.left"
        if [ -s "$names.left" ]; then
            victim=$(sed -nE 's/^\[ RUN      \] //p' "$log" | tail -n 1)
            grep -qxF -- "$victim" "$names.left" || victim=$(head -n 1 "$names.left")
            echo "failed $victim" >>"$result"
            grep -vxF -- "$victim" "$names.left" >"$names"
            echo "---- $victim: the program ended with code $exit_code" >>"$log"
            show_failure "$log" "$victim"
        else
            # Everything has an outcome, yet it ended badly: the end itself is what failed.
            if [ "$exit_code" != 0 ] && ! grep -q '^failed' "$names.done"; then
                echo "failed ${program##*/}.EndsCleanly" >>"$result"
                tail -n 40 "$log"
            fi
            : >"$names"
        fi
        grep '^failed' "$names.done" | while read -r _ victim; do show_failure "$log" "$victim"; done
    done
    sed 's/^/failed /' "$names" >>"$result"
}

# What the program said from the beginning of that test, not more than a screenful or two.
show_failure() {
    awk -v name="$2" 'index($0, "[ RUN      ] " name) == 1 && $4 == name { shown = 1 }
                      shown { print }
                      /^\[  FAILED  \]/ && index($0, name) { exit }' "$1" | tail -n 80
}

# run_gtest PROGRAM SHARES [FILTER]: in that many processes at once, test suites kept whole.
run_gtest() {
    local program=$1 shares=$2 share base=$work/${1##*/}
    list_tests "$program" "${3:-*}" >"$base.all"
    sed 's/\..*//' "$base.all" | sort | uniq -c | sort -rn | awk -v shares="$shares" '
        { least = 0
          for (i = 1; i < shares; ++i) if (load[i] < load[least]) least = i
          load[least] += $1
          print least, $2 }' >"$base.plan"
    for ((share = 0; share < shares; share++)); do
        awk -F '[ .]' -v share="$share" 'NR == FNR { if ($1 == share) ours[$2] = 1; next } $1 in ours' \
            "$base.plan" "$base.all" >"$base.$share"
        run_share "$program" "$base.$share" "$work/result.$share" &
    done
    wait
    cat "$work"/result.[0-9]* >>"$work/result" 2>/dev/null
    rm -f "$work"/result.[0-9]*
}

# run_fuzzer PROGRAM: the seeds first, then mutations of them for the given time.
run_fuzzer() {
    local program=$1 name=${1##*/} seeds
    seeds=$root/tests/fuzz/corpus/$name
    mkdir -p "$work/$name"
    [ -d "$seeds" ] || seeds=
    if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$kept/$name-" "$work/$name" ${seeds:+"$seeds"} >"$work/$name.log" 2>&1; then
        echo "$name: $(sed -nE 's/^stat::number_of_executed_units: *//p' "$work/$name.log") inputs"
        echo "passed $name" >>"$work/result"
    else
        echo "$name: failed; the input is in $kept"
        tail -n 40 "$work/$name.log"
        echo "failed $name" >>"$work/result"
    fi
}

# Reports of sanitizers from programs that tests have started count as failures of the suite.
collect_sanitizer_reports() {
    local report
    for report in "$work"/sanitizer.*; do
        [ -e "$report" ] || continue
        head -n 60 "$report"
        cp "$report" "$kept/"
        echo "failed ${report##*/}" >>"$work/result"
    done
}

# report SUITE: the last line; true if something ran and nothing failed.
report() {
    local passed failed skipped
    passed=$(grep -c '^passed' "$work/result")
    failed=$(grep -c '^failed' "$work/result")
    skipped=$(grep -c '^skipped' "$work/result")
    grep '^failed' "$work/result" | sort -u | sed 's/^/  /'
    grep '^skipped' "$work/result" | sort -u | sed 's/^/  /'
    [ -z "${PGWEIR_TEST_COUNTS:-}" ] || echo "$1 $passed $failed $skipped" >>"$PGWEIR_TEST_COUNTS"
    [ "$failed" = 0 ] || echo "What the programs said: $kept"
    echo "passed $passed of $((passed + failed))"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}
