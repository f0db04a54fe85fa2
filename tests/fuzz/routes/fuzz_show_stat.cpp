#include "routes/json.hpp"
#include "routes/routes_unknown.hpp"
#include "routes/routing.hpp"
#include "routes/show_stat.hpp"
#include "routes/text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace {

/// The first byte says in pieces of which size the rest arrives.
void look(std::string_view bytes) {
    const auto piece = static_cast<std::size_t>(static_cast<unsigned char>(bytes.front())) + 1;
    bytes.remove_prefix(1);
    checkpg::ShowStatReader reader;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
        reader.feed(bytes.substr(0, piece));
    const auto routes =
        checkpg::conclude(std::move(reader).rows(),
                          {{"PostgresReadWrite-backend"}, {"PostgresReadOnly-backend"}, 90});
    const checkpg::TextStyle style{true, true, true};
    (void)checkpg::table_lines(routes, style);
    (void)checkpg::conclusion_lines(routes, style);
    (void)checkpg::monitoring_line(routes, style);
    (void)checkpg::to_json(routes, true);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        if (size > 0)
            look({reinterpret_cast<const char*>(data), size});
    } catch (const checkpg::RoutesUnknown&) {
        // how all that is no table should end
    }
    return 0;
}
