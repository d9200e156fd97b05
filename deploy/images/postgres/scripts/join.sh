# shellcheck shell=bash disable=SC2154 # variables of env.sh
# How a node becomes a standby of the primary: follow, rewind, clone.

# As ALTER SYSTEM and repmgr write it.
upstream_conninfo() {
    printf 'host=%s port=%s user=%s application_name=%s connect_timeout=%s passfile=%s keepalives_idle=10 keepalives_interval=5 keepalives_count=3' \
        "$1" "$2" "$repmgr_user" "$node_name" "$connect_timeout" "$tmp/pgpass"
}

# write_upstream DATA [HOST PORT]: into postgresql.auto.conf while the server cannot be asked to; without
# a host the standby has no upstream.
write_upstream() {
    local where=$1 file=$1/postgresql.auto.conf
    touch "$file"
    {
        grep -Ev '^[[:space:]]*(primary_conninfo|primary_slot_name|recovery_target.*|restore_command|recovery_min_apply_delay)[[:space:]]*=' "$file" || true
        [ $# -lt 3 ] || line primary_conninfo "$(upstream_conninfo "$2" "$3")"
    } >"$file.new"
    mv "$file.new" "$file"
    : >"$where/standby.signal"
    rm -f "$where/recovery.signal"
}

# The host that this standby is told to stream from, or nothing.
current_upstream() { local_sql 'show primary_conninfo' 2>/dev/null | sed -nE "s/.*host='?([^ ']+).*/\1/p"; }

# follow HOST PORT: the running standby streams from there.
follow() {
    say "following the primary $1"
    local_sql "alter system set primary_conninfo = '$(upstream_conninfo "$1" "$2")'" &&
        local_sql 'select pg_reload_conf()' >/dev/null
}

# As long as it is there, PGDATA is neither what it was nor what it shall be.
rewind_mark() { echo "$volume/.pgweir-rewind"; }

# rewind HOST PORT: takes PGDATA back to where the primary's history leaves ours. The server is stopped.
rewind() {
    local source
    source="host=$1 port=$2 user=$repmgr_user dbname=postgres connect_timeout=$connect_timeout passfile=$tmp/pgpass"
    # The source's timeline is read from its control file, which is new only after a checkpoint.
    node_sql "$1" "$2" checkpoint || return 1
    # A crashed primary recovers first, as a standby would not.
    rm -f "$data/standby.signal"
    : >"$(rewind_mark)"
    if ! run_long "$pg_bin/pg_rewind" --target-pgdata="$data" --source-server="$source" \
        --config-file="$tmp/postgresql.conf"; then
        return 1
    fi
    write_upstream "$data" "$1" "$2"
    rm -f "$(rewind_mark)"
}

# There has to be room for a second copy; if not, the old one goes first: its primary is gone, and a
# living primary has every row that counts.
make_room() {
    local need free
    need=$(node_sql "$1" "$2" "select (sum(pg_database_size(oid)) / 1024 * 1.1)::bigint + 100 * 1024 from pg_database") || return 1
    free=$(df -Pk "$volume" | awk 'NR == 2 { print $4 }')
    if [ "$need" -gt "$free" ] && [ -d "$data" ]; then
        warn "$volume has no room for a second copy ($need kB): the old data go first"
        rm -rf "$data"
    fi
}

# clone HOST PORT: a fresh copy of the primary's data; what lies in PGDATA is replaced once it is complete.
clone() {
    say "cloning from the primary $1"
    rm -rf "$data.new" "$data.old"
    make_room "$1" "$2" || return 1
    run_long "$pg_bin/repmgr" -f "$tmp/repmgr-clone.conf" -h "$1" -p "$2" -U "$repmgr_user" -d "$repmgr_database" \
        standby clone --fast-checkpoint || return 1
    write_upstream "$data.new" "$1" "$2"
    [ ! -d "$data" ] || mv "$data" "$data.old"
    mv "$data.new" "$data"
    rm -rf "$data.old" "$(rewind_mark)"
}

rewinds=0 # since we last streamed

# rejoin HOST PORT: this node's data are not a part of the primary's history, or cannot be started.
rejoin() {
    stop_repmgrd
    stop_server
    rewinds=$((rewinds + 1))
    if [ -e "$(rewind_mark)" ] || [ "$rewinds" -gt 1 ]; then
        say "an earlier pg_rewind was not completed, or was not enough"
        clone "$1" "$2" || return 1
    elif say "rejoining the primary $1 by pg_rewind" && rewind "$1" "$2"; then
        say "pg_rewind is done"
    else
        warn "pg_rewind did not succeed; a fresh clone will"
        clone "$1" "$2" || return 1
    fi
    start_server
}

# run_long COMMAND...: in the background, so that SIGTERM is heard meanwhile.
run_long() {
    local code=0
    "$@" &
    long_pid=$!
    wait "$long_pid" || code=$?
    long_pid=''
    return "$code"
}

# An earlier start may have ended between the two renames of a clone.
recover_renames() {
    if [ ! -d "$data" ] && [ -d "$data.old" ]; then mv "$data.old" "$data"; fi
}
