# shellcheck shell=bash
# The names under which hooks of the Bitnami images ask for things of the cluster.

# "HOST PORT" of the primary; nothing if none answers.
repmgr_get_primary_node() { /opt/pgweir/postgres/bin/pgweir-node primary; }
