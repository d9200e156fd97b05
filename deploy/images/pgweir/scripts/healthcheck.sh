#!/bin/bash
# Exits with 0 if this container's pgweir answers within PGPOOL_HEALTH_CHECK_PSQL_TIMEOUT seconds
# (default 15). It asks pgweir alone: a cluster without a primary is no reason to kill the pod.
set -euo pipefail

readonly limit=${PGPOOL_HEALTH_CHECK_PSQL_TIMEOUT:-15}
readonly http_port=${PGWEIR_CFG_HTTP_PORT:-9719}
readonly socket_dir=${PGWEIR_CFG_UNIX_SOCKET_DIR:-${PGPOOL_TMP_DIR:-/opt/bitnami/pgpool/tmp}}
readonly port=${PGWEIR_CFG_PORT:-${PGPOOL_PORT_NUMBER:-5432}}

# /livez over HTTP. 0: yes. 1: no, or no answer in time. 2: nobody listens there.
ask_http() {
    { exec 3<>"/dev/tcp/127.0.0.1/$http_port"; } 2>/dev/null || return 2
    local status=""
    printf 'GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3 || return 1
    read -r -t "$limit" -u 3 _ status _ || return 1
    [ "$status" = 200 ]
}

# Where HTTP is switched off or elsewhere: does it greet a client? "Not now" (1) is an answer too.
ask_socket() {
    local answer=0
    pg_isready -q -h "$socket_dir" -p "$port" -t "$limit" || answer=$?
    [ "$answer" -le 1 ]
}

answer=0
ask_http || answer=$?
if [ "$answer" = 2 ]; then
    ask_socket
else
    exit "$answer"
fi
