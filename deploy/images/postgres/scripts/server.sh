# shellcheck shell=bash disable=SC2154 # variables of env.sh
# The server of this container: start, stop, ask.

server_pid=''

# start_server [DATA [OPTION...]]: as our child; does not wait until it answers.
start_server() {
    local where=${1:-$data} extra=()
    [ $# -eq 0 ] || shift
    # shellcheck disable=SC2206 # flags of the user, one word each
    extra=(${POSTGRESQL_EXTRA_FLAGS:-})
    rm -f "$where/postmaster.pid"
    "$pg_bin/postgres" -D "$where" -c "config_file=$tmp/postgresql.conf" ${extra[@]+"${extra[@]}"} "$@" &
    server_pid=$!
}

server_is_running() { [ -n "$server_pid" ] && kill -0 "$server_pid" 2>/dev/null; }

# stop_server [SECONDS]: fast; what a lost connection could hold up has 25 s, within a pod's usual 30 s of
# grace, then the server is ended at once.
stop_server() {
    local deadline=$((SECONDS + ${1:-25}))
    server_is_running || return 0
    kill -INT "$server_pid" 2>/dev/null || true
    while server_is_running && [ "$SECONDS" -lt "$deadline" ]; do pause 0.1; done
    ! server_is_running || kill -QUIT "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
    server_pid=''
}

# local_sql [-d DATABASE] STATEMENT: through the socket as the superuser; rows with blanks between columns.
local_sql() {
    local where=postgres
    if [ "$1" = -d ]; then where=$2 && shift 2; fi
    timeout 20 "$pg_bin/psql" -X -A -t -q -F ' ' -v ON_ERROR_STOP=1 -h "$tmp" -p "$port" -U postgres -d "$where" -c "$1"
}

server_answers() { [ "$(local_sql 'select 1' 2>/dev/null)" = 1 ]; }

# wait_for_server: true when it answers, false when it has ended.
wait_for_server() {
    until server_answers; do
        server_is_running || return 1
        pause 0.3
    done
}

# Unlike a plain sleep this lets a trap run at once.
pause() {
    sleep "$1" &
    wait $! || true
}

# The directory of a cluster, or what a broken first start has left?
has_data() { [ -s "$data/PG_VERSION" ] && [ -s "$data/global/pg_control" ]; }

# control FIELD: a line of pg_controldata.
control() { LC_ALL=C "$pg_bin/pg_controldata" "$data" | sed -n "s/^$1: *//p"; }

# The newest timeline that has WAL here.
timeline_on_disk() {
    local newest
    newest=$(find "$data/pg_wal/" -maxdepth 1 -regextype posix-extended -regex '.*/[0-9A-F]{24}' -printf '%f\n' |
        cut -c1-8 | sort | tail -n 1)
    echo $((16#${newest:-0}))
}

# After an upgrade of the C library, indexes on text may be in another order than the library's.
warn_of_collations() {
    local name old new
    while IFS='|' read -r name old new; do
        warn "database \"$name\": its collation has version $old, this image's C library $new: rebuild indexes on text (REINDEX), then ALTER DATABASE \"$name\" REFRESH COLLATION VERSION"
    done < <(local_sql "select datname || '|' || datcollversion || '|' || pg_database_collation_actual_version(oid)
        from pg_database where datallowconn
        and datcollversion is distinct from pg_database_collation_actual_version(oid) and datcollversion is not null" 2>/dev/null)
}

# check_volume: another major version is refused before anything is touched.
check_volume() {
    local found
    [ -e "$data/PG_VERSION" ] || return 0
    found=$(<"$data/PG_VERSION")
    [ "$found" = "$pg_version" ] ||
        die "$data is of PostgreSQL $found, this image has PostgreSQL $pg_version; nothing was touched. Dump and restore is the way: see deploy/migrate.md"
}

# Two containers on one volume (a pod that was deleted by force may still run) would destroy it.
lock_volume() {
    exec {lock_fd}>"$volume/.pgweir.lock" || die "$volume is not writable for user $(id -u)"
    flock -w 60 "$lock_fd" || die "another container works in $volume"
}
