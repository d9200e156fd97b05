# shellcheck shell=bash
# What hooks of the Bitnami images expect in their environment beyond what the pod gives.

export BITNAMI_DEBUG=${BITNAMI_DEBUG:-false}
export POSTGRESQL_VOLUME_DIR=${POSTGRESQL_VOLUME_DIR:-/bitnami/postgresql}
export PGDATA=${PGDATA:-$POSTGRESQL_VOLUME_DIR/data}
export POSTGRESQL_DATA_DIR=$PGDATA
export POSTGRESQL_PORT_NUMBER=${POSTGRESQL_PORT_NUMBER:-5432}
export REPMGR_NODE_NAME=${REPMGR_NODE_NAME:-$(hostname)}
export REPMGR_NODE_NETWORK_NAME=${REPMGR_NODE_NETWORK_NAME:-$REPMGR_NODE_NAME}
