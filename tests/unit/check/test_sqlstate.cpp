#include "check/sqlstate.hpp"

#include <catch2/catch_test_macros.hpp>

using checkpg::ExitCode;
using checkpg::take_apart;

TEST_CASE("an SQLSTATE decides the exit code") {
    using checkpg::code_of_sqlstate;
    for (const char* state : {"28000", "28P01", "3D000", "42501"})
        CHECK(code_of_sqlstate(state) == ExitCode::access_denied);
    for (const char* state : {"57P01", "57P02", "57P03", "53300"})
        CHECK(code_of_sqlstate(state) == ExitCode::not_ready);
    for (const char* state : {"", "08P01", "42883", "57014", "XX000", "0A000", "53200"})
        CHECK(code_of_sqlstate(state) == ExitCode::unexpected_answer);
}

TEST_CASE("the SQLSTATE is found in a failed connection's message, in any language") {
    const auto error =
        take_apart("connection to server at \"192.0.2.1\", port 5432 failed: FATAL:  57P03: the "
                   "database system is starting up\nLOCATION:  ProcessStartupPacket, "
                   "postmaster.c:2375\n");
    CHECK(error.sqlstate == "57P03");
    CHECK(error.text == "FATAL: the database system is starting up");
    CHECK(take_apart("FATALE:  28P01: autenticazione fallita\nPOSIZIONE:  x\n").sqlstate ==
          "28P01");
}

TEST_CASE("of several attempts the last counts") {
    const auto error = take_apart("connection to server at \"::1\", port 5432 failed: Connection "
                                  "refused\n\tIs the server running?\nconnection to server at "
                                  "\"127.0.0.1\", port 5432 failed: FATAL:  3D000: no\n");
    CHECK(error.sqlstate == "3D000");
    CHECK(error.text == "FATAL: no");
    CHECK(take_apart("a failed\nFATAL:  28000: b\nFATAL:  28P01: c\n").sqlstate == "28P01");
}

TEST_CASE("a message without an SQLSTATE has none") {
    for (const char* message :
         {"", "\n", "Connection refused\n\tIs it running?\n", "server said:  57p03: no",
          "FATAL:  57P03", "FATAL: 57P03: one blank", "x:  57P033: six"})
        CHECK(take_apart(message).sqlstate.empty());
    CHECK(take_apart("connection to server at \"h\", port 1 failed: Connection refused\n\tIs it?\n")
              .text == "Connection refused");
}

TEST_CASE("the first line of an attempt is what happened, further lines are hints") {
    CHECK(take_apart(
              "connection to server at \"h\", port 1 failed: root certificate file \"/r\" does "
              "not exist\nEither provide the file or change sslmode.\n")
              .text == "root certificate file \"/r\" does not exist");
    CHECK(
        take_apart("connection to server at \"::1\", port 1 failed: Connection refused\n\tIs it?\n"
                   "connection to server at \"127.0.0.1\", port 1 failed: No route to host\n")
            .text == "No route to host");
}
