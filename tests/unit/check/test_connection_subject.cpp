#include "base/file_identity.hpp"
#include "check/connection_subject.hpp"
#include "check/libpq_keywords.hpp"
#include "fake_environment.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

using namespace std::chrono_literals;
using checkpg::connection_subject;
using checkpg::KeeperSocket;
using checkpg::Setting;
using checkpg::Settings;

namespace {

using Server = std::vector<Setting>;

const Server db1{{"host", "db1", "HAPROXY_SERVER_NAME"}, {"hostaddr", "192.0.2.11", "here"},
                 {"port", "5432", "built in"},           {"user", "checkpg", "built in"},
                 {"dbname", "postgres", "built in"},     {"password", "hush", "checkpg.conf:3"}};

Settings kept() {
    Settings settings;
    settings.keep = 60s;
    settings.file = "checkpg.conf";
    settings.file_identity = "1:2:3";
    settings.secrets = {"password"};
    return settings;
}

std::string subject(const Server& server, const Settings& settings = kept()) {
    const auto made = connection_subject(settings, server);
    REQUIRE(made);
    return *made;
}

Server with(Server server, std::string_view key, std::string_view value) {
    checkpg::set_value(server, key, value);
    return server;
}

/// A directory for one test.
class Directory {
public:
    Directory() {
        std::string name = std::filesystem::temp_directory_path() / "checkpg-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;

    std::string write(const std::string& name, std::string_view text) const {
        std::ofstream{path_ / name} << text;
        return path_ / name;
    }
    std::string path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// Of HAProxy's check of db1, with this file.
Settings settings_by(const std::string& program, const std::string& file,
                     std::map<std::string, std::string> variables = {}) {
    variables.insert({{"HAPROXY_PROXY_NAME", "rw"}, {"HAPROXY_SERVER_NAME", "db1"}});
    const auto environment = environment_of(variables);
    const std::vector<const char*> arguments{"NOT_USED", "NOT_USED", "192.0.2.11", "5432"};
    return checkpg::make_settings(program,
                                  checkpg::parse_invocation(program, arguments, environment),
                                  checkpg::read_config_file(file), environment);
}

std::string name_of(const KeeperSocket& socket) {
    return {socket.address.sun_path, socket.size - offsetof(sockaddr_un, sun_path)};
}

} // namespace

TEST_CASE("each setting of a connection is in its subject") {
    for (const auto& keyword : checkpg::libpq_keywords()) {
        if (keyword.keyword == "password")
            continue;
        INFO(keyword.keyword);
        const std::string one = subject(with(db1, keyword.keyword, "192.0.2.13"));
        CHECK(one != subject(with(db1, keyword.keyword, "192.0.2.14")));
        CHECK(one != subject(db1));
    }
    CHECK(subject(with(with(db1, "user", "postgres"), "dbname", "checkpg")) != subject(db1));
}

TEST_CASE("the time that connections are kept for and checkpg.conf are in the subject") {
    Settings settings = kept();
    settings.keep = 61s;
    CHECK(subject(db1, settings) != subject(db1));
    settings = kept();
    settings.file_identity = "1:2:4";
    CHECK(subject(db1, settings) != subject(db1));
}

TEST_CASE("neither the order of settings nor an empty one is in the subject") {
    Server server = db1;
    std::reverse(server.begin(), server.end());
    CHECK(subject(server) == subject(db1));
    std::rotate(server.begin(), server.begin() + 2, server.end());
    server.push_back({"sslcert", "", "checkpg.conf:4"});
    CHECK(subject(server) == subject(db1));
}

TEST_CASE("where a value that is no secret was said is not in the subject") {
    Server server = db1;
    server[3].origin = "checkpg.conf:9";
    CHECK(subject(server) == subject(db1));
}

TEST_CASE("a secret is in the subject as the place that it is at, never as itself") {
    CHECK(subject(db1).find("hush") == std::string::npos);
    CHECK(subject(with(db1, "password", "other")) == subject(db1)); // the file's identity tells
    Server server = db1;
    server.back().origin = "checkpg.conf:8"; // of another section
    CHECK(subject(server) != subject(db1));
}

TEST_CASE("a secret in the environment leaves no subject, and one in checkpg.conf does") {
    const Directory directory;
    const std::string file = directory.write("a.conf", "keep = 60s\npassword = hush\n");
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    const auto in_file = settings_by("checkpgprimary", file);
    CHECK(subject(in_file.connection, in_file).find("hush") == std::string::npos);
    const auto in_both = settings_by("checkpgprimary", file, {{"PGPASSWORD", "loud"}});
    CHECK(subject(in_both.connection, in_both) == subject(in_file.connection, in_file));
    const auto outside = settings_by("checkpgprimary", directory.write("b.conf", "keep = 60s\n"),
                                     {{"PGPASSWORD", "loud"}});
    CHECK_FALSE(connection_subject(outside, outside.connection));
}

TEST_CASE("both programs and all backends have one subject, unless they log in otherwise") {
    const Directory directory;
    const std::string file =
        directory.write("checkpg.conf", "keep = 60s\n[rw]\nsplit-brain = refuse\ntimeout = 900ms\n"
                                        "[ro]\nmax-replay-lag = 1MB\n[me]\nuser = me\n");
    const auto subject_by = [&](const std::string& program, const std::string& backend) {
        const auto settings = settings_by(program, file, {{"HAPROXY_PROXY_NAME", backend}});
        return subject(settings.connection, settings);
    };
    const std::string one = subject_by("checkpgprimary", "rw");
    CHECK(subject_by("checkpgstandby", "ro") == one);
    CHECK(subject_by("checkpgstandby", "me") != one);
}

TEST_CASE("another checkpg.conf is another subject, with the same in it") {
    const Directory directory;
    const std::string file = directory.write("checkpg.conf", "keep = 60s\n");
    const auto before = settings_by("checkpgprimary", file);
    CHECK(before.file == file);
    std::filesystem::rename(directory.write("new", "keep = 60s\n"), file);
    const auto after = settings_by("checkpgprimary", file);
    CHECK(subject(before.connection, before) != subject(after.connection, after));
}

TEST_CASE(
    "each file that a connection reads is in its subject by what it is, not by its name only") {
    const Directory directory;
    for (const char* key :
         {"passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir"}) {
        INFO(key);
        const std::string file = directory.write(key, "one");
        const Server server = with(db1, key, file);
        const std::string before = subject(server);
        CHECK(subject(server) == before);
        directory.write(key, "another");
        const std::string longer = subject(server);
        CHECK(longer != before);
        std::filesystem::rename(directory.write("new", "another"), file);
        const std::string replaced = subject(server);
        CHECK(replaced != longer);
        std::filesystem::remove(file);
        CHECK(subject(server) != replaced);
    }
}

TEST_CASE("a password of the same length, with the file's time put back, is another subject") {
    const Directory directory;
    const std::string file = directory.write("pgpass", "*:*:*:*:one");
    const Server server = with(db1, "passfile", file);
    const std::string before = subject(server);
    const auto written = std::filesystem::last_write_time(file);
    std::this_thread::sleep_for(30ms); // the kernel's clock for files is a coarse one
    directory.write("pgpass", "*:*:*:*:two");
    std::filesystem::last_write_time(file, written);
    CHECK(subject(server) != before);
}

TEST_CASE("a server whose name must be looked up has no subject") {
    CHECK_FALSE(connection_subject(kept(), with(db1, "hostaddr", "")));
    CHECK(connection_subject(kept(), with(with(db1, "hostaddr", ""), "host", "/run/postgresql")));
    CHECK(connection_subject(kept(), with(with(db1, "hostaddr", ""), "host", "@postgresql")));
}

TEST_CASE("another socket at the same path is another server") {
    const Directory directory;
    const Server server = with(with(db1, "hostaddr", ""), "host", directory.path());
    const std::string none = subject(server);
    const std::string socket = directory.write(".s.PGSQL.5432", "");
    const std::string one = subject(server);
    CHECK(one != none);
    directory.write(".s.PGSQL.5433", "");
    CHECK(subject(server) == one);
    std::filesystem::rename(directory.write("new", ""), socket);
    CHECK(subject(server) != one);
}

TEST_CASE("a keeper's socket is abstract, and named by the user and the subject") {
    const KeeperSocket socket{subject(db1)};
    CHECK(socket.address.sun_family == AF_UNIX);
    const std::string name = name_of(socket);
    const std::string start = std::string{'\0'} + fmt::format("checkpg-{}-", ::geteuid());
    REQUIRE(name.size() == start.size() + 16);
    CHECK(name.starts_with(start));
    CHECK(name.find_first_not_of("0123456789abcdef", start.size()) == std::string::npos);
    CHECK(name_of(KeeperSocket{subject(db1)}) == name);
    CHECK(name_of(KeeperSocket{subject(with(db1, "user", "other"))}) != name);
    CHECK(name_of(KeeperSocket{""}) == start + "cbf29ce484222325");
    CHECK(name_of(KeeperSocket{"a"}) == start + "af63dc4c8601ec8c"); // FNV's own example
}

TEST_CASE("the user at the other end is known, where there is one") {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    CHECK(checkpg::is_our_user(ends[0]));
    CHECK(checkpg::is_our_user(ends[1]));
    ::close(ends[0]);
    ::close(ends[1]);
    CHECK_FALSE(checkpg::is_our_user(-1));
    const int network = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_FALSE(checkpg::is_our_user(network));
    ::close(network);
}
