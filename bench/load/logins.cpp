// Logs in and out as fast as it can for a while and says what a login cost the proxy. Blocking
// sockets, a thread each; SCRAM keys are derived once, so that the load is the proxy's and not
// ours.
#include "bench/load/message_bytes.hpp"
#include "bench/load/process_tree.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace pgweir::bench {
namespace {

using clock = std::chrono::steady_clock;

struct options {
    std::uint16_t port = 0;
    std::string user = "postgres";
    std::string database = "postgres";
    std::string password;
    bool tls = false;
    unsigned threads = 4;
    std::chrono::duration<double> length{3};
    std::vector<pid_t> proxy_pids;
};

constexpr const char* usage =
    "usage: bench_logins --port N --proxy-pid PID [options]; the password is PGPASSWORD\n"
    "  --user NAME --database NAME   postgres\n"
    "  --tls                         by SSLRequest, a whole handshake each time\n"
    "  --threads N                   logins under way at the same time, default 4\n"
    "  --seconds S                   default 3\n"
    "  --proxy-pid PID               process whose CPU is read, with its children (repeatable)\n";

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error{what};
}

/// The message of an ErrorResponse.
std::string readable(std::string_view body) {
    while (!body.empty() && body.front() != '\0') {
        const char field = body.front();
        body.remove_prefix(1);
        const auto text = take_string(body);
        if (field == 'M') return std::string{text};
    }
    return "an error without a message";
}

// ---- SCRAM-SHA-256 (RFC 5802, RFC 7677), the client's half
// --------------------------------------------------------

using digest = std::array<unsigned char, 32>;

digest hmac(std::string_view key, std::string_view text) {
    digest out{};
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), &size);
    return out;
}

std::string_view view(const digest& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string base64(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4, '\0');
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                    reinterpret_cast<const unsigned char*>(bytes.data()),
                    static_cast<int>(bytes.size()));
    return out;
}

std::string from_base64(std::string_view text) {
    std::string out(text.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    if (size < 0) fail("bad base64 from the proxy");
    out.resize(static_cast<std::size_t>(size) - (text.ends_with("==") ? 2 : text.ends_with('=')));
    return out;
}

/// The value of one attribute of a SCRAM message.
std::string_view attribute(std::string_view message, char name) {
    for (auto rest = message; !rest.empty();) {
        const auto end = rest.find(',');
        const auto one = rest.substr(0, end);
        if (one.size() > 1 && one[0] == name && one[1] == '=') return one.substr(2);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    fail("a SCRAM message lacks an attribute");
}

/// ClientKey of this password, by the salt that it was made for last.
digest client_key(const std::string& password, std::string_view salt, int iterations) {
    static std::mutex mutex;
    static std::string known_salt;
    static digest known{};
    const std::lock_guard lock{mutex};
    if (known_salt == salt) return known;
    const auto raw = from_base64(salt);
    digest salted{};
    PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                      reinterpret_cast<const unsigned char*>(raw.data()),
                      static_cast<int>(raw.size()), iterations, EVP_sha256(), salted.size(),
                      salted.data());
    known = hmac(view(salted), "Client Key");
    known_salt = salt;
    return known;
}

std::string client_final(const std::string& password,
                         std::string_view client_first_bare,
                         std::string_view server_first) {
    const auto key = client_key(password, attribute(server_first, 's'),
                                std::atoi(std::string{attribute(server_first, 'i')}.c_str()));
    digest stored{};
    EVP_Digest(key.data(), key.size(), stored.data(), nullptr, EVP_sha256(), nullptr);
    const auto without_proof = "c=biws,r=" + std::string{attribute(server_first, 'r')};
    const auto signature = hmac(view(stored), std::string{client_first_bare} + ',' +
                                                  std::string{server_first} + ',' + without_proof);
    digest proof = key;
    for (std::size_t i = 0; i < proof.size(); ++i)
        proof[i] ^= signature[i];
    return without_proof + ",p=" + base64(view(proof));
}

// ---- one login
// ----------------------------------------------------------------------------------------------------

class connection {
public:
    connection(const options& chosen, SSL_CTX* tls) : options_{chosen} {
        socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const linger abort{1, 0}; // no port stays in TIME_WAIT
        ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(chosen.port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
            fail("cannot connect");
        if (tls != nullptr) start_tls(tls);
    }
    ~connection() {
        if (ssl_) SSL_free(ssl_);
        ::close(socket_);
    }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    void log_in() {
        std::string body;
        put_int32(body, 196608);
        for (const auto& word :
             {std::string{"user"}, options_.user, std::string{"database"}, options_.database})
            put_string(body, word);
        body.push_back('\0');
        std::string out;
        put_int32(out, static_cast<std::uint32_t>(body.size() + 4));
        send(out + body);
        while (take_message()) {
        }
        std::string end;
        put_message(end, 'X', {});
        send(end);
        // The proxy closes first: its part of the work is in the figure.
        char rest = 0;
        receive(&rest, 1);
    }

private:
    void start_tls(SSL_CTX* tls) {
        std::string request;
        put_int32(request, 8);
        put_int32(request, 80877103);
        send(request);
        char answer = 0;
        if (receive(&answer, 1) != 1 || answer != 'S') fail("no TLS");
        ssl_ = SSL_new(tls);
        SSL_set_fd(ssl_, socket_);
        if (SSL_connect(ssl_) != 1) fail("TLS handshake failed");
    }

    /// False: ReadyForQuery.
    bool take_message() {
        fill(5);
        const auto size = int32_at(std::string_view{in_}.substr(1));
        fill(size + 1);
        const char type = in_[0];
        const std::string body = in_.substr(5, size - 4);
        in_.erase(0, size + 1);
        if (type == 'E') fail("login refused: " + readable(body));
        if (type == 'R') answer(body);
        return type != 'Z';
    }

    void answer(std::string_view body) {
        const auto kind = int32_at(body);
        std::string reply;
        std::string out;
        if (kind == 10) {
            std::array<unsigned char, 18> nonce{};
            RAND_bytes(nonce.data(), nonce.size());
            first_ = "n=,r=" + base64({reinterpret_cast<const char*>(nonce.data()), nonce.size()});
            put_string(reply, "SCRAM-SHA-256");
            put_int32(reply, static_cast<std::uint32_t>(first_.size() + 3));
            reply += "n,," + first_;
        } else if (kind == 11) {
            reply = client_final(options_.password, first_, body.substr(4));
        } else if (kind != 0 && kind != 12) {
            fail("a way to authenticate that is not known here: " + std::to_string(kind));
        }
        if (reply.empty()) return;
        put_message(out, 'p', reply);
        send(out);
    }

    void fill(std::size_t size) {
        while (in_.size() < size) {
            std::array<char, 4096> chunk{};
            const auto n = receive(chunk.data(), chunk.size());
            if (n <= 0) fail("the connection ended");
            in_.append(chunk.data(), static_cast<std::size_t>(n));
        }
    }

    long receive(char* to, std::size_t size) {
        return ssl_ ? SSL_read(ssl_, to, static_cast<int>(size)) : ::recv(socket_, to, size, 0);
    }

    void send(std::string_view bytes) {
        const auto n = ssl_ ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                            : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n != static_cast<long>(bytes.size())) fail("the connection ended");
    }

    const options& options_;
    int socket_ = -1;
    SSL* ssl_ = nullptr;
    std::string in_;
    std::string first_;
};

// ---- the run
// ------------------------------------------------------------------------------------------------------

std::optional<options> read_options(int argc, char** argv) {
    options chosen;
    if (const char* const password = std::getenv("PGPASSWORD")) chosen.password = password;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--tls") {
            chosen.tls = true;
            continue;
        }
        if (i + 1 == argc) return std::nullopt;
        const char* const value = argv[++i];
        if (name == "--port")
            chosen.port = static_cast<std::uint16_t>(std::atoi(value));
        else if (name == "--user")
            chosen.user = value;
        else if (name == "--database")
            chosen.database = value;
        else if (name == "--threads")
            chosen.threads = static_cast<unsigned>(std::atoi(value));
        else if (name == "--seconds")
            chosen.length = std::chrono::duration<double>{std::atof(value)};
        else if (name == "--proxy-pid")
            chosen.proxy_pids.push_back(std::atoi(value));
        else
            return std::nullopt;
    }
    if (chosen.port == 0 || chosen.threads == 0) return std::nullopt;
    return chosen;
}

int run(const options& chosen) {
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> tls{nullptr, &SSL_CTX_free};
    if (chosen.tls) {
        tls.reset(SSL_CTX_new(TLS_client_method()));
        SSL_CTX_set_session_cache_mode(tls.get(), SSL_SESS_CACHE_OFF);
    }
    connection{chosen, tls.get()}.log_in(); // keys are derived, and the proxy knows the user
    std::atomic<std::uint64_t> logins{0};
    std::atomic<bool> failed{false};
    std::string why;
    std::mutex mutex;
    const auto before = cpu_of(chosen.proxy_pids);
    const auto begun = clock::now();
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < chosen.threads; ++i)
        threads.emplace_back([&] {
            try {
                while (clock::now() - begun < chosen.length && !failed) {
                    connection{chosen, tls.get()}.log_in();
                    ++logins;
                }
            } catch (const std::exception& e) {
                const std::lock_guard lock{mutex};
                failed = true;
                why = e.what();
            }
        });
    for (auto& thread : threads)
        thread.join();
    const std::chrono::duration<double> took = clock::now() - begun;
    const auto after = cpu_of(chosen.proxy_pids);
    if (failed) {
        std::fprintf(stderr, "%s\n", why.c_str());
        return 1;
    }
    const auto count = static_cast<double>(logins.load());
    std::printf("logins %.0f\nlogins_per_second %.1f\nproxy_user_us_per_login %.1f\n"
                "proxy_cpu_us_per_login %.1f\n",
                count, count / took.count(), (after.user_us - before.user_us) / count,
                (after.user_us - before.user_us + after.system_us - before.system_us) / count);
    return 0;
}

} // namespace
} // namespace pgweir::bench

int main(int argc, char** argv) {
    const auto chosen = pgweir::bench::read_options(argc, argv);
    if (!chosen) {
        std::fputs(pgweir::bench::usage, stderr);
        return 2;
    }
    try {
        return pgweir::bench::run(*chosen);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
