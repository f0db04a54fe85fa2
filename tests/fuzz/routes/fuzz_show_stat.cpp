#include "base/haproxy_error.hpp"
#include "routes/json.hpp"
#include "routes/routing.hpp"
#include "routes/show_stat.hpp"
#include "routes/text.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace {

void look(std::string_view answer) {
    constexpr std::int64_t uptime = 3;
    const auto routes = checkpg::conclude(
        checkpg::parse_show_stat(answer),
        {{"PostgresReadWrite-backend"}, {"PostgresReadOnly-backend"}, 90}, uptime);
    const checkpg::TextStyle style{true, true, true};
    (void)checkpg::table_lines(routes, style);
    (void)checkpg::conclusion_lines(routes, style);
    (void)checkpg::monitoring_line(routes, style);
    (void)checkpg::to_json(routes, true);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        look({reinterpret_cast<const char*>(data), size});
    } catch (const checkpg::HaproxyError&) {
        // how all that is no table should end
    }
    return 0;
}
