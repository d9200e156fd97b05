# shellcheck shell=bash disable=SC2154 # variables of env.sh
# The first start of a cluster: initdb, roles, databases, the user's scripts. All of it happens in
# PGDATA.new, so that a start that was cut off leaves nothing behind that looks like data.

quote_literal() { printf "'%s'" "${1//\'/\'\'}"; }
quote_name() { printf '"%s"' "${1//\"/\"\"}"; }

make_database_cluster() {
    local extra=() password=()
    # shellcheck disable=SC2206 # options of the user, one word each
    extra=(${POSTGRESQL_INITDB_ARGS:-})
    if [ -n "$superuser_password" ]; then
        (umask 077 && printf '%s\n' "$superuser_password" >"$tmp/password")
        password=(--pwfile="$tmp/password")
    fi
    rm -rf "$data.new"
    "$pg_bin/initdb" -D "$data.new" -U postgres -E UTF8 --data-checksums --no-sync --auth-local=peer --auth-host=scram-sha-256 \
        ${password[@]+"${password[@]}"} ${extra[@]+"${extra[@]}"} >&2 || die "initdb failed"
    rm -f "$tmp/password"
}

# Statements with passwords go through standard input, never in an argument list, nor into the log.
feed_sql() {
    { printf "set log_statement = 'none'; set log_min_error_statement = 'panic'; set pgaudit.log = 'none';\n" && cat; } |
        "$pg_bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$tmp" -p "$port" -U postgres -d "${1:-postgres}"
}

make_user() {
    if [ "$user" != postgres ]; then
        echo "create role $(quote_name "$user") login createdb password $(quote_literal "$user_password");" | feed_sql
    fi
    [ "$database" = postgres ] ||
        echo "create database $(quote_name "$database") owner $(quote_name "$user");" | feed_sql
}

# make_repmgr: role, database and extension, as far as they are missing. Its own small writes never wait
# for synchronous standbys: they are what brings these back.
make_repmgr() {
    local role
    role=$(quote_name "$repmgr_user")
    if [ -z "$(local_sql "select 1 from pg_roles where rolname = $(quote_literal "$repmgr_user")")" ]; then
        echo "set synchronous_commit = local;
            create role $role superuser login replication password $(quote_literal "$repmgr_password");
            alter role $role set synchronous_commit = local;" | feed_sql
    fi
    [ -n "$(local_sql "select 1 from pg_database where datname = $(quote_literal "$repmgr_database")")" ] ||
        echo "set synchronous_commit = local; create database $(quote_name "$repmgr_database") owner $role;" | feed_sql
    make_repmgr_extension
}

# A volume of another image may have repmgr's tables of a newer version: the nodes register anew anyway.
make_repmgr_extension() {
    local installed available
    read -r installed available <<<"$(local_sql -d "$repmgr_database" "select coalesce(installed_version, '-'), default_version
        from pg_available_extensions where name = 'repmgr'")"
    [ "$installed" != "$available" ] || return 0
    if [ "$installed" != - ]; then
        say "repmgr's extension was of version $installed, now $available"
        echo 'set synchronous_commit = local; drop extension repmgr cascade;' | feed_sql "$repmgr_database"
    fi
    echo 'set synchronous_commit = local; create extension repmgr;' | feed_sql "$repmgr_database"
}

# run_user_scripts: *.sh, *.sql and *.sql.gz of /docker-entrypoint-initdb.d in the order of their names,
# as the user of this pod in its database. psql without options goes there.
run_user_scripts() {
    local file folder=/docker-entrypoint-initdb.d
    [ -n "$(find "$folder/" -maxdepth 1 \( -name '*.sh' -o -name '*.sql' -o -name '*.sql.gz' \) 2>/dev/null)" ] || return 0
    while IFS= read -r file; do
        say "running $file"
        run_user_script "$file" || die "$file failed"
    done < <(find "$folder/" -maxdepth 1 \( -name '*.sh' -o -name '*.sql' -o -name '*.sql.gz' \) | LC_ALL=C sort)
}

run_user_script() (
    export PGUSER=$user PGDATABASE=$database PGPORT=$port PGHOST=$tmp
    [ "$user" = postgres ] || export PGHOST=127.0.0.1 PGPASSWORD=$user_password
    case $1 in
    *.sh) if [ -x "$1" ]; then "$1"; else bash "$1"; fi ;;
    *.sql) psql -X -q -v ON_ERROR_STOP=1 -f "$1" ;;
    *.sql.gz) gunzip -c "$1" | psql -X -q -v ON_ERROR_STOP=1 ;;
    esac </dev/null
)

# first_start: leaves complete data in PGDATA and no server.
first_start() {
    say "first start: making a new database cluster in $data"
    make_database_cluster
    # Listening on this container's own address keeps probes content while long scripts run.
    start_server "$data.new" -c listen_addresses=127.0.0.1 -c synchronous_standby_names=
    wait_for_server || die "the new server does not start"
    make_user
    [ "$cluster" = no ] || make_repmgr
    run_user_scripts
    stop_server 600
    # Only these files: to flush a whole file system that others write to can take minutes.
    "$pg_bin/initdb" --sync-only -D "$data.new" >&2 || die "the new data could not be written to disk"
    mv "$data.new" "$data"
    sync "$volume"
}
