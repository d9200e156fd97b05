// A TCP relay between pgweir and one server, or between clients and several pgweirs in turn, that
// can refuse, hold, delay, cut and forge. It runs
// on a thread of its own; all members may be called from the test's thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace pgweir::test {

class tcp_gate {
public:
    /// Relays 127.0.0.1:port() to 127.0.0.1:target.
    explicit tcp_gate(int target);
    /// The same to each of these in turn, as a load balancer would.
    explicit tcp_gate(std::vector<int> targets);
    ~tcp_gate();
    tcp_gate(const tcp_gate&) = delete;
    tcp_gate& operator=(const tcp_gate&) = delete;

    [[nodiscard]] int port() const;
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port()); }
    [[nodiscard]] std::size_t connections() const;

    /// New connections to the target come from this IPv4 address of our own.
    void come_from(const std::string& address);
    /// New connections are closed as soon as they are accepted.
    void refuse(bool on);
    /// Nothing is relayed in either direction, connections stay open: a cable pulled.
    void hold(bool on);
    /// Bytes from the server arrive this much later.
    void delay_answers(std::chrono::milliseconds by);
    /// Resets all present connections.
    void cut_all();
    /// Once: the connection whose client sends `marker` is reset on both sides after so many bytes
    /// of the server's answer.
    void cut_answer(const std::string& marker, std::size_t after);
    /// Once: a request that holds `marker` is dropped and answered with these bytes.
    void forge_answer(const std::string& marker, const std::string& bytes);
    /// Once: these bytes follow what the server answers to a request that holds `marker`, in the
    /// same write.
    void append_to_answer(const std::string& marker, const std::string& bytes);

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace pgweir::test
