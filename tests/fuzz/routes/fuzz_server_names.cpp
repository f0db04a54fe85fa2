#include "base/haproxy_error.hpp"
#include "routes/server_names.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<checkpg::StatRow> rows(1);
    rows[0].proxy = "PostgresReadWrite-backend";
    rows[0].server = "db1";
    try {
        checkpg::read_names(rows, {reinterpret_cast<const char*>(data), size});
    } catch (const checkpg::HaproxyError&) {
        // how all that is no such list should end
    }
    return 0;
}
