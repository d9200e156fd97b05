# shellcheck shell=bash disable=SC2034 # what is set here is used by who sources it
# From the variables of the environment (README.md lists them) to the names that our scripts use.

# setting DEFAULT NAME...: the value of the first of these variables that is not empty. NAME_FILE names a
# file that holds the value, and comes before NAME.
setting() {
    local default=$1 name file
    shift
    for name in "$@"; do
        file=${name}_FILE
        if [ -n "${!file:-}" ]; then
            [ -r "${!file}" ] || die "$file=${!file} cannot be read"
            printf '%s' "$(<"${!file}")"
            return
        fi
        if [ -n "${!name:-}" ]; then
            printf '%s' "${!name}"
            return
        fi
    done
    printf '%s' "$default"
}

load_paths() {
    volume=$(setting /bitnami/postgresql POSTGRESQL_VOLUME_DIR)
    data=$(setting "$volume/data" PGDATA POSTGRESQL_DATA_DIR)
    tmp=$(setting /opt/bitnami/postgresql/tmp POSTGRESQL_TMP_DIR)
    mounted=$(setting "$volume/conf" POSTGRESQL_MOUNTED_CONF_DIR)
    repmgr_mounted=$(setting /bitnami/repmgr/conf REPMGR_MOUNTED_CONF_DIR)
    pg_version=$PGWEIR_PG_VERSION
    pg_bin=/usr/lib/postgresql/$pg_version/bin
    export PGDATA=$data PGPASSFILE=$tmp/pgpass
    unset PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD
}

load_accounts() {
    port=$(setting 5432 POSTGRESQL_PORT_NUMBER)
    user=$(setting postgres POSTGRESQL_USERNAME POSTGRES_USER)
    user_password=$(setting '' POSTGRESQL_PASSWORD POSTGRES_PASSWORD)
    superuser_password=$(setting '' POSTGRESQL_POSTGRES_PASSWORD POSTGRES_POSTGRES_PASSWORD)
    [ "$user" != postgres ] || superuser_password=$user_password
    database=$(setting postgres POSTGRESQL_DATABASE POSTGRES_DB)
    repmgr_user=$(setting repmgr REPMGR_USERNAME)
    repmgr_password=$(setting '' REPMGR_PASSWORD)
    repmgr_database=$(setting repmgr REPMGR_DATABASE)
}

# The ordinal of a StatefulSet's pod gives the id of its node: postgres-sts-2 is 1002.
node_id_of() {
    local first=${1%%.*}
    if [[ $first =~ ([0-9]+)$ ]]; then
        echo $((1000 + 10#${BASH_REMATCH[1]}))
    else
        echo $((2000 + $(cksum <<<"$first" | cut -d' ' -f1) % 1000000))
    fi
}

load_cluster() {
    local node
    node_name=$(setting "$(hostname)" REPMGR_NODE_NAME)
    node_host=$(setting "$node_name" REPMGR_NODE_NETWORK_NAME)
    node_id=$(setting "$(node_id_of "$node_name")" REPMGR_NODE_ID)
    connect_timeout=$(setting 5 REPMGR_CONNECT_TIMEOUT)
    first_primary=$(setting '' REPMGR_PRIMARY_HOST)
    election_wait=$(setting 60 PGWEIR_ELECTION_WAIT)
    forget_after=$(setting 60 PGWEIR_FORGET_AFTER)
    partners=()
    # shellcheck disable=SC2086 # one word per partner
    for node in $(setting '' REPMGR_PARTNER_NODES | tr ',;' '  '); do
        if [[ $node == *:* ]]; then partners+=("${node%:*} ${node##*:}"); else partners+=("$node $port"); fi
    done
    cluster=no
    [ -z "${REPMGR_NODE_NAME:-}${REPMGR_PARTNER_NODES:-}${REPMGR_PRIMARY_HOST:-}" ] || cluster=yes
}

load_environment() {
    load_paths
    load_accounts
    load_cluster
}

check_environment() {
    local name
    if [ -z "$user_password" ] && ! is_yes "${ALLOW_EMPTY_PASSWORD:-no}"; then
        die "POSTGRES_PASSWORD (or POSTGRESQL_PASSWORD, or one of them with _FILE) is not set; ALLOW_EMPTY_PASSWORD=yes starts a server that only its own socket reaches"
    fi
    for name in "$port" "$connect_timeout" "$election_wait" "$forget_after" "$node_id"; do
        [[ $name =~ ^[0-9]+$ ]] || die "'$name' is not a number (port, timeouts and node id are)"
    done
    [ "$cluster" = yes ] || return 0
    [ -n "$repmgr_password" ] || die "REPMGR_PASSWORD (or REPMGR_PASSWORD_FILE) is not set"
    [ -n "$first_primary" ] || die "REPMGR_PRIMARY_HOST is not set"
    ! is_yes "${REPMGR_PGHBA_TRUST_ALL:-no}" ||
        warn "REPMGR_PGHBA_TRUST_ALL is not followed: everybody gives a password"
}

# A user number that /etc/passwd does not know still needs a name: initdb, libpq and peer ask for it.
enable_user_name() {
    local library
    ! getent passwd "$(id -u)" >/dev/null || return 0
    library=$(find /usr/lib -name libnss_wrapper.so -print -quit)
    printf 'postgres:x:%s:%s::%s:/bin/bash\n' "$(id -u)" "$(id -g)" "$tmp" >"$tmp/passwd"
    printf 'postgres:x:%s:\n' "$(id -g)" >"$tmp/group"
    export LD_PRELOAD=$library NSS_WRAPPER_PASSWD=$tmp/passwd NSS_WRAPPER_GROUP=$tmp/group
}
