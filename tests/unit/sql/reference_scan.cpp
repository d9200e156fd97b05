#include "tests/unit/sql/reference_scan.hpp"

#include "sql/scanner.hpp"

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include <algorithm>
#include <string>

namespace pgweir::sql {

namespace {

/// libpg_query says the end of U&'…' and U&"…" wrongly: only where they begin can be compared.
void add(token_bounds& bounds, std::string_view text, std::size_t begin, std::size_t end) {
    const bool unicode = begin + 2 < text.size() && (text[begin] | 0x20) == 'u' &&
                         text[begin + 1] == '&' &&
                         (text[begin + 2] == '\'' || text[begin + 2] == '"');
    bounds.emplace_back(begin, unicode ? begin : end);
}

} // namespace

std::optional<token_bounds> reference_scan(std::string_view text) {
    const std::string terminated{text};
    const PgQueryScanResult answer = pg_query_scan(terminated.c_str());
    std::optional<token_bounds> bounds;
    if (answer.error == nullptr) {
        const void* data = answer.pbuf.data;
        PgQuery__ScanResult* scan = pg_query__scan_result__unpack(
            nullptr, answer.pbuf.len, static_cast<const std::uint8_t*>(data));
        bounds.emplace();
        for (std::size_t i = 0; i < scan->n_tokens; ++i) {
            const PgQuery__ScanToken& token = *scan->tokens[i];
            if (token.token == PG_QUERY__TOKEN__SQL_COMMENT ||
                token.token == PG_QUERY__TOKEN__C_COMMENT)
                continue;
            add(*bounds, text, static_cast<std::size_t>(token.start),
                static_cast<std::size_t>(token.end));
        }
        pg_query__scan_result__free_unpacked(scan, nullptr);
    }
    pg_query_free_scan_result(answer);
    return bounds;
}

std::optional<token_bounds> own_scan(std::string_view text) {
    token_bounds bounds;
    scanner scan{text};
    for (token t; scan.next(t);)
        add(bounds, text, t.begin, t.end);
    if (scan.failed()) return std::nullopt;
    return bounds;
}

bool may_be_refused(std::string_view text) {
    return std::ranges::any_of(text,
                               [](char c) {
                                   const auto byte = static_cast<unsigned char>(c);
                                   return byte == 0x7f || (byte < ' ' && c != '\n' && c != '\t' &&
                                                           c != '\r' && c != '\f');
                               }) ||
           text.find_first_of("${}\\") != std::string_view::npos ||
           (text.find("--") != std::string_view::npos &&
            text.find('\'') != std::string_view::npos) ||
           (PG_VERSION_NUM >= 160000 && text.find_first_of("_xXoObB") != std::string_view::npos);
}

} // namespace pgweir::sql
