# shellcheck shell=bash disable=SC2154 # the variables of `up`
# The PostgreSQL side of `up`: one primary, standbys that stream from it, roles, ports.
# Uses the variables of `up`: dir, pg_bin, owner, standbys, pg_settings.

# The newest PostgreSQL of Debian, or nothing.
find_pg_bin() {
    local initdb
    initdb=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
    [ -x "$initdb" ] && printf '%s' "${initdb%/initdb}"
}

random_word() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# Does somebody listen on that TCP port (any address)?
port_is_taken() {
    local hex
    hex=$(printf '%04X' "$1")
    awk -v port=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 }
                         END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# Below the ports that the kernel gives to outgoing connections.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        port_is_taken "$port" || break
    done
    printf '%s' "$port"
}

next_free_port() {
    local port=$1
    while port_is_taken "$port"; do port=$((port + 1)); done
    printf '%s' "$port"
}

# Writes one server's own settings; pg_basebackup copies the include line from the primary.
write_server_settings() {
    local name=$1 port=$2 setting value
    {
        echo "port = $port"
        echo "listen_addresses = '127.0.0.1'"
        echo "unix_socket_directories = '$dir/run'"
        echo "unix_socket_permissions = 0700"
        echo "cluster_name = '$name'"
        echo "password_encryption = 'scram-sha-256'"
        echo "wal_level = 'replica'"
        echo "hot_standby = on"
        echo "max_wal_senders = 20"
        echo "wal_keep_size = '2GB'"
        echo "log_line_prefix = '%m [%p] %u@%d %a '"
        [ "$repmgr" = no ] || echo "shared_preload_libraries = 'repmgr'"
        for setting in ${pg_settings[@]+"${pg_settings[@]}"}; do
            value=${setting#*=}
            echo "${setting%%=*} = '${value//\'/\'\'}'"
        done
    } | as_owner_write "$dir/$name/pgweir-local.conf"
}

as_owner_write() { (umask 077 && as_owner tee "$1" >/dev/null); }

# start_server NAME: takes a free port until the server has it; prints the port.
start_server() {
    local name=$1 port try
    for try in 1 2 3 4 5; do
        port=$(free_port)
        write_server_settings "$name" "$port"
        if (as_owner "$pg_bin/pg_ctl" -D "$dir/$name" -l "$dir/log/$name.log" -w -t 60 -s start) \
            >>"$dir/log/start.log" 2>&1; then
            printf '%s' "$port"
            return 0
        fi
        grep -qs 'Address already in use' "$dir/log/$name.log" || break
    done
    tail -n 20 "$dir/log/start.log" "$dir/log/$name.log" >&2
    die "$name does not start (try $try); its log stands above"
}

make_primary() {
    local password_file=$dir/run/password data=$dir/primary
    printf '%s\n' "$PGPASSWORD" | as_owner_write "$password_file"
    (as_owner "$pg_bin/initdb" -D "$data" -U postgres --pwfile="$password_file" -E UTF8 \
        --locale=C.UTF-8 --auth-local=peer --auth-host=scram-sha-256 --no-sync) \
        >"$dir/log/initdb.log" 2>&1 || die "initdb failed: $(tail -n 5 "$dir/log/initdb.log")"
    rm -f "$password_file"
    echo "include 'pgweir-local.conf'" | (as_owner tee -a "$data/postgresql.conf" >/dev/null)
    as_owner_write "$data/pg_ident.conf" <<EOF
owner  $owner  postgres
EOF
    as_owner_write "$data/pg_hba.conf" <<'EOF'
local  all          postgres                       peer map=owner
host   all          all             127.0.0.1/32   scram-sha-256
host   replication  all             127.0.0.1/32   scram-sha-256
EOF
    echo primary >>"$dir/marker/servers"
    PRIMARY_PORT=$(start_server primary) || exit 1
}

# Passwords go through standard input and a 0600 file: never in an argument list.
make_roles() {
    monitor_password=$(random_word)
    local replicator_password
    replicator_password=$(random_word)
    (as_owner "$pg_bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$dir/run" -p "$PRIMARY_PORT" \
        -U postgres -d postgres) <<EOF || die "cannot make the roles"
create role pgweir_monitor login replication in role pg_monitor password '$monitor_password';
create role replicator login replication password '$replicator_password';
EOF
    as_owner_write "$dir/pgpass" <<EOF
127.0.0.1:*:*:replicator:$replicator_password
127.0.0.1:*:*:postgres:$PGPASSWORD
EOF
}

make_standby() {
    local name=$1 port
    (as_owner "$pg_bin/pg_basebackup" -D "$dir/$name" -R -X stream -c fast --no-sync -d \
        "host=127.0.0.1 port=$PRIMARY_PORT user=replicator passfile='$dir/pgpass' application_name=$name") \
        >>"$dir/log/basebackup.log" 2>&1 ||
        die "pg_basebackup failed: $(tail -n 5 "$dir/log/basebackup.log")"
    echo "$name" >>"$dir/marker/servers"
    port=$(start_server "$name") || exit 1
    STANDBY_PORTS="${STANDBY_PORTS:+$STANDBY_PORTS }$port"
}

standbys_have_caught_up() {
    local target=$1 count
    count=$(sql "$PRIMARY_PORT" "select count(*) from pg_stat_replication
        where state = 'streaming' and replay_lsn >= '$target'" 2>/dev/null)
    [ "${count:-0}" -ge "$standbys" ]
}

wait_for_standbys() {
    local target
    target=$(sql "$PRIMARY_PORT" 'select pg_current_wal_lsn()') || die "the primary does not answer"
    if ! wait_until 60 standbys_have_caught_up "$target"; then
        sql "$PRIMARY_PORT" 'select application_name, state, sent_lsn, replay_lsn
            from pg_stat_replication' >&2
        tail -n 10 "$dir"/log/standby*.log >&2
        die "the standbys have not caught up with $target after 60 s; their logs stand above"
    fi
}

# repmgrd on every node, with automatic failover.
start_repmgr() {
    local name id=0 port ports=("$PRIMARY_PORT") program
    read -r -a ports <<<"$PRIMARY_PORT $STANDBY_PORTS"
    for program in repmgr repmgrd; do
        [ -x "$pg_bin/$program" ] || die "--repmgr: there is no $program in $pg_bin"
    done
    sql "$PRIMARY_PORT" 'create database repmgr' || die "cannot make the database of repmgr"
    while read -r name; do
        port=${ports[$id]}
        id=$((id + 1))
        as_owner_write "$dir/repmgr-$name.conf" <<EOF
node_id=$id
node_name='$name'
conninfo='host=127.0.0.1 port=$port user=postgres dbname=repmgr passfile=$dir/pgpass connect_timeout=2'
data_directory='$dir/$name'
pg_bindir='$pg_bin'
passfile='$dir/pgpass'
failover=automatic
promote_command='$pg_bin/repmgr -f $dir/repmgr-$name.conf standby promote'
follow_command='$pg_bin/repmgr -f $dir/repmgr-$name.conf standby follow --upstream-node-id=%n'
monitor_interval_secs=1
reconnect_attempts=3
reconnect_interval=1
log_file='$dir/log/repmgrd-$name.log'
EOF
        register_with_repmgr "$name"
        (as_owner "$pg_bin/repmgrd" -f "$dir/repmgr-$name.conf" \
            --pid-file="$dir/run/repmgrd-$name.pid" --daemonize=true) \
            >>"$dir/log/repmgr.log" 2>&1 || die "repmgrd of $name: $(tail -n 5 "$dir/log/repmgr.log")"
    done <"$dir/marker/servers"
}

register_with_repmgr() {
    local name=$1 kind=standby
    [ "$name" = primary ] && kind=primary
    (as_owner "$pg_bin/repmgr" -f "$dir/repmgr-$name.conf" "$kind" register --force) \
        >>"$dir/log/repmgr.log" 2>&1 || die "repmgr $kind register: $(tail -n 5 "$dir/log/repmgr.log")"
}
