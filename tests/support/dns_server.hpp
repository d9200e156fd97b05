// A name server for tests: answers for the names that it is told, by UDP on port 53 of a loopback
// address of its own, so that pgweir's ordinary resolver (getaddrinfo) asks it. Needs root, as
// giving pgweir another /etc/resolv.conf does.
#pragma once

#include "tests/support/child_process.hpp"

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pgweir::test {

class dns_server {
public:
    enum class mood : std::uint8_t {
        answers,
        fails,  ///< SERVFAIL
        silent, ///< takes questions and says nothing
    };

    /// Whether this machine allows it; says why if not.
    [[nodiscard]] static std::string why_not();

    /// Throws std::runtime_error if the address cannot be had.
    dns_server();
    ~dns_server();
    dns_server(const dns_server&) = delete;
    dns_server& operator=(const dns_server&) = delete;

    /// The addresses (IPv4) of a name from now on. None: the name is there and has no address. A
    /// name never set does not exist.
    void set(const std::string& name, std::vector<std::string> addresses);
    void set_mood(mood now) { mood_ = now; }
    [[nodiscard]] int questions() const { return questions_; }

    /// What to run a program by so that it asks this server.
    [[nodiscard]] std::vector<std::string> wrapper() const;

private:
    void serve();
    [[nodiscard]] std::string answer_to(const std::string& question);

    temp_directory directory_;
    int socket_ = -1;
    std::atomic<mood> mood_ = mood::answers;
    std::atomic<int> questions_ = 0;
    std::atomic<bool> stopping_ = false;
    std::mutex mutex_; // names_
    std::map<std::string, std::vector<std::string>> names_;
    std::thread thread_;
};

} // namespace pgweir::test
