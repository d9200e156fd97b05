# shellcheck shell=bash disable=SC2154 # variables of env.sh
# Asking the members of the cluster, and judging their answers.
#
# An answer is one line: HOST PORT ROLE SYSTEM TIMELINE LSN STATE SENDER ID
#   ROLE     primary, standby; or silent, and nothing after it
#   SYSTEM   system identifier of the cluster that the data belong to
#   LSN      end of the WAL that the node has, in bytes
#   STATE    settled: all WAL that lies there has been replayed; busy: not yet
#   SENDER   host that a standby streams from, or -
#   ID       node id of repmgr, 0 if the node does not say

# Asked over the network as repmgr and through our own socket as the superuser.
facts_statement() {
    cat <<'END'
select case when pg_is_in_recovery() then 'standby' else 'primary' end,
    (select system_identifier from pg_control_system()),
    (select coalesce(max(('x' || left(name, 8))::bit(32)::bigint), 0) from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'),
    case when pg_is_in_recovery()
        then (greatest(coalesce(pg_last_wal_receive_lsn(), '0/0'), coalesce(pg_last_wal_replay_lsn(), '0/0')) - '0/0'::pg_lsn)::bigint
        else (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint end,
    case when not pg_is_in_recovery() or exists (select from pg_stat_activity where backend_type = 'startup'
        and wait_event in ('RecoveryRetrieveRetryInterval', 'RecoveryWalStream')) then 'settled' else 'busy' end,
    coalesce((select sender_host from pg_stat_wal_receiver where status = 'streaming'), '-'),
    coalesce(nullif(current_setting('pgweir.node_id', true), ''), '0')
END
}

node_conninfo() {
    printf 'host=%s port=%s user=%s dbname=postgres connect_timeout=%s passfile=%s application_name=%s' \
        "$1" "$2" "$repmgr_user" "$connect_timeout" "$tmp/pgpass" "${3:-pgweir-ask}"
}

# node_sql HOST PORT STATEMENT
node_sql() {
    timeout $((connect_timeout + 3)) "$pg_bin/psql" "$(node_conninfo "$1" "$2")" -X -A -t -q -F ' ' \
        -v ON_ERROR_STOP=1 -c "$3" 2>/dev/null
}

ask_node() {
    local answer
    answer=$(node_sql "$1" "$2" "$(facts_statement)") || answer=silent
    echo "$1 $2 ${answer:-silent}"
}

# Our own answer in the same form; fails while the server does not answer.
ask_self() {
    local answer
    answer=$(local_sql "$(facts_statement)" 2>/dev/null) && [ -n "$answer" ] && echo "$node_host $port $answer"
}

# What repmgr's table, as far as it has come to us, knows: lines of ID HOST PORT.
registered_nodes() {
    local_sql -d "$repmgr_database" "select node_id, substring(conninfo from 'host=''?([^ '']+)'),
        coalesce(substring(conninfo from 'port=''?([0-9]+)'), '5432')
        from repmgr.nodes where type <> 'witness' order by node_id" 2>/dev/null || true
}

# other_nodes [REGISTERED]: lines of HOST PORT, each once, without ourselves.
other_nodes() {
    {
        [ "${#partners[@]}" = 0 ] || printf '%s\n' "${partners[@]}"
        [ -z "${1:-}" ] || cut -d' ' -f2,3 <<<"$1"
    } | awk -v self="$node_host" 'NF == 2 && $1 != self && !seen[$1]++'
}

# ask_others [REGISTERED]: all at once; one answer a line.
ask_others() {
    local host node_port
    other_nodes "${1:-}" | {
        while read -r host node_port; do ask_node "$host" "$node_port" & done
        wait
    }
}

# best_primary ANSWERS SYSTEM TIMELINE: the primary of our cluster with the newest timeline, if one is at
# least as new as ours: an older one has been replaced and does not know it yet. SYSTEM '' matches any.
best_primary() {
    awk -v system_id="$2" -v timeline="$3" '
        $3 == "primary" && (system_id == "" || $4 == system_id) && $5 + 0 >= timeline + 0 &&
            (best == "" || $5 + 0 > newest || ($5 + 0 == newest && $9 + 0 < lowest)) {
            best = $0; newest = $5 + 0; lowest = $9 + 0
        }
        END { if (best != "") print best }' <<<"$1"
}

# foreign_primary ANSWERS SYSTEM: the host of a primary of another cluster, if there is one.
foreign_primary() {
    awk -v system_id="$2" '$3 == "primary" && $4 != system_id { print $1; exit }' <<<"$1"
}

# elect ANSWERS SYSTEM: host of the standby with the newest WAL; of equal ones the lowest node id.
# bash compares: LSNs are beyond what awk's numbers hold exactly.
elect() {
    local host _ role system timeline lsn id best='' best_timeline=-1 best_lsn=-1 best_id=0
    while read -r host _ role system timeline lsn _ _ id; do
        if [ "$role" != standby ] || [ "$system" != "$2" ]; then continue; fi
        if ((timeline > best_timeline || (timeline == best_timeline && (lsn > best_lsn ||
            (lsn == best_lsn && id < best_id))))); then
            best=$host best_timeline=$timeline best_lsn=$lsn best_id=$id
        fi
    done <<<"$1"
    echo "$best"
}

# election_state ANSWERS SYSTEM REGISTERED: what stands in the way of an election, in words; else
# "COUNT of KNOWN": so many members of those that are known have answered. ANSWERS holds our own, too.
election_state() {
    awk -v system_id="$2" -v registered="$3" '
        BEGIN {
            rows = split(registered, line, "\n")
            for (i = 1; i <= rows; i++) if (split(line[i], field, " ") == 3) known[field[2]] = 1
        }
        $3 == "standby" && $4 == system_id { here[$1] = 1; known[$1] = 1; state[$1] = $7; sender[$1] = $8 }
        END {
            for (host in here) {
                # Who streams from a host that we cannot ask may well stream from a primary.
                if (sender[host] != "-" && !(sender[host] in here)) {
                    print host " still streams from " sender[host]; exit
                }
                if (state[host] != "settled") { print host " still replays its WAL"; exit }
                count++
            }
            for (host in known) all++
            print count + 0 " of " all + 0
        }' <<<"$1"
}
