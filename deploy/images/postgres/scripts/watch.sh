# shellcheck shell=bash disable=SC2154 # variables of env.sh
# The life of a member: every few seconds it looks at its own role and does what that role needs.

round=0
rest=2             # seconds to the next look: more of them while all is well
repmgrd_pid='' repmgrd_started=0
seeking=0          # rounds in which somebody else was primary and we followed nobody
following_rounds=0 # rounds since we have begun to follow somebody without success
registered_as=''   # what we last told repmgr's table
sender_role=''     # of the node that we stream from
majority_since=''  # when a majority, not yet all, was there to elect
won_before=''      # we were the winner of the round before
last_word=''
declare -A silent_since=()

# say_once MESSAGE: not the same line every two seconds.
say_once() {
    [ "$last_word" != "$1" ] || return 0
    last_word=$1
    say "$1"
}

repmgrd_is_running() { [ -n "$repmgrd_pid" ] && kill -0 "$repmgrd_pid" 2>/dev/null; }

start_repmgrd() {
    if repmgrd_is_running || [ $((SECONDS - repmgrd_started)) -lt 5 ]; then return 0; fi
    repmgrd_started=$SECONDS
    rm -f "$tmp/repmgrd.pid"
    "$pg_bin/repmgrd" -f "$tmp/repmgr.conf" --daemonize=false --pid-file="$tmp/repmgrd.pid" &
    repmgrd_pid=$!
}

stop_repmgrd() {
    repmgrd_is_running || return 0
    kill "$repmgrd_pid" 2>/dev/null || true
    wait "$repmgrd_pid" 2>/dev/null || true
    repmgrd_pid='' repmgrd_started=0
}

# register KEY COMMAND...: once per KEY; tried again in the next round if it failed.
register() {
    local key=$1 output
    shift
    [ "$registered_as" != "$key" ] || return 0
    if output=$(timeout 30 "$pg_bin/repmgr" -f "$tmp/repmgr.conf" "$@" 2>&1); then
        registered_as=$key
        stop_repmgrd
        say "registered: $key"
    else
        say_once "repmgr $1 register did not succeed: $(tail -n 2 <<<"$output" | tr '\n' ' ')"
        return 1
    fi
}

# A new primary may have made repmgr's tables anew.
is_registered() {
    [ -n "$(local_sql -d "$repmgr_database" "select 1 from repmgr.nodes where node_id = $node_id and active" 2>/dev/null)" ]
}

become_primary() {
    [ "$registered_as" != primary ] || return 0
    make_repmgr || return 0
    local_sql -d "$repmgr_database" "set synchronous_commit = local;
        update repmgr.nodes set active = false where type = 'primary' and node_id <> $node_id" || return 0
    register primary primary register --force || return 0
    warn_of_collations
}

# demote HOST PORT: another primary is newer than we are; what we have written alone is taken back.
demote() {
    warn "$1 is a primary of a newer timeline: this one steps down"
    rejoin_until_done "$1" "$2"
}

# rejoin_until_done HOST PORT: comes back with a running server.
rejoin_until_done() {
    local host=$1 their_port=$2 best
    registered_as='' seeking=0 following_rounds=0
    until rejoin "$host" "$their_port"; do
        pause 3
        best=$(best_primary "$(ask_others)" "$system_id" 0)
        if [ -n "$best" ]; then
            read -r host their_port _ <<<"$best"
        elif has_data && [ ! -e "$(rewind_mark)" ]; then
            begin_as_standby
            return
        fi
    done
}

# Two primaries of one timeline can only be told apart by their ids: the lower one stays.
watch_for_newer_primary() {
    local answers=$1 timeline=$2 best host their_port their_timeline id
    best=$(best_primary "$answers" "$system_id" "$timeline")
    [ -n "$best" ] || return 0
    read -r host their_port _ _ their_timeline _ _ _ id <<<"$best"
    if ((their_timeline > timeline || id < node_id)); then demote "$host" "$their_port"; fi
}

# A pod that is gone and not among the listed partners (scaled down) must not count in a later vote.
forget_gone_nodes() {
    local registered=$1 answers=$2 id host
    while read -r id host _; do
        if [ -z "$host" ] || [ "$host" = "$node_host" ] || is_partner "$host" || ! grep -q "^$host [0-9]* silent" <<<"$answers"; then
            unset "silent_since[${id:-0}]"
            continue
        fi
        : "${silent_since[$id]:=$SECONDS}"
        if ((SECONDS - silent_since[$id] >= forget_after)); then forget_node "$id"; fi
    done <<<"$registered"
}

is_partner() { [ "${#partners[@]}" != 0 ] && printf '%s\n' "${partners[@]}" | cut -d' ' -f1 | grep -qxF -- "$1"; }

forget_node() {
    say "node $1 has left the cluster: repmgr forgets it"
    local_sql -d "$repmgr_database" "set synchronous_commit = local;
        update repmgr.nodes set upstream_node_id = $node_id where upstream_node_id = $1;
        delete from repmgr.nodes where node_id = $1" || true
}

round_as_primary() {
    local timeline=$1 registered answers
    seeking=0 sender_role=''
    become_primary
    if [ "$registered_as" = primary ]; then
        start_repmgrd
        rest=4
    fi
    [ $((round % 3)) = 0 ] || return 0
    registered=$(registered_nodes)
    answers=$(ask_others "$registered")
    watch_for_newer_primary "$answers" "$timeline"
    forget_gone_nodes "$registered" "$answers"
}

# Streaming from a primary? From a standby is not enough: it may itself have lost its primary.
streams_from_primary() {
    local sender=$1 answer
    if [ "$sender" = - ]; then
        sender_role=''
        return 1
    fi
    if [ -z "$sender_role" ] || [ "${sender_role%% *}" != "$sender" ] || [ $((round % 3)) = 0 ]; then
        answer=$(ask_node "$sender" "$port")
        sender_role="$sender $(cut -d' ' -f3,9 <<<"$answer")"
    fi
    [[ $sender_role == "$sender primary "* ]]
}

round_as_standby() {
    local answer=$1 timeline sender registered answers best
    read -r _ _ _ _ timeline _ _ sender _ <<<"$answer"
    if streams_from_primary "$sender"; then
        seeking=0 following_rounds=0 rewinds=0 majority_since='' won_before='' last_word=''
        [ $((round % 15)) != 0 ] || is_registered || registered_as=''
        register "standby of $sender" standby register --force --upstream-node-id="${sender_role##* }" || return 0
        start_repmgrd
        rest=4
        return
    fi
    registered=$(registered_nodes)
    answers=$(ask_others "$registered")
    best=$(best_primary "$answers" "$system_id" "$timeline")
    if [ -n "$best" ]; then
        join_running "$best" "$timeline"
    else
        following_rounds=0
        consider_election "$answer"$'\n'"$answers" "$registered"
    fi
}

# join_running PRIMARY TIMELINE: of one's own timeline, repmgrd has its chance first; a newer one is a
# promotion that is done. Who cannot stream after 20 s is of another history.
join_running() {
    local host their_port their_timeline
    read -r host their_port _ _ their_timeline _ <<<"$1"
    majority_since='' won_before=''
    if [ "$(current_upstream)" = "$host" ]; then
        following_rounds=$((following_rounds + 1))
        if [ "$following_rounds" -ge 10 ]; then
            rejoin_until_done "$host" "$their_port"
        fi
    elif repmgrd_is_running && [ "$seeking" -lt 2 ] && [ "$their_timeline" -le "$2" ]; then
        seeking=$((seeking + 1))
    else
        stop_repmgrd
        seeking=0 following_rounds=0
        follow "$host" "$their_port" || true
    fi
}

# consider_election ANSWERS REGISTERED: nobody is primary. See README.md, "Who becomes primary".
consider_election() {
    local answers=$1 registered=$2 state here all foreign winner
    foreign=$(foreign_primary "$answers" "$system_id")
    if [ -n "$foreign" ]; then
        say_once "$foreign is primary of ANOTHER database cluster; this node's data are not touched, and it does not become primary"
        return
    fi
    state=$(election_state "$answers" "$system_id" "$registered")
    if ! [[ $state =~ ^([0-9]+)\ of\ ([0-9]+)$ ]]; then
        say_once "nobody is primary; waiting: $state"
        won_before=''
        return
    fi
    here=${BASH_REMATCH[1]} all=${BASH_REMATCH[2]}
    enough_to_elect "$here" "$all" || return 0
    winner=$(elect "$answers" "$system_id")
    if [ "$winner" != "$node_host" ]; then
        say_once "nobody is primary; $winner has the newest WAL ($state members are here)"
        won_before=''
    elif [ -z "$won_before" ]; then
        won_before=yes
    else
        won_before=''
        say "nobody is primary; this node has the newest WAL ($state members are here)"
        "$scripts/bin/pgweir-node" promote --elected || pause "$((1 + RANDOM % 3))"
    fi
}

enough_to_elect() {
    if [ "$1" -ge "$2" ]; then return 0; fi
    if [ $(($1 * 2)) -le "$2" ]; then
        majority_since='' won_before=''
        say_once "nobody is primary; $1 of $2 members are here: waiting for a majority"
        return 1
    fi
    : "${majority_since:=$SECONDS}"
    if [ $((SECONDS - majority_since)) -ge "$election_wait" ]; then return 0; fi
    say_once "nobody is primary; $1 of $2 members are here: waiting up to $election_wait s for the rest"
    return 1
}

# The server does not let anybody in yet: it replays WAL, perhaps WAL that only a primary has.
round_not_ready() {
    local best host their_port
    [ $((round % 3)) = 0 ] || return 0
    best=$(best_primary "$(ask_others)" "$system_id" "$(timeline_on_disk)")
    if [ -z "$best" ] || [ ! -e "$data/standby.signal" ]; then return 0; fi
    read -r host their_port _ <<<"$best"
    if ! grep -q "^primary_conninfo.*host=$host " "$data/postgresql.auto.conf"; then
        say "the primary $host has what this server waits for"
        write_upstream "$data" "$host" "$their_port"
        kill -HUP "$server_pid" 2>/dev/null || true
    fi
}

# The server has ended though nobody asked it to. A pre-stop hook may have: then only SIGTERM ends us.
# A standby whose history its primary does not share ends at its start; anything else is for a person.
on_server_end() {
    local best host their_port their_timeline
    [ -z "$server_pid" ] || wait "$server_pid" || true
    server_pid=''
    if [ -e "$tmp/stopping" ]; then
        say "the server was stopped; waiting for SIGTERM"
        while [ -e "$tmp/stopping" ]; do pause 5; done
    fi
    best=$(best_primary "$(ask_others)" "$system_id" "$(timeline_on_disk)")
    read -r host their_port _ _ their_timeline _ <<<"$best"
    if [ -z "$best" ] || [ "$rewinds" -ge 3 ] ||
        [ "$their_timeline" -le "$(control "Latest checkpoint's TimeLineID")" ]; then
        die "the server has ended"
    fi
    rejoin_until_done "$host" "$their_port"
}

watch() {
    local answer
    while :; do
        round=$((round + 1)) rest=2
        if ! server_is_running; then
            on_server_end
        elif answer=$(ask_self); then
            if [[ $answer == *' primary '* ]]; then
                round_as_primary "$(cut -d' ' -f5 <<<"$answer")"
            else
                round_as_standby "$answer"
            fi
        else
            round_not_ready
        fi
        pause "$rest"
    done
}
