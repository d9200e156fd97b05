# shellcheck shell=bash disable=SC2154 # variables of env.sh
# Writes the settings of this start. They live outside PGDATA, so that a volume holds data only, and
# whatever volume comes here runs with the settings of this pod.

# line NAME VALUE: one line of postgresql.conf or repmgr.conf.
line() { printf "%s = '%s'\n" "$1" "${2//\'/\'\'}"; }

# optional NAME VARIABLE: the line if that variable is set.
optional() {
    local value
    value=$(setting '' "$2")
    [ -z "$value" ] || line "$1" "$value"
}

# A claim of 1 GiB must not be filled by WAL.
volume_is_small() { [ "$(df -Pk "$volume" | awk 'NR == 2 { print $2 }')" -lt $((8 * 1024 * 1024)) ]; }

preload_libraries() {
    local libraries
    libraries=$(setting 'pgaudit' POSTGRESQL_SHARED_PRELOAD_LIBRARIES | tr -d ' ')
    if [ "$cluster" = yes ] && [[ ,$libraries, != *,repmgr,* ]]; then libraries=$libraries,repmgr; fi
    if [ "$cluster" = no ]; then libraries=$(tr ',' '\n' <<<"$libraries" | grep -vx repmgr | paste -sd, || true); fi
    echo "$libraries"
}

server_lines() {
    line listen_addresses '*'
    line port "$port"
    line unix_socket_directories "$tmp"
    line hba_file "$tmp/pg_hba.conf"
    line ident_file "$tmp/pg_ident.conf"
    line password_encryption scram-sha-256
    line shared_preload_libraries "$(preload_libraries)"
    line max_connections "$(setting 100 POSTGRESQL_MAX_CONNECTIONS)"
    line log_line_prefix "$(setting '%m [%p] %q%u@%d ' POSTGRESQL_LOG_LINE_PREFIX)"
    line log_hostname "$(on_off "$(setting no POSTGRESQL_LOG_HOSTNAME)")"
    line log_connections "$(on_off "$(setting no POSTGRESQL_LOG_CONNECTIONS)")"
    line log_disconnections "$(on_off "$(setting no POSTGRESQL_LOG_DISCONNECTIONS)")"
    line log_timezone "$(setting UTC POSTGRESQL_LOG_TIMEZONE)"
    line timezone "$(setting UTC POSTGRESQL_TIMEZONE)"
    optional shared_buffers POSTGRESQL_SHARED_BUFFERS
    optional client_min_messages POSTGRESQL_CLIENT_MIN_MESSAGES
    optional statement_timeout POSTGRESQL_STATEMENT_TIMEOUT
    optional tcp_keepalives_idle POSTGRESQL_TCP_KEEPALIVES_IDLE
    optional tcp_keepalives_interval POSTGRESQL_TCP_KEEPALIVES_INTERVAL
    optional tcp_keepalives_count POSTGRESQL_TCP_KEEPALIVES_COUNT
    optional fsync POSTGRESQL_FSYNC
    optional default_transaction_isolation POSTGRESQL_DEFAULT_TRANSACTION_ISOLATION
    optional default_toast_compression POSTGRESQL_DEFAULT_TOAST_COMPRESSION
}

audit_lines() {
    [[ ,$(preload_libraries), == *,pgaudit,* ]] || return 0
    optional pgaudit.log POSTGRESQL_PGAUDIT_LOG
    optional pgaudit.log_catalog POSTGRESQL_PGAUDIT_LOG_CATALOG
    optional pgaudit.log_parameter POSTGRESQL_PGAUDIT_LOG_PARAMETER
}

tls_lines() {
    is_yes "$(setting no POSTGRESQL_ENABLE_TLS)" || return 0
    local certificate key authority
    certificate=${POSTGRESQL_TLS_CERT_FILE:-} key=${POSTGRESQL_TLS_KEY_FILE:-} authority=${POSTGRESQL_TLS_CA_FILE:-}
    if [ ! -r "$certificate" ] || [ ! -r "$key" ]; then
        die "POSTGRESQL_ENABLE_TLS=yes needs POSTGRESQL_TLS_CERT_FILE and POSTGRESQL_TLS_KEY_FILE, readable here"
    fi
    # A Secret's files have modes that PostgreSQL refuses for a key.
    (umask 077 && cat "$key" >"$tmp/tls.key")
    line ssl on
    line ssl_cert_file "$certificate"
    line ssl_key_file "$tmp/tls.key"
    [ -z "$authority" ] || line ssl_ca_file "$authority"
}

replication_lines() {
    [ "$cluster" = yes ] || return 0
    local max_wal=1GB keep=512MB
    if volume_is_small; then max_wal=256MB keep=128MB; fi
    line cluster_name "$node_name"
    line pgweir.node_id "$node_id"
    line wal_level "$(setting replica POSTGRESQL_WAL_LEVEL)"
    line hot_standby on
    line wal_log_hints on
    line max_wal_senders 16
    line max_replication_slots 16
    line max_wal_size "$(setting "$max_wal" POSTGRESQL_MAX_WAL_SIZE)"
    line wal_keep_size "$(setting "$keep" POSTGRESQL_WAL_KEEP_SIZE)"
    line wal_retrieve_retry_interval 2s
    line wal_sender_timeout 30s
    line wal_receiver_timeout 30s
    synchronous_lines
}

synchronous_lines() {
    local count mode
    count=$(setting 0 POSTGRESQL_NUM_SYNCHRONOUS_REPLICAS)
    if is_yes "${PGWEIR_SYNCHRONOUS_REPLICATION:-no}" && [ "$count" = 0 ]; then count=1; fi
    [[ $count =~ ^[0-9]+$ ]] || die "POSTGRESQL_NUM_SYNCHRONOUS_REPLICAS: a number, not '$count'"
    [ "$count" != 0 ] || return 0
    mode=$(setting ANY POSTGRESQL_SYNCHRONOUS_REPLICAS_MODE)
    line synchronous_commit "$(setting on POSTGRESQL_SYNCHRONOUS_COMMIT_MODE)"
    line synchronous_standby_names "$mode $count (*)"
}

# Later lines win: what a user adds stands after ours.
user_lines() {
    [ ! -d "$mounted/conf.d" ] || printf "include_dir = '%s'\n" "$mounted/conf.d"
    [ ! -r "$mounted/postgresql.conf" ] || printf "include = '%s'\n" "$mounted/postgresql.conf"
    [ -z "${PGWEIR_POSTGRESQL_CONF:-}" ] || printf '%s\n' "$PGWEIR_POSTGRESQL_CONF"
}

# Peer is for this container's own user on its own socket; over the network everybody gives a password.
hba_lines() {
    echo 'local  all          postgres                       peer'
    if [ "$cluster" = yes ]; then
        printf 'host   all          "%s"       all             scram-sha-256\n' "$repmgr_user"
        printf 'host   replication  "%s"       all             scram-sha-256\n' "$repmgr_user"
    fi
    if [ -r "$mounted/pg_hba.conf" ]; then
        ! grep -Eq '^[[:space:]]*host.*[[:space:]]trust([[:space:]]|$)' "$mounted/pg_hba.conf" ||
            warn "$mounted/pg_hba.conf lets somebody in over the network without a password (trust)"
        cat "$mounted/pg_hba.conf"
    else
        echo 'local  all          all                            scram-sha-256'
        echo 'host   all          all            all             scram-sha-256'
        echo 'host   replication  all            all             scram-sha-256'
    fi
}

# repmgr_lines DATA: repmgr.conf for a node whose data lie there.
repmgr_lines() {
    line node_id "$node_id"
    line node_name "$node_name"
    line conninfo "host=$node_host port=$port user=$repmgr_user dbname=$repmgr_database connect_timeout=$connect_timeout passfile=$tmp/pgpass"
    line data_directory "$1"
    line pg_bindir "$pg_bin"
    line passfile "$tmp/pgpass"
    line failover automatic
    line promote_command "/opt/pgweir/postgres/bin/pgweir-node promote --after-failure"
    line follow_command "$pg_bin/repmgr -f $tmp/repmgr.conf standby follow --upstream-node-id=%n"
    line primary_visibility_consensus true
    line monitor_interval_secs 2
    line connection_check_type query
    line reconnect_attempts "$(setting 3 REPMGR_RECONNECT_ATTEMPTS)"
    line reconnect_interval "$(setting 5 REPMGR_RECONNECT_INTERVAL)"
    line priority "$(setting 100 REPMGR_NODE_PRIORITY)"
    line use_replication_slots false
    line log_level "$(setting NOTICE REPMGR_LOG_LEVEL)"
    [ ! -r "$repmgr_mounted/repmgr.conf" ] || cat "$repmgr_mounted/repmgr.conf"
}

# In the password file a colon and a backslash are written with a backslash.
pgpass_lines() {
    local escaped=${repmgr_password//\\/\\\\}
    printf '*:*:*:%s:%s\n' "$repmgr_user" "${escaped//:/\\:}"
}

write_configuration() {
    umask 077
    { server_lines && audit_lines && tls_lines && replication_lines && user_lines; } >"$tmp/postgresql.conf"
    hba_lines >"$tmp/pg_hba.conf"
    : >"$tmp/pg_ident.conf"
    [ "$cluster" = yes ] || return 0
    pgpass_lines >"$tmp/pgpass"
    repmgr_lines "$data" >"$tmp/repmgr.conf"
    repmgr_lines "$data.new" >"$tmp/repmgr-clone.conf"
}
