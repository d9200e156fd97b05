// One HTTP GET.
#pragma once

#include <string>

namespace pgweir::test {

struct http_answer {
    int status = 0; ///< 0: no connection or no answer in time
    std::string headers;
    std::string body;
};

/// `host` is an IPv4 address.
http_answer http_get(int port, const std::string& path, const std::string& host = "127.0.0.1");

/// The sum of a metric's samples whose labels contain `labels` (as text); -1 if there is none.
double
metric(const std::string& exposition, const std::string& name, const std::string& labels = "");

} // namespace pgweir::test
