#!/usr/bin/env bash
# shellcheck disable=SC2154 # variables of the parts
# What the container runs: prepares PGDATA, starts the server in the role that the cluster has for it,
# and stays beside it. README.md tells the rules.
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for part in log env conf server nodes join first watch; do
    # shellcheck source=/dev/null
    . "$scripts/$part.sh"
done
long_pid=''

# SIGTERM: a fast shutdown, in which the primary hands its last WAL to its standbys.
shut_down() {
    trap '' TERM INT
    : >"$tmp/stopping"
    [ -z "$long_pid" ] || kill "$long_pid" 2>/dev/null || true
    stop_repmgrd
    if [ "$cluster" = yes ] && server_is_running && [ -z "$long_pid" ]; then
        "$scripts/bin/pgweir-node" stop || true
    fi
    stop_server
    say "stopped"
    exit 0
}

prepare() {
    mkdir -p "$tmp" "$(dirname "$data")" 2>/dev/null || true
    [ -w "$tmp" ] || die "$tmp is not writable for user $(id -u)"
    [ -w "$(dirname "$data")" ] || die "$(dirname "$data") is not writable for user $(id -u) (fsGroup 1001 makes it so)"
    # An emptyDir outlives the container: what an earlier one has left would mislead.
    rm -rf "$tmp/stopping" "$tmp"/votes.* "$tmp"/.s.PGSQL.*
    enable_user_name
    check_volume
    lock_volume
    recover_renames
    [ ! -d "$data" ] || chmod 0700 "$data"
    write_configuration
    umask 077
}

run_single() {
    has_data || first_start
    start_server
    wait_for_server || die "the server does not start"
    warn_of_collations
    wait "$server_pid" || die "the server has ended"
}

# Without data: a clone of whoever is primary. Only the node that REPMGR_PRIMARY_HOST names may begin a new
# cluster, and only if no partner has one.
first_data() {
    local answers best host their_port tries=0
    while :; do
        tries=$((tries + 1))
        answers=$(ask_others)
        best=$(best_primary "$answers" '' 0)
        if [ -n "$best" ]; then
            read -r host their_port _ <<<"$best"
            ! clone "$host" "$their_port" || return 0
        elif grep -q ' standby ' <<<"$answers"; then
            say_once "this volume is empty; its partners have no primary yet: waiting"
        elif [ "$first_primary" = "$node_host" ] || [ "$first_primary" = "$node_name" ]; then
            if [ "$tries" -ge 3 ]; then
                first_start
                return 0
            fi
        else
            say_once "this volume is empty and no partner answers as primary: waiting"
        fi
        pause 1
    done
}

# With data: as a standby, of the primary if there is one. Nobody starts as primary because it was one.
begin_as_standby() {
    local best host their_port
    best=$(best_primary "$(ask_others)" "$system_id" "$(timeline_on_disk)")
    if [ -n "$best" ]; then
        read -r host their_port _ <<<"$best"
        say "the primary is $host"
        if [ -e "$(rewind_mark)" ]; then
            rejoin "$host" "$their_port"
            return
        fi
        write_upstream "$data" "$host" "$their_port"
    else
        [ ! -e "$(rewind_mark)" ] || die "pg_rewind was cut off here, and there is no primary to clone from"
        say "nobody answers as primary: starting as a standby without upstream"
        write_upstream "$data"
    fi
    start_server
}

run_member() {
    local fresh=no
    if ! has_data; then
        first_data
        [ -e "$data/standby.signal" ] || fresh=yes
    fi
    system_id=$(control 'Database system identifier')
    if [ "$fresh" = yes ]; then start_server; else begin_as_standby; fi
    watch
}

# A command of one's own instead of the server: `podman run IMAGE psql ...`.
if [ $# -gt 0 ] && [[ ! $1 =~ (^|/)(run\.sh|postgres)$ ]]; then exec "$@"; fi

load_environment
check_environment
trap shut_down TERM INT
prepare
if [ "$cluster" = yes ]; then run_member; else run_single; fi
