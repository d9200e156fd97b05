#include "tests/support/http_get.hpp"

#include "tests/support/wire_client.hpp"

#include <sstream>

namespace pgweir::test {

http_answer http_get(int port, const std::string& path, const std::string& host) {
    http_answer answer;
    try {
        wire_client connection{port, host};
        connection.send("GET " + path +
                        " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        std::string all;
        while (const auto byte = connection.read_byte(5s))
            all += *byte;
        if (!all.starts_with("HTTP/1.")) return answer;
        answer.status = std::stoi(all.substr(9, 3));
        const auto end = all.find("\r\n\r\n");
        if (end != std::string::npos) {
            answer.headers = all.substr(0, end);
            answer.body = all.substr(end + 4);
        }
    } catch (const std::runtime_error&) { // nobody listens: status 0
    }
    return answer;
}

double metric(const std::string& exposition, const std::string& name, const std::string& labels) {
    std::istringstream lines{exposition};
    double total = 0;
    bool found = false;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(name)) continue;
        const auto after = line.substr(name.size(), 1);
        if (after != "{" && after != " ") continue;
        const auto blank = line.rfind(' ');
        if (!labels.empty() && line.substr(0, blank).find(labels) == std::string::npos) continue;
        total += std::stod(line.substr(blank + 1));
        found = true;
    }
    return found ? total : -1;
}

} // namespace pgweir::test
