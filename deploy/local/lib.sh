# shellcheck shell=bash disable=SC2154 # dir, pg_bin: set by who sources this
# What up, down and status share: messages, waiting, the owner of the servers, the directory's layout.
#
# DIR/env           what a test or a person needs (shell file)      DIR/log/   one file per server
# DIR/marker/       this DIR is ours: created, owner, servers, state DIR/run/   Unix sockets
# DIR/primary, DIR/standby1 ...  data directories                  DIR/pgweir.toml, DIR/users.txt

default_dir() {
    if [ "$(id -u)" = 0 ]; then
        echo /var/lib/pgweir-local
    else
        echo "${XDG_STATE_HOME:-$HOME/.local/state}/pgweir-local"
    fi
}

say() { printf '%s\n' "$*"; }

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# need_value OPTION COUNT: an option that wants a value has one.
need_value() {
    [ "$2" -ge 2 ] || die "$1 needs a value (--help explains)"
}

# absolute PATH, without asking that it exists.
absolute() {
    realpath -m -- "$1"
}

# The account that servers and pgweir run as: postgres for root, otherwise whoever calls.
owner_of_servers() {
    if [ "$(id -u)" = 0 ]; then echo postgres; else id -un; fi
}

# as_owner COMMAND...: execs, so that the process is the command itself and no wrapper stays.
as_owner() {
    if [ "$(id -u)" = 0 ]; then
        cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups -- \
            env HOME=/var/lib/postgresql "$@"
    else
        exec "$@"
    fi
}

# wait_until SECONDS COMMAND...: true as soon as the command is, false after the limit.
wait_until() {
    local limit=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$limit" ] || return 1
        sleep 0.1
    done
}

is_running() { [ -n "$1" ] && [ -d "/proc/$1" ] && ! grep -qs '^State:.*Z' "/proc/$1/status"; }

is_gone() { ! is_running "$1"; }

# is_pgweir PID: that process is the one that `up` started (a pid may have been given away since).
is_pgweir() {
    is_running "$1" && grep -qsaF -- "$dir/pgweir.toml" "/proc/$1/cmdline"
}

# sql PORT STATEMENT [DATABASE]: through TCP as PGUSER with PGPASSWORD; rows without decoration.
sql() {
    PGPASSWORD=$PGPASSWORD PGCONNECT_TIMEOUT=3 "$pg_bin/psql" -X -A -t -q -v ON_ERROR_STOP=1 \
        -h 127.0.0.1 -p "$1" -U "$PGUSER" -d "${3:-postgres}" -c "$2"
}

answers() { [ "$(sql "$1" 'select 1' 2>/dev/null)" = 1 ]; }

# http_status PORT PATH: the number of the answer's first line; empty if nobody answers.
http_status() {
    (
        exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
        printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
        IFS=' ' read -r -t 3 _ status _ <&3 && printf '%s' "$status"
    ) 2>/dev/null
}

is_ready() { [ "$(http_status "$1" /readyz)" = 200 ]; }

# load_cluster: reads the marks and DIR/env of a cluster that `up` has made.
load_cluster() {
    [ -d "$dir/marker" ] || die "there is no local cluster in $dir (deploy/local/up makes one)"
    [ -r "$dir/marker/pg_bin" ] || die "$dir belongs to another user"
    pg_bin=$(<"$dir/marker/pg_bin")
    # shellcheck source=/dev/null
    [ ! -r "$dir/env" ] || . "$dir/env"
}

# stop_process PID SECONDS SIGNAL...: each signal in turn, that long apart, until it is gone.
stop_process() {
    local pid=$1 seconds=$2 signal
    shift 2
    for signal in "$@"; do
        is_running "$pid" || return 0
        kill -s "$signal" "$pid" 2>/dev/null
        wait_until "$seconds" is_gone "$pid" && return 0
    done
    ! is_running "$pid"
}

# stop_everything: pgweir (drains, then at once), repmgrd, standbys, primary.
stop_everything() {
    local pid_file name
    if [ -n "${PGWEIR_PID:-}" ] && is_pgweir "$PGWEIR_PID"; then
        say "Stopping pgweir (pid $PGWEIR_PID)"
        stop_process "$PGWEIR_PID" 5 TERM TERM KILL || say "pgweir does not end"
    fi
    for pid_file in "$dir"/run/repmgrd-*.pid; do
        [ ! -e "$pid_file" ] || stop_process "$(<"$pid_file")" 5 TERM KILL
    done
    for name in $(tac "$dir/marker/servers" 2>/dev/null); do
        is_running "$(head -n 1 "$dir/$name/postmaster.pid" 2>/dev/null)" || continue
        say "Stopping $name"
        (as_owner "$pg_bin/pg_ctl" -D "$dir/$name" stop -m fast -w -t 30 -s) ||
            (as_owner "$pg_bin/pg_ctl" -D "$dir/$name" stop -m immediate -w -s)
    done
}
