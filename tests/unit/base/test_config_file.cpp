#include "base/config_file.hpp"
#include "base/error.hpp"
#include "refusal.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

namespace {

std::vector<checkpg::ConfigEntry> parsed(std::string_view text) {
    return checkpg::parse_config(text, "checkpg.conf");
}

std::string refusal(std::string_view text) {
    return refusal_of(checkpg::ExitCode::configuration, [&] { parsed(text); });
}

} // namespace

TEST_CASE("keys belong to the section above them") {
    const auto entries = parsed("user = checkpg\n\n[PostgresReadWrite-backend]\nport=5432\n");
    REQUIRE(entries.size() == 2);
    CHECK(entries[0].section.empty());
    CHECK(entries[0].key == "user");
    CHECK(entries[0].value == "checkpg");
    CHECK(entries[0].line == 1);
    CHECK(entries[1].section == "PostgresReadWrite-backend");
    CHECK(entries[1].key == "port");
    CHECK(entries[1].line == 4);
}

TEST_CASE("values keep what CLI11's reader would cut, split or swallow") {
    CHECK(parsed("peers = [2001:db8::1]:5432 [2001:db8::2]\nport = 1")[0].value ==
          "[2001:db8::1]:5432 [2001:db8::2]");
    CHECK(parsed("passfile = /etc/a#b")[0].value == "/etc/a#b");
    CHECK(parsed("options = -c lock_timeout=1s")[0].value == "-c lock_timeout=1s");
    CHECK(parsed("[default]\nx = 1")[0].section == "default");
    CHECK(parsed("[a.b.c]\nx = 1")[0].section == "a.b.c");
    CHECK(parsed("x=1").size() == 1);
    CHECK(parsed("a=")[0].value.empty());
}

TEST_CASE("comments, blanks and quotes") {
    const auto entries =
        parsed("# comment\n; comment\n  a = b c  # why\nd = ' # e '\nf=\"g\" ; h\n");
    REQUIRE(entries.size() == 3);
    CHECK(entries[0].value == "b c");
    CHECK(entries[1].value == " # e ");
    CHECK(entries[2].value == "g");
}

TEST_CASE("CRLF line ends and a byte order mark are read right") {
    const auto entries = parsed("\xEF\xBB\xBFuser = a\r\n[b]\r\nport = 1\r\n");
    REQUIRE(entries.size() == 2);
    CHECK(entries[0].key == "user");
    CHECK(entries[0].value == "a");
    CHECK(entries[1].section == "b");
    CHECK(entries[1].value == "1");
}

TEST_CASE("broken syntax is refused with file and line") {
    CHECK(refusal("user = a\ngarbage\n") ==
          "checkpg.conf:2: expected 'key = value', '[section]' or a comment");
    CHECK(refusal("[open\n") == "checkpg.conf:1: a section starts with '[' and must end with ']'");
    CHECK(refusal("[ ]\n") ==
          "checkpg.conf:1: a section needs the name of a HAProxy backend between '[' and ']'");
    CHECK(refusal("= x\n") == "checkpg.conf:1: a key is missing before '='");
    CHECK(refusal("a = 1\na = 2\n") == "checkpg.conf:2: 'a' stands on line 1 already");
    CHECK(refusal("[s]\na = 1\n[t]\na = 1\n[s]\na = 2") ==
          "checkpg.conf:6: 'a' stands on line 2 already");
    CHECK(refusal("a = 'b\n") == "checkpg.conf:1: a quote is opened and not closed");
    CHECK(refusal("a = 'b' c\n") == "checkpg.conf:1: only a comment may follow the closing quote");
    CHECK(refusal(std::string_view{"a = b\0c\n", 8}) ==
          "checkpg.conf: holds a NUL byte: not a text file");
}

TEST_CASE("a file that isn't there is none, a directory is refused") {
    CHECK_FALSE(checkpg::read_config_file("/nonexistent/checkpg.conf"));
    CHECK_THROWS_AS(checkpg::read_config_file("/"), checkpg::Error);
}
