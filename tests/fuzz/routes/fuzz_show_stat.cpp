#include "base/haproxy_error.hpp"
#include "expect.hpp"
#include "routes/json.hpp"
#include "routes/performance_data.hpp"
#include "routes/prometheus.hpp"
#include "routes/routing.hpp"
#include "routes/show_stat.hpp"
#include "routes/text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace checkpg;

void look(std::string_view answer) {
    constexpr std::int64_t uptime = 3;
    RouteRules rules{{"PostgresReadWrite-backend"}, {"PostgresReadOnly-backend"}, 90};
    EXPECT(rules.warning.add("standbys=2:") && rules.critical.add("queued=@1:10"));
    const Routes routes = conclude(parse_show_stat(answer), rules, uptime);
    const std::string data = performance_data(routes, rules);
    for (const bool table : {true, false}) {
        const TextStyle style{false, true, true, table};
        const std::string text = report_text(routes, text_below(routes, style), style, data);
        EXPECT(std::count(text.begin(), text.end(), '|') == 1); // before the performance data
        EXPECT(text.find('\x1b') == std::string::npos);
    }
    (void)to_json(routes, true);
    EXPECT(to_prometheus(routes).find('\x1b') == std::string::npos);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        look({reinterpret_cast<const char*>(data), size});
    } catch (const HaproxyError&) {
        // how all that is no table should end
    }
    return 0;
}
