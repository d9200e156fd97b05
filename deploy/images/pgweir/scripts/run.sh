#!/bin/bash
# Runs pgweir with the settings of the environment and, if it is there, of /etc/pgweir/pgweir.toml.
set -euo pipefail

readonly settings=/etc/pgweir/pgweir.toml

case ${BITNAMI_DEBUG:-} in
[yY][eE][sS] | [tT][rR][uU][eE] | 1)
    export PGWEIR_CFG_LOG_LEVEL=${PGWEIR_CFG_LOG_LEVEL:-debug}
    ;;
esac
if [ -e "$settings" ]; then
    set -- --config "$settings" "$@"
fi
exec pgweir "$@"
