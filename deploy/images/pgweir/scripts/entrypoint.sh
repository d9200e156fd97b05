#!/bin/bash
# What the container starts with. Without arguments, or with options of pgweir, it runs what
# /docker-entrypoint-initdb.d holds and then pgweir in its own place; any other command line is run
# as it is.
set -euo pipefail

readonly scripts_dir=${PGPOOL_INITSCRIPTS_DIR:-/docker-entrypoint-initdb.d}

# Executable ones are run; others are read into this shell, so that they may export variables.
run_init_scripts() {
    local file
    for file in "$scripts_dir"/*.sh; do
        [ -f "$file" ] || continue
        echo "entrypoint: $file" >&2
        if [ -x "$file" ]; then
            "$file"
        else
            set +u
            # shellcheck source=/dev/null
            . "$file"
            set -u
        fi
    done
}

case ${1:-} in
"") set -- pgweir ;;
-*) set -- pgweir "$@" ;;
esac
case $1 in
pgweir | */run.sh) run_init_scripts ;;
esac
exec "$@"
