#include "check/authentication_request.hpp"

#include <catch2/catch_test_macros.hpp>

#include <vector>

using checkpg::AuthenticationRequest;

namespace {

/// The start of a message: its type, and the low bytes of its length and code.
std::vector<unsigned char> message(unsigned char type, unsigned length, unsigned char code) {
    return {type,
            0,
            0,
            static_cast<unsigned char>(length >> 8),
            static_cast<unsigned char>(length & 0xff),
            0,
            0,
            0,
            code};
}

} // namespace

TEST_CASE("an authentication request is read from its header") {
    const auto sasl = AuthenticationRequest::read(message('R', 23, 10));
    REQUIRE(sasl);
    CHECK(sasl->name() == "SASL (SCRAM-SHA-256)");
    CHECK_FALSE(sasl->is_ok());
    CHECK_FALSE(sasl->continues_sasl());

    const auto ok = AuthenticationRequest::read(message('R', 8, 0));
    REQUIRE(ok);
    CHECK(ok->name() == "none asked for");
    CHECK(ok->is_ok());

    const auto later = AuthenticationRequest::read(message('R', 92, 11));
    REQUIRE(later);
    CHECK(later->continues_sasl());
}

TEST_CASE("what libpq would refuse as an authentication request is none") {
    CHECK(AuthenticationRequest::read(message('R', 2000, 5)));
    CHECK_FALSE(AuthenticationRequest::read(message('R', 2001, 5)));
    CHECK_FALSE(AuthenticationRequest::read(message('R', 7, 5)));
    CHECK_FALSE(AuthenticationRequest::read(message('E', 23, 5)));
}

TEST_CASE("half an authentication request is none yet") {
    auto bytes = message('R', 8, 0);
    while (!bytes.empty()) {
        bytes.pop_back();
        CHECK_FALSE(AuthenticationRequest::read(bytes));
    }
}

TEST_CASE("a code of four bytes is read as a whole") {
    auto bytes = message('R', 8, 0);
    bytes[5] = 1; // 2^24, not 0
    const auto request = AuthenticationRequest::read(bytes);
    REQUIRE(request);
    CHECK_FALSE(request->is_ok());
    CHECK(request->name() == "unknown");
}
