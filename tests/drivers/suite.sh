# shellcheck shell=bash disable=SC2154 # root, work, kept, preset, filter: set by tests/run
# Runs real drivers, first directly against the primary, then through pgweir.

# shellcheck source=tests/drivers/toolchains.sh
. "$root/tests/drivers/toolchains.sh"

driver_families=(psycopg3 psycopg2 asyncpg sqlalchemy django pgx lib_pq jdbc node_postgres tokio_postgres libpq pdo ruby_pg)

# What each scenario checks, in order, after `connect`.
declare -A driver_scenarios=(
    [shared]='settings transactions prepared pipeline errors cancel copy own_rows'
    [listen]='listen'
    [temporary_table]='temporary_table'
    [hold_cursor]='hold_cursor'
    [full]='waiters'
)

# run_drivers: outcomes go to $work/result.
run_drivers() {
    if [ -z "${PGWEIR_BIN:-}" ]; then
        build_target "$preset" pgweir || return 1
        export PGWEIR_BIN=$root/build/$preset/pgweir
    fi
    cache=$root/build/drivers
    mkdir -p "$cache" && cp -r "$root/tests/drivers/." "$cache/" || return 1
    (run_families)
}

# In a shell of its own: whatever happens, its servers are stopped.
run_families() {
    local family
    cluster=$work/cluster
    trap 'stop_drivers_cluster' EXIT
    trap 'exit 130' INT TERM HUP
    start_drivers_cluster || exit 1
    for family in "${driver_families[@]}"; do
        is_wanted "$family" || continue
        prepare "$family"
        case $? in
        0) run_family "$family" ;;
        1)
            echo "$family: skipped, $missing"
            echo "skipped $family ($missing)" >>"$work/result"
            ;;
        *) echo "failed $family.Builds" >>"$work/result" ;;
        esac
    done
    # shellcheck disable=SC2153 # of the cluster's env
    is_running "$PGWEIR_PID" || echo 'failed PgweirStaysUp' >>"$work/result"
}

is_wanted() {
    local pattern patterns
    IFS=' ,:' read -r -a patterns <<<"$filter"
    for pattern in "${patterns[@]}"; do
        # shellcheck disable=SC2053 # a pattern it is
        [[ $1 != $pattern ]] || return 0
    done
    return 1
}

# A database for each size of pool: where nothing pins, where 50 clients take turns at pinning, and where
# one pin takes all there is.
start_drivers_cluster() {
    "$root/deploy/local/up" --dir "$cluster" --port 0 --detach --standbys 2 --pg-set max_connections=200 \
        --pg-set fsync=off --set databases.drivers_one.pool_size=1 --set databases.drivers_three.pool_size=3 \
        --set databases.drivers_full.pool_size=1 --set databases.drivers_full.queue_timeout=8s \
        >"$work/up.log" 2>&1 || {
        cat "$work/up.log"
        return 1
    }
    # shellcheck source=/dev/null
    . "$cluster/env"
    # shellcheck disable=SC2034 # for `sql`
    pg_bin=$(<"$cluster/marker/pg_bin")
    export PGHOST=127.0.0.1
    local database
    for database in drivers_one drivers_three drivers_full; do
        sql "$PGWEIR_PORT" "create database $database" || return 1
    done
}

stop_drivers_cluster() {
    trap - EXIT INT TERM HUP
    cp -r "$cluster/log" "$kept/" 2>/dev/null
    cp "$cache"/*.log "$kept/" 2>/dev/null
    [ ! -d "$cluster/marker" ] || "$root/deploy/local/down" --dir "$cluster" >/dev/null 2>&1
}

run_family() {
    local family=$1 began=$SECONDS before after
    before=$(wc -l <"$work/result")
    # What fails directly is the scenario's own fault, and says nothing about pgweir.
    run_scenario "$family" shared "$PRIMARY_PORT" drivers_one direct
    run_scenario "$family" shared "$PGWEIR_PORT" drivers_one pgweir
    local scenario
    for scenario in listen temporary_table hold_cursor; do
        run_scenario "$family" "$scenario" "$PRIMARY_PORT" drivers_three direct
        run_scenario "$family" "$scenario" "$PGWEIR_PORT" drivers_three pgweir
    done
    run_scenario "$family" full "$PGWEIR_PORT" drivers_full pgweir
    after=$(tail -n "+$((before + 1))" "$work/result")
    echo "$family: passed $(grep -c ^passed <<<"$after"), failed $(grep -c ^failed <<<"$after")," \
        "skipped $(grep -c ^skipped <<<"$after") ($((SECONDS - began)) s)"
}

# run_scenario FAMILY SCENARIO PORT DATABASE direct|pgweir
run_scenario() {
    local family=$1 scenario=$2 target=$5 log=$work/$1.$2.$5.log checks check line name
    read -r -a checks <<<"${driver_scenarios[$scenario]}"
    sql "$3" 'drop table if exists driver_rows; create table driver_rows (id bigint
        generated always as identity primary key, client int not null, n int not null, body text not null,
        unique (client, n))' "$4" >"$log" 2>&1
    PGPORT=$3 PGDATABASE=$4 PGSSLMODE=disable timeout -k 5 300 "${command[@]}" \
        "${checks[@]}" >"$log" 2>&1 </dev/null
    [ "$scenario" != shared ] || checks=(connect "${checks[@]}")
    for check in "${checks[@]}"; do
        name=$family.$check
        [ "$target" = pgweir ] || name+=.directly
        line=$(grep -E -m 1 "^(ok|not ok|skip) $check(:|\$)" "$log")
        case $line in
        ok*) [ "$target" = direct ] || echo "passed $name" >>"$work/result" ;;
        skip*) [ "$target" = direct ] || echo "skipped $name (${line#*: })" >>"$work/result" ;;
        *)
            echo "failed $name" >>"$work/result"
            echo "$name: ${line:-nothing was said; the program ended with $(tail -n 1 "$log" | cut -c 1-300)}" | cut -c 1-500
            ;;
        esac
    done
}
