#include "routes/old_processes.hpp"
#include "routes/routing.hpp"
#include "routes/state_line.hpp"
#include "stat_tables.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace checkpg;

namespace {

/// A directory that looks like /proc of a machine that runs for 10,000 seconds.
class FakeProc {
public:
    FakeProc() {
        std::string name = std::filesystem::temp_directory_path() / "checkpg-proc-XXXXXX";
        path_ = ::mkdtemp(name.data());
        std::ofstream{path_ / "uptime"} << "10000.50 9000.00\n";
    }
    ~FakeProc() { std::filesystem::remove_all(path_); }
    FakeProc(const FakeProc&) = delete;
    FakeProc& operator=(const FakeProc&) = delete;

    void add(int pid, const std::string& name, int parent, int started_at,
             const std::string& file = "a.cfg", char state = 'S') const {
        const auto directory = path_ / std::to_string(pid);
        std::filesystem::create_directory(directory);
        std::ofstream{directory / "stat"}
            << fmt::format("{} ({}) {} {} 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {} 0 0\n", pid, name,
                           state, parent, static_cast<long>(started_at) * ::sysconf(_SC_CLK_TCK));
        std::ofstream{directory / "cmdline"} << "haproxy" << '\0' << "-f" << '\0' << file << '\0'
                                             << "-sf" << '\0' << "7" << '\0';
    }

    std::vector<std::int64_t> old_ones(StatRow::Number pid = 20,
                                       StatRow::Number uptime = 1000) const {
        std::vector<std::int64_t> pids;
        const auto found = find_old_processes(pid, uptime, {13}, path_);
        REQUIRE(found);
        for (const OldProcess& old : *found)
            pids.push_back(old.pid);
        return pids;
    }

    const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

} // namespace

TEST_CASE("old processes are those that a reload has left behind") {
    const FakeProc proc;
    proc.add(20, "haproxy", 5, 9000);
    CHECK(proc.old_ones().empty());
    proc.add(10, "haproxy", 5, 4000);
    proc.add(11, "haproxy", 5, 8000);
    proc.add(12, "haproxy", 5, 9000);          // of the same start
    proc.add(13, "haproxy", 5, 8000);          // known to be in use
    proc.add(14, "haproxy", 6, 8000);          // another master's
    proc.add(15, "haproxy", 5, 8000, "b.cfg"); // of another configuration
    proc.add(16, "a (b) c", 5, 8000);          // another program
    proc.add(17, "haproxy", 5, 8000, "a.cfg", 'Z');
    proc.add(18, "haproxy", 5, 9500);
    std::filesystem::create_directories(proc.path() / "19/stat"); // open, and can't be read
    CHECK(proc.old_ones() == std::vector<std::int64_t>{10, 11});
    const auto found = find_old_processes(20, 1000, {}, proc.path());
    REQUIRE(found);
    CHECK(found->front().age == 6000);
}

TEST_CASE("what /proc can't show is not known") {
    const FakeProc proc;
    CHECK_FALSE(find_old_processes(20, 1000, {}, proc.path()));
    proc.add(20, "haproxy", 5, 9000);
    CHECK(find_old_processes(20, 1000, {}, proc.path()));
    CHECK_FALSE(find_old_processes(20, 5000, {}, proc.path())); // another one's number
    CHECK_FALSE(find_old_processes({}, 1000, {}, proc.path()));
    CHECK_FALSE(find_old_processes(20, {}, {}, proc.path()));
    CHECK_FALSE(find_old_processes(20, 1000, {}, "/nonexistent"));
}

TEST_CASE("what is said of old processes") {
    const auto routes_with = [](std::optional<std::vector<OldProcess>> old,
                                StatRow::Number uptime) {
        Routes routes = conclude({backend_row("rw"), server_row("rw", "db1", "UP", "PROCOK", 0)},
                                 {{"rw"}, {}, 90});
        add_old_processes(routes, std::move(old), uptime);
        return routes;
    };
    const Routes none = routes_with(std::vector<OldProcess>{}, 5000);
    CHECK(none.notes.empty());
    CHECK(state_text(none).ends_with("; sessions 0 read-write and 0 read-only"));
    const Routes soon = routes_with(std::vector<OldProcess>{{7, 9000}}, 60);
    CHECK(soon.state == RouteState::ok);
    CHECK(soon.notes ==
          std::vector<std::string>{"HAProxy's old process 7, started 2h30m ago, still "
                                   "has sessions, which are not counted here"});
    CHECK(state_text(soon).ends_with("read-only, and those of an old HAProxy process"));
    const Routes late = routes_with(std::vector<OldProcess>{{7, 9000}, {8, 9000}}, 3600);
    CHECK(late.state == RouteState::warning);
    CHECK(late.problems[0].text ==
          "HAProxy's old process 7, started 2h30m ago, has not ended since the last reload");
    CHECK(state_text(late).ends_with("read-only, and those of 2 old HAProxy processes"));
    const Routes unknown = routes_with({}, 60);
    CHECK(unknown.state == RouteState::ok);
    CHECK(unknown.notes.size() == 1);
}
