# shellcheck shell=bash
# Messages go to standard error, where the container's log is; one line each.

log_line() { printf '%s pgweir-postgres %s: %s\n' "$(date -u '+%F %T')" "$1" "$2" >&2; }
say() { log_line LOG "$*"; }
warn() { log_line WARNING "$*"; }
say_debug() { [ "${BITNAMI_DEBUG:-false}" != true ] || log_line DEBUG "$*"; }

die() {
    log_line FATAL "$*"
    exit 1
}

is_yes() {
    case ${1,,} in yes | true | on | 1) return 0 ;; *) return 1 ;; esac
}

on_off() { if is_yes "$1"; then echo on; else echo off; fi; }
