# shellcheck shell=bash
# The names under which hooks of the Bitnami images ask for messages. MODULE stands before each.

log_message() { printf '%s %s%s ==> %s\n' "$(date -u +%T.%2N)" "${MODULE:+$MODULE }" "$1" "$2" >&2; }
info() { log_message INFO "$*"; }
warn() { log_message WARN "$*"; }
error() { log_message ERROR "$*"; }
debug() { [ "${BITNAMI_DEBUG:-false}" != true ] || log_message DEBUG "$*"; }
