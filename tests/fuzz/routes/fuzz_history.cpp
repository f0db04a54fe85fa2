#include "expect.hpp"
#include "routes/history.hpp"
#include "routes/history_json.hpp"
#include "routes/history_text.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace {

using namespace checkpg;

constexpr WallTime now{std::chrono::sys_days{std::chrono::year{2026} / 12 / 1}};

HaproxyLog log_in(std::string_view text) {
    LogReader reader{{{"PostgresReadWrite-backend"}, {"PostgresReadOnly-backend"}, 90}, now};
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        reader.read(line);
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return std::move(reader).take();
}

void look(const HaproxyLog& log, bool ring, std::optional<WallTime> since) {
    const History history = conclude_history(log, {ring, "checkpg", log.begins, now}, since);
    for (const Failover& one : history.failovers)
        EXPECT(one.from != one.to && one.length().count() >= 0);
    for (const WithoutPrimary& one : history.without_primary)
        EXPECT(!one.end || *one.end >= one.begin);
    for (const HistoryRow& row : history.rows)
        EXPECT(!row.former_duration || row.former_duration->count() >= 0);
    for (const std::string& line : history_lines(history, true))
        EXPECT(line.find_first_of("\n\x1b") == std::string::npos);
    EXPECT(nlohmann::json::parse(to_json(history))["schema"] == 1);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const HaproxyLog log = log_in(text);
    look(log, true, {});
    look(log, false, parse_since(text.substr(0, text.find('\n')), now));
    return 0;
}
