// Metrics of what clients see: connections, queue, latency, errors, session state, statement
// caches.
#include "proxy/metrics/families.hpp"

namespace pgweir {

namespace {

void add_connections(families& to, const worker_list& workers) {
    const worker_counters none;
    to.gauges("clients", "Client connections by state.");
    for_each_key(none.clients, [&](client_state state) {
        to.add(sum_of(workers, [=](const auto& w) -> auto& { return w.clients[state]; }),
               {{"state", label(state)}});
    });
    to.counters("client_connections_accepted_total", "Client connections accepted.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.connections_accepted; }));
    to.counters("logins_total", "Ends of logins by result.");
    for_each_key(none.logins, [&](login_outcome result) {
        to.add(sum_of(workers, [=](const auto& w) -> auto& { return w.logins[result]; }),
               {{"result", label(result)}});
    });
    to.counters("client_tls_handshakes_total", "TLS handshakes with clients by result.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.tls_handshakes; }),
           {{"result", "ok"}});
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.tls_failures; }),
           {{"result", "failed"}});
    to.counters("accept_pauses_total",
                "Pauses in accepting clients for want of file descriptors or memory.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.accept_pauses; }));
    to.counters("client_received_bytes_total", "Bytes received from clients.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.bytes_received; }));
    to.counters("client_sent_bytes_total", "Bytes sent to clients.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.bytes_sent; }));
}

template <class Pick> void add_histogram(families& to, const worker_list& workers, Pick pick) {
    std::vector<const duration_histogram*> parts;
    for (const auto* worker : workers)
        parts.push_back(&pick(*worker));
    to.add(parts);
}

void add_queue(families& to, const worker_list& workers) {
    const worker_counters none;
    to.histograms("queue_wait_seconds",
                  "Waits of clients for a server connection, however they ended.");
    add_histogram(to, workers, [](const auto& w) -> auto& { return w.queue_wait; });
    to.counters("queue_refusals_total", "Statements refused because of a limit, by limit.");
    for_each_key(none.queue_refusals, [&](queue_refusal reason) {
        to.add(sum_of(workers, [=](const auto& w) -> auto& { return w.queue_refusals[reason]; }),
               {{"reason", label(reason)}});
    });
    to.counters("queue_handovers_total", "Server connections handed from one worker to another.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.queue_handovers; }));
    to.histograms("added_latency_seconds",
                  "Time that statements spent in pgweir itself, waiting not included.");
    add_histogram(to, workers, [](const auto& w) -> auto& { return w.added_latency; });
    to.histograms("lease_seconds", "How long server connections were held by sessions.");
    add_histogram(to, workers, [](const auto& w) -> auto& { return w.lease_time; });
}

void add_errors(families& to, const worker_list& workers) {
    to.counters("errors_total", "Errors sent to clients, by origin and SQLSTATE class.");
    for (std::size_t i = 0; i < sqlstate_counters::size; ++i) {
        const auto name = sqlstate_counters::class_of(i);
        to.add_if_any(
            sum_of(workers, [=](const auto& w) -> auto& { return w.errors_from_servers.at(i); }),
            {{"origin", "server"}, {"class", name}});
        to.add_if_any(
            sum_of(workers, [=](const auto& w) -> auto& { return w.errors_from_proxy.at(i); }),
            {{"origin", "pgweir"}, {"class", name}});
    }
    to.counters("protocol_errors_total",
                "Connections ended for bytes that break the protocol, by whose they were.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.client_protocol_errors; }),
           {{"peer", "client"}});
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.server_protocol_errors; }),
           {{"peer", "server"}});
}

void add_sessions(families& to, const worker_list& workers) {
    const worker_counters none;
    to.counters("pins_total", "Sessions that had to keep their server connection, by reason.");
    for_each_key(none.pins, [&](pin_reason reason) {
        to.add(sum_of(workers, [=](const auto& w) -> auto& { return w.pins[reason]; }),
               {{"reason", label(reason)}});
    });
    to.counters("retries_total",
                "Reads asked again elsewhere, by what was wrong with the first answer.");
    for_each_key(none.retries, [&](retry_reason reason) {
        to.add(sum_of(workers, [=](const auto& w) -> auto& { return w.retries[reason]; }),
               {{"reason", label(reason)}});
    });
    to.gauges("refused_statements", "Statements that the primary answers because a standby has "
                                    "refused them, as far as that is remembered.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.refused_statements; }));
    to.counters("cancels_total", "Cancel requests by result.");
    for_each_key(none.cancels, [&](cancel_result result) {
        to.add(sum_of(workers, [=](const auto& w) -> auto& { return w.cancels[result]; }),
               {{"result", label(result)}});
    });
    to.counters("confirmation_waits_total",
                "Units that waited for synchronous standbys to confirm to the primary what their "
                "session had seen on a standby.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.confirmation_waits; }), {});
    to.counters("bound_waits_total", "Reads for which no standby was known to be fresh enough.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.bound_waits; }));
    to.counters("standby_waits_total",
                "Reads that waited for a standby, as the primary must not answer them.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.standby_waits; }));
    to.counters("standby_wait_timeouts_total", "Of these, those that failed.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.standby_wait_timeouts; }));
    to.counters("blocks_moved_total",
                "Transaction blocks that moved from a standby to the primary.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.blocks_moved; }));
}

void add_caches(families& to, const worker_list& workers) {
    to.counters("auth_queries_total", "Secrets asked from servers.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.auth_queries; }));
    to.counters("auth_query_failures_total", "Secrets asked in vain.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.auth_query_failures; }));
    to.counters("statement_cache_lookups_total",
                "Lookups of what is known about a statement, by result.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.facts_text_hits; }),
           {{"result", "text_hit"}});
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.facts_folded_hits; }),
           {{"result", "folded_hit"}});
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.facts_misses; }),
           {{"result", "miss"}});
    to.counters("statements_unparsed_total",
                "Statements that could not be parsed or were too long to look at.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.facts_unparsed; }));
    to.counters("statement_cache_evictions_total", "Statements forgotten for want of space.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.facts_evictions; }));
    to.counters(
        "prepares_total",
        "Prepared statements: sent on, known to the server connection already, or sent again.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.prepares_forwarded; }),
           {{"how", "forwarded"}});
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.prepares_avoided; }),
           {{"how", "avoided"}});
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.prepares_repeated; }),
           {{"how", "repeated"}});
    to.counters("prepared_evictions_total",
                "Prepared statements closed on server connections for want of space.");
    to.add(sum_of(workers, [](const auto& w) -> auto& { return w.prepared_evictions; }));
}

} // namespace

void add_client_families(families& to, const worker_list& workers) {
    add_connections(to, workers);
    add_queue(to, workers);
    add_errors(to, workers);
    add_sessions(to, workers);
    add_caches(to, workers);
}

} // namespace pgweir
