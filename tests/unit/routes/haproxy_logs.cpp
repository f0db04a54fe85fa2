#include "haproxy_logs.hpp"

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

using namespace checkpg;

WallTime long_after() { return WallTime{std::chrono::sys_days{std::chrono::year{2026} / 12 / 1}}; }

HaproxyLog log_of(const std::string& text) {
    LogReader reader{{{"PostgresReadWrite-backend"}, {"PostgresReadOnly-backend"}}, long_after()};
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);)
        reader.read(line);
    return std::move(reader).take();
}

std::string captured_log(const std::string& name) {
    std::ifstream file{std::string{CHECKPG_TEST_DATA} + "/haproxy_log/" + name};
    if (!file)
        throw std::runtime_error{"no captured log " + name};
    return {std::istreambuf_iterator<char>{file}, {}};
}
