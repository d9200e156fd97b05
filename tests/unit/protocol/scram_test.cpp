#include "protocol/scram.hpp"
#include "protocol/scram_message.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace pgweir::protocol {
namespace {

using std::string_view_literals::operator""sv;

// Computed independently, with Python's hashlib: password "päss" in UTF-8, salt "0123456789abcdef".
constexpr std::string_view verifier_text =
    "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$okM69n9uzOhYD1Izwt7xMCzPNzPQv4s/"
    "OynPZZSwQAA=:Q0tAvMD6Tow0O4Qs6PLZUSkKIqN6s3ItgY2qnQ9pyWo=";
constexpr std::string_view salt = "0123456789abcdef";
constexpr std::string_view password = "p\xc3\xa4ss";

scram_verifier sample_verifier() {
    return *parse_scram_verifier(verifier_text);
}

struct exchange_result {
    error_code server;
    error_code client;
    scram_keys recovered;
};

/// Both machines against each other.
exchange_result run(scram_server server, scram_client client) {
    const auto challenge = server.on_client_first(client.first());
    if (!challenge) return {challenge.error(), {}, {}};
    const auto proof = client.on_server_first(*challenge);
    if (!proof) return {{}, proof.error(), {}};
    const auto last = server.on_client_final(*proof);
    if (!last) return {last.error(), {}, {}};
    return {{}, client.on_server_final(*last), server.keys()};
}

TEST(ScramVerifier, IsReadAndWrittenAsPostgreSQLStoresIt) {
    const auto verifier = sample_verifier();
    EXPECT_EQ(verifier.iterations, 4096);
    EXPECT_EQ(verifier.salt, salt);
    EXPECT_EQ(format_scram_verifier(verifier), verifier_text);
}

TEST(ScramVerifier, IsDerivedFromAPassword) {
    const auto derived = derive_scram_verifier(password, std::string{salt}, 4096);
    EXPECT_EQ(format_scram_verifier(*derived), verifier_text);
    EXPECT_TRUE(matches(sample_verifier(), password));
    EXPECT_FALSE(matches(sample_verifier(), "pass"));
    EXPECT_FALSE(matches(sample_verifier(), ""));
    EXPECT_EQ(derive_scram_verifier("x", "y", 0).error(), scram_errc::bad_iterations);
}

TEST(ScramVerifier, InAnyOtherFormIsRefused) {
    const std::string good{verifier_text};
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_EQ(parse_scram_verifier(good.substr(0, size)).error(), scram_errc::bad_verifier);
    const auto with = [&](std::string_view from, std::string_view to) {
        auto text = good;
        text.replace(text.find(from), from.size(), to);
        return parse_scram_verifier(text).has_value();
    };
    EXPECT_TRUE(with("4096", "1"));
    EXPECT_TRUE(with("4096", "2147483647"));
    for (const auto iterations :
         {"0", "-1", "", "2147483648", "4096x", " 4096", "99999999999999999999"})
        EXPECT_FALSE(with("4096", iterations)) << iterations;
    EXPECT_FALSE(with("MDEyMzQ1Njc4OWFiY2RlZg==", ""));
    EXPECT_FALSE(with("MDEyMzQ1Njc4OWFiY2RlZg==", "MDEy*"));
    EXPECT_FALSE(with("SCRAM-SHA-256", "SCRAM-SHA-1"));
    EXPECT_FALSE(parse_scram_verifier(good + "A"));
    EXPECT_FALSE(parse_scram_verifier(good + ":x"));
    const std::string long_salt(4 * 400, 'A');
    EXPECT_FALSE(with("MDEyMzQ1Njc4OWFiY2RlZg==", long_salt));
}

TEST(ScramServer, GivesTheAnswersOfRfc7677) {
    const auto verifier = derive_scram_verifier(
        "pencil", "\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81", 4096);
    scram_server server{*verifier, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"};
    EXPECT_EQ(*server.on_client_first("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"),
              "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
              "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    EXPECT_EQ(*server.on_client_final("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
              "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST(ScramExchange, SucceedsWithTheRightPassword) {
    const auto result = run({sample_verifier(), "server"}, {std::string{password}, "client"});
    EXPECT_FALSE(result.server);
    EXPECT_FALSE(result.client);
}

TEST(ScramExchange, RecoversKeysThatServeTheNextExchange) {
    const auto first = run({sample_verifier(), "server"}, {std::string{password}, "client"});
    const auto known = derive_scram_keys(password, salt, 4096);
    EXPECT_EQ(first.recovered.client_key, known->client_key);
    EXPECT_EQ(first.recovered.server_key, known->server_key);
    const auto second = run({sample_verifier(), "other"}, {first.recovered, "another"});
    EXPECT_FALSE(second.server);
    EXPECT_FALSE(second.client);
}

TEST(ScramExchange, FailsWithAWrongPassword) {
    for (const auto* wrong : {"", "pass", "p\xc3\xa4ss "})
        EXPECT_EQ(run({sample_verifier(), "server"}, {wrong, "client"}).server,
                  scram_errc::wrong_password);
    EXPECT_EQ(run({sample_verifier(), "server"}, {scram_keys{}, "client"}).server,
              scram_errc::wrong_password);
}

TEST(ScramExchange, NeverSucceedsWithAMockVerifier) {
    const auto mock = mock_scram_verifier("nobody", "secret");
    for (const auto* guess : {"", "nobody", "secret"})
        EXPECT_EQ(run({mock, "server"}, {guess, "client"}).server, scram_errc::wrong_password);
    EXPECT_EQ(mock.salt.size(), 16U);
    EXPECT_EQ(mock.salt, mock_scram_verifier("nobody", "secret").salt);
    EXPECT_NE(mock.salt, mock_scram_verifier("nobody", "other").salt);
    EXPECT_NE(mock.salt, mock_scram_verifier("nobodx", "secret").salt);
}

TEST(ScramServer, RefusesWhatIsNoClientFirstMessage) {
    const auto error = [](std::string_view message) {
        return scram_server{sample_verifier(), "server"}.on_client_first(message).error();
    };
    for (const auto message : {""sv, "n"sv, "n,"sv, "n,,"sv, "n,,n="sv, "n,,n=,"sv, "n,,n=,r="sv,
                               "n,,r=x"sv, "n,,n=,x=1,r=x"sv, "x,,n=,r=x"sv, "nn,,n=,r=x"sv,
                               "n,,n=,r=a b"sv, "n,,n=,r=\x7f"sv, "n,,n=,r=x\0"sv, "n,,n=,r=\xff"sv,
                               "n,,n=,r=x,"sv, "n,,n=,r=x,1=2"sv, ",,n=,r=x"sv, "y=,,n=,r=x"sv})
        EXPECT_EQ(error(message), scram_errc::malformed) << message;
    EXPECT_EQ(error("n,,n=,r=" + std::string(65'536, 'x')), scram_errc::malformed);
    EXPECT_EQ(error("p=tls-server-end-point,,n=,r=x"), scram_errc::channel_binding_requested);
    EXPECT_EQ(error("n,a=admin,n=,r=x"), scram_errc::authzid_requested);
    EXPECT_EQ(error("n,,m=1,n=,r=x"), scram_errc::extension_requested);
}

TEST(ScramServer, TakesOptionalExtensionsAndAnyUserName) {
    scram_server server{sample_verifier(), "server"};
    EXPECT_TRUE(server.on_client_first("n,,n=whoever,r=x,z=1,y="));
}

TEST(ScramServer, RefusesWhatIsNoClientFinalMessage) {
    const auto error = [](std::string_view message) {
        scram_server server{sample_verifier(), "server"};
        EXPECT_TRUE(server.on_client_first("n,,n=,r=client"));
        return server.on_client_final(message).error();
    };
    const std::string proof(43, 'A');
    for (const std::string& message :
         {std::string{}, std::string{"c=biws"}, std::string{"c=biws,r=clientserver"},
          "r=clientserver,c=biws,p=" + proof + "=", "c=biws,r=clientserver,p=" + proof + "=,x=1",
          "c=biws,r=clientserver,p=" + proof + "=,", "c=biws,r=clientserver,p=" + proof,
          std::string{"c=biws,r=clientserver,p="}, std::string{"c=biws,r=clientserver,p=AAAA"},
          "c=biws,r=clientserver,,p=" + proof + "="})
        EXPECT_EQ(error(message), scram_errc::malformed) << message;
    EXPECT_EQ(error("c=biws,r=client,p=" + proof + "="), scram_errc::nonce_mismatch);
    EXPECT_EQ(error("c=biws,r=clientserverx,p=" + proof + "="), scram_errc::nonce_mismatch);
    EXPECT_EQ(error("c=eSws,r=clientserver,p=" + proof + "="),
              scram_errc::channel_binding_mismatch);
    EXPECT_EQ(error("c=biws,r=clientserver,p=" + proof + "="), scram_errc::wrong_password);
    EXPECT_EQ(error("c=biws,r=clientserver,x=1,p=" + proof + "="), scram_errc::wrong_password);
}

TEST(ScramServer, LetsAFrontendSayThatItCouldBindTheChannel) {
    // The proof depends on the header, so the client machine's message cannot be reused: a wrong
    // proof shows that the header itself was taken.
    scram_server server{sample_verifier(), "server"};
    ASSERT_TRUE(server.on_client_first("y,,n=,r=client"));
    const std::string proof(43, 'A');
    EXPECT_EQ(server.on_client_final("c=eSws,r=clientserver,p=" + proof + "=").error(),
              scram_errc::wrong_password);
}

TEST(ScramChannel, IsBoundToTheServersCertificate) {
    const auto run_plus = [](const std::string& server_hash, const std::string& client_hash) {
        scram_server server{sample_verifier(), "server", server_hash};
        scram_client client{std::string{password}, "client", default_max_scram_iterations,
                            scram_channel::bound(client_hash)};
        const auto challenge = server.on_client_first(client.first(), true);
        const auto last = server.on_client_final(*client.on_server_first(*challenge));
        return last ? client.on_server_final(*last) : last.error();
    };
    EXPECT_EQ(run_plus("hash", "hash"), error_code{});
    EXPECT_EQ(run_plus("hash", "of somebody between"), scram_errc::channel_binding_mismatch);
    // As libpq writes it, for the two bytes "ab".
    EXPECT_EQ(scram_channel::bound("ab").attribute(), "cD10bHMtc2VydmVyLWVuZC1wb2ludCwsYWI=");
    EXPECT_EQ(scram_channel::unbound().attribute(), "biws");
    EXPECT_EQ(scram_channel::could_bind().attribute(), "eSws");
}

TEST(ScramChannel, IsBoundByKeysAsByAPassword) {
    const auto keys = *derive_scram_keys(password, salt, 4096);
    scram_server server{sample_verifier(), "server", "hash"};
    scram_client client{keys, "client", scram_channel::bound("hash")};
    const auto challenge = server.on_client_first(client.first(), true);
    EXPECT_TRUE(server.on_client_final(*client.on_server_first(*challenge)));
}

TEST(ScramChannel, CannotBeTakenOutOfTheOffer) {
    const auto error = [](std::string_view message, bool plus, std::string end_point) {
        scram_server server{sample_verifier(), "server", std::move(end_point)};
        const auto answer = server.on_client_first(message, plus);
        return answer ? error_code{} : answer.error();
    };
    const auto bound = "p=tls-server-end-point,,n=,r=x";
    EXPECT_EQ(error(bound, true, "hash"), error_code{});
    EXPECT_EQ(error("n,,n=,r=x", false, "hash"), error_code{}) << "a client that cannot";
    EXPECT_EQ(error("y,,n=,r=x", false, ""), error_code{}) << "we cannot";
    EXPECT_EQ(error("y,,n=,r=x", false, "hash"), scram_errc::channel_binding_downgrade);
    EXPECT_EQ(error("n,,n=,r=x", true, "hash"), scram_errc::channel_binding_missing);
    EXPECT_EQ(error("y,,n=,r=x", true, "hash"), scram_errc::channel_binding_missing);
    EXPECT_EQ(error(bound, false, "hash"), scram_errc::channel_binding_requested);
    EXPECT_EQ(error(bound, true, ""), scram_errc::channel_binding_requested);
    EXPECT_EQ(error("p=tls-unique,,n=,r=x", true, "hash"), scram_errc::channel_binding_requested);
    EXPECT_EQ(error("p=,,n=,r=x", true, "hash"), scram_errc::malformed);
    EXPECT_EQ(error("p=tls-server-end-point,a=admin,n=,r=x", true, "hash"),
              scram_errc::authzid_requested);
}

TEST(ScramServer, GivesOneChanceOnly) {
    scram_server server{sample_verifier(), "server"};
    EXPECT_EQ(server.on_client_final("c=biws").error(), scram_errc::out_of_order);
    EXPECT_EQ(server.on_client_first("n,,n=,r=x").error(), scram_errc::out_of_order);
}

TEST(ScramClient, RefusesWhatIsNoServerFirstMessage) {
    const auto error = [](std::string_view message) {
        scram_client client{std::string{password}, "client"};
        EXPECT_EQ(client.first(), "n,,n=,r=client");
        return client.on_server_first(message).error();
    };
    for (const auto message : {""sv, "r=clientx"sv, "r=clientx,s=QQ=="sv, "s=QQ==,r=clientx,i=1"sv,
                               "r=clientx,s=,i=1"sv, "r=clientx,s=Q,i=1"sv, "r=clientx,s=\0,i=1"sv,
                               "r=clientx,s=QQ==,i=1,"sv, "r=clientx,s=QQ==,i=1,\0"sv})
        EXPECT_EQ(error(message), scram_errc::malformed) << message;
    EXPECT_EQ(error("r=" + std::string(70'000, 'x') + ",s=QQ==,i=1"), scram_errc::malformed);
    EXPECT_EQ(error("m=1,r=clientx,s=QQ==,i=1"), scram_errc::extension_requested);
    for (const auto* nonce : {"client", "clien", "Xclient", "other"})
        EXPECT_EQ(error("r=" + std::string{nonce} + ",s=QQ==,i=1"), scram_errc::nonce_mismatch)
            << nonce;
    for (const auto* count : {"0", "-1", "", "x", "4096x", "100001", "2147483647", "2147483648",
                              "9999999999999999999999"})
        EXPECT_EQ(error("r=clientx,s=QQ==,i=" + std::string{count}), scram_errc::bad_iterations)
            << count;
}

TEST(ScramClient, TakesAnyIterationsIfItHasKeys) {
    scram_client client{*derive_scram_keys(password, salt, 4096), "client"};
    EXPECT_TRUE(client.on_server_first("r=clientx,s=QQ==,i=2147483647"));
}

TEST(ScramClient, TrustsNoServerThatCannotProveItself) {
    const auto client_after_challenge = [] {
        scram_client client{std::string{password}, "client"};
        EXPECT_TRUE(client.on_server_first("r=clientx,s=QQ==,i=1"));
        return client;
    };
    const std::string signature(43, 'A');
    for (const std::string& message :
         {std::string{}, std::string{"v="}, std::string{"v=AAAA"}, "x=" + signature + "=",
          "v=" + signature + "=,", std::string{"v"}})
        EXPECT_EQ(client_after_challenge().on_server_final(message), scram_errc::malformed)
            << message;
    EXPECT_EQ(client_after_challenge().on_server_final("e=other-error"), scram_errc::rejected);
    auto client = client_after_challenge();
    EXPECT_EQ(client.on_server_final("v=" + signature + "="), scram_errc::bad_server_signature);
    EXPECT_FALSE(client.is_verified());
    EXPECT_EQ(client.on_server_final("v=" + signature + "="), scram_errc::out_of_order);
}

TEST(ScramClient, NeedsANonceOfItsOwn) {
    scram_client client{std::string{password}, ""};
    EXPECT_EQ(client.on_server_first("r=x,s=QQ==,i=1").error(), scram_errc::nonce_mismatch);
}

TEST(ScramNonce, IsPrintableAndNeverTheSame) {
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const auto nonce = make_scram_nonce();
        EXPECT_EQ(nonce.size(), 24U);
        EXPECT_TRUE(
            std::ranges::all_of(nonce, [](char c) { return c > ' ' && c < '\x7f' && c != ','; }));
        EXPECT_TRUE(seen.insert(nonce).second);
    }
}

TEST(ScramErrc, HasAMessageForEachCode) {
    std::set<std::string> messages;
    for (int code = 0; code <= static_cast<int>(scram_errc::crypto_failure); ++code)
        EXPECT_TRUE(
            messages.insert(make_error_code(static_cast<scram_errc>(code)).message()).second);
}

} // namespace
} // namespace pgweir::protocol
