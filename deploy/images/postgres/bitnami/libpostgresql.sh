# shellcheck shell=bash
# The names under which hooks of the Bitnami images ask for things of the server.

# Who has no name in /etc/passwd gets one inside our own programs; a hook needs none.
postgresql_enable_nss_wrapper() { :; }

# Fast shutdown; the container stays until it is told to end.
postgresql_stop() { /opt/pgweir/postgres/bin/pgweir-node stop; }

# retry_while COMMAND [RETRIES [SECONDS]]: true as soon as COMMAND is; tried that often, that long apart.
retry_while() {
    local command=$1 retries=${2:-12} seconds=${3:-5} try
    for ((try = 1; try <= retries; try++)); do
        # shellcheck disable=SC2086 # a command with its arguments
        if $command; then return 0; fi
        sleep "$seconds"
    done
    return 1
}
