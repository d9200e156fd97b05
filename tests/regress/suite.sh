# shellcheck shell=bash disable=SC2154 # root, work, kept, preset, filter, schedules: set by tests/run
# Runs PostgreSQL's own regression suite against a real cluster, through pgweir or directly.

# run_regress: each schedule on a cluster of its own; outcomes go to $work/result.
run_regress() {
    local schedule
    if [ -z "${PGWEIR_BIN:-}" ]; then
        build_target "$preset" pgweir || return 1
        export PGWEIR_BIN=$root/build/$preset/pgweir
    fi
    "$root/tests/regress/fetch" || return 1
    prepare_suite || return 1
    for schedule in $schedules; do
        mkdir "$work/$schedule" "$kept/$schedule"
        chmod 1777 "$work/$schedule"
        write_schedule "$schedule" >"$work/$schedule/schedule"
        [ -s "$work/$schedule/schedule" ] || {
            echo "no test of the suite is called $filter"
            return 1
        }
        (run_schedule "$schedule")
        count_outcomes "$schedule"
        keep_diffs "$schedule"
    done
    return 0
}

# Sets regress_suite, programs, modules; user postgres has to reach them (not so in a clone below /root).
prepare_suite() {
    local bin libpq version cache=$root/build/regress
    # shellcheck source=/dev/null
    . "$cache/ready"
    if ! (as_owner test -r "$cache/suite/parallel_schedule"); then
        cp -a "$cache" "$work/regress" || return 1
        cache=$work/regress
    fi
    regress_suite=$cache/suite modules=$cache/lib programs=$cache/$bin
    libpq_path=$cache/$libpq
    echo "PostgreSQL $version, $(suite_tests | wc -l) tests"
}

suite_tests() { sed -n 's/^test: *//p' "$regress_suite/parallel_schedule" | tr -s '[:blank:]' '\n' | grep .; }

# ---- which tests ---------------------------------------------------------------------------------

# write_schedule serial|parallel: the chosen tests in the suite's own order.
write_schedule() {
    local line name group
    chosen_tests >"$work/chosen"
    while read -r line; do
        group=
        for name in $line; do
            grep -qxF -- "$name" "$work/chosen" || continue
            if [ "$1" = serial ]; then echo "test: $name"; else group+=" $name"; fi
        done
        [ -z "$group" ] || echo "test:$group"
    done < <(sed -n 's/^test: *//p' "$regress_suite/parallel_schedule")
}

# The tests that the filter names, and before them what tests/regress/needs says that they need.
chosen_tests() {
    local name pattern patterns
    IFS=' ,:' read -r -a patterns <<<"$filter"
    while read -r name; do
        for pattern in "${patterns[@]}"; do
            # shellcheck disable=SC2053 # a pattern it is
            [[ $name != $pattern ]] || with_needs "$name"
        done
    done < <(suite_tests) | sort -u
}

with_needs() {
    local need needs
    echo "$1"
    [ "$1" = test_setup ] || echo test_setup
    read -r -a needs < <(sed -n "s/^$1: *//p" "$root/tests/regress/needs")
    for need in ${needs[@]+"${needs[@]}"}; do with_needs "$need"; done
}

# ---- one schedule --------------------------------------------------------------------------------

# run_schedule NAME, in a shell of its own: whatever happens, its servers and clients are stopped.
run_schedule() {
    # Not local: needed until the shell ends.
    schedule=$1 directory=$work/$1
    background='' runner=''
    trap 'stop_schedule' EXIT
    trap 'exit 130' INT TERM HUP
    "$root/deploy/local/up" --dir "$directory/cluster" --port 0 --detach --standbys 2 \
        --pg-bin "$programs" --pg-set max_prepared_transactions=8 --pg-set fsync=off \
        --set pool_size=4 >"$directory/up.log" 2>&1 || {
        cat "$directory/up.log"
        exit 1
    }
    # shellcheck source=/dev/null
    . "$directory/cluster/env"
    export LD_LIBRARY_PATH=$libpq_path
    port=$PGWEIR_PORT
    [ "${PGWEIR_TEST_TARGET:-}" != direct ] || port=$PRIMARY_PORT
    make_database || exit 1
    start_background "$port"
    [ "${PGWEIR_TEST_TARGET:-}" = direct ] || connections_change_hands "$port"
    echo "$schedule: $(grep -o '[a-z0-9_.]*' "$directory/schedule" | grep -vcx test) tests on port $port"
    run_pg_regress "$port" &
    runner=$!
    wait "$runner"
    runner=
    # shellcheck disable=SC2153 # of the cluster's env
    is_running "$PGWEIR_PID" || echo "failed $schedule.PgweirStaysUp" >>"$work/result"
}

stop_schedule() {
    local pid
    trap - EXIT INT TERM HUP
    for pid in $background $runner; do kill "$pid" 2>/dev/null && wait "$pid"; done
    cp -r "$directory/cluster/log" "$kept/$schedule/" 2>/dev/null
    [ ! -d "$directory/cluster/marker" ] || "$root/deploy/local/down" --dir "$directory/cluster" >/dev/null 2>&1
}

ask() { "$programs/psql" -X -A -t -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$1" -U postgres -d "$2"; }

# The settings are those that pg_regress gives to a database that it makes itself; the standbys have it
# before the first client comes.
make_database() {
    local port target
    ask "$PRIMARY_PORT" postgres <<'SQL' || return 1
create database regression template template0;
alter database regression set lc_messages to 'C';
alter database regression set lc_monetary to 'C';
alter database regression set lc_numeric to 'C';
alter database regression set lc_time to 'C';
alter database regression set bytea_output to 'hex';
alter database regression set timezone_abbreviations to 'Default';
SQL
    target=$(ask "$PRIMARY_PORT" postgres <<<'select pg_current_wal_flush_lsn()')
    for port in $STANDBY_PORTS; do
        wait_until 30 has_replayed "$port" "$target" || return 1
    done
}

has_replayed() { [ "$(ask "$1" postgres <<<"select pg_last_wal_replay_lsn() >= '$2'")" = t ]; }

# Other sessions of the same user and database: without them one psql would get the same server
# connection again and again, and whatever it left there would be found again by luck. Their blocks
# take no snapshot: one would keep VACUUM from marking pages, on which expected plans depend.
start_background() {
    local port=$1 client='' scripts=(-f "$directory/block.sql@9")
    printf '%s\n' 'begin;' 'show port;' '\sleep 4 ms' 'commit;' >"$directory/block.sql"
    echo 'select count(*) from pg_namespace;' >"$directory/read.sql"
    [ "${PGWEIR_TEST_TARGET:-}" = direct ] || scripts+=(-f "$directory/read.sql@1")
    (
        trap 'kill "$client" 2>/dev/null; exit 0' TERM
        while :; do
            "$programs/pgbench" -n -c 4 -T 3600 "${scripts[@]}" \
                -h 127.0.0.1 -p "$port" -U postgres regression >>"$directory/background.log" 2>&1 </dev/null &
            client=$!
            wait "$client"
            sleep 0.2
        done
    ) &
    background=$!
}

connections_change_hands() {
    local count
    sleep 1
    count=$(yes 'select pg_backend_pid();' | head -n 50 | ask "$1" regression | sort -u | wc -l)
    echo "$schedule: 50 statements of one session ran on $count server connections"
    [ "$count" -gt 1 ] || echo "failed $schedule.ConnectionsChangeHands" >>"$work/result"
}

# At most 3 tests of a group at once: each may have to keep a server connection, and a pool of 4
# keeps one for those that need not. 5 minutes for a file: alone, the longest takes a few seconds.
run_pg_regress() {
    local program=$programs/../lib/pgxs/src/test/regress/pg_regress expected=()
    # Since PostgreSQL 16 a folder of its own, by default the current one.
    ! "$program" --help | grep -q expecteddir || expected=(--expecteddir="$regress_suite")
    cd "$directory" || exit
    as_owner "$program" --use-existing --dbname=regression \
        --host=127.0.0.1 --port="$1" --user=postgres --inputdir="$regress_suite" --outputdir="$directory" \
        --bindir="$programs" --dlpath="$modules" --schedule="$directory/schedule" \
        --max-connections=3 --launcher='timeout 300' ${expected[@]+"${expected[@]}"} >"$directory/run.log" 2>&1 </dev/null
}

# ---- afterwards ----------------------------------------------------------------------------------

# PostgreSQL 15 says `name ... ok`, 16 and later `ok 7 - name`. What was never run has failed.
count_outcomes() {
    local name passed total
    sed -nE -e 's/^(test)? *([a-z0-9_.]+) +\.\.\. (ok|failed \(ignored\)) .*/\2/p' \
        -e 's/^ok +[0-9]+ +[-+] ([a-z0-9_.]+) .*/\1/p' "$work/$1/run.log" >"$work/$1/passed" 2>/dev/null
    total=0 passed=0
    while read -r name; do
        total=$((total + 1))
        if grep -qxF -- "$name" "$work/$1/passed"; then
            passed=$((passed + 1))
            echo "passed $1.$name" >>"$work/result"
        else
            echo "failed $1.$name" >>"$work/result"
        fi
    done < <(sed 's/^test: *//' "$work/$1/schedule" | tr ' ' '\n')
    echo "$1: passed $passed of $total"
}

# One file for each failed test: what was expected against what came.
keep_diffs() {
    local from=$work/$1 to=$kept/$1
    cp "$from"/*.log "$from/schedule" "$to/" 2>/dev/null
    [ ! -s "$from/regression.diffs" ] || awk -v to="$to" '
        /^diff / { close(out); out = $NF; sub(/.*\//, "", out); sub(/\.out$/, ".diff", out); out = to "/" out }
        out { print >out }' "$from/regression.diffs"
    cp -r "$from/results" "$to/" 2>/dev/null
}
