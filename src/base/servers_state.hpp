#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace checkpg {

/// One server's line in HAProxy's answer to `show servers state`: the fields that were asked for.
using ServerFields = std::vector<std::string_view>;

/// The lines of such an answer (HAProxy's management guide, section 9.3), each with the fields of
/// these columns, in their order; a part of the answer. `whose` is for messages: "HAProxy's
/// servers". Throws HaproxyError if it is no list, lacks a column, or is not whole.
std::vector<ServerFields> read_servers_state(std::string_view answer,
                                             std::span<const std::string_view> columns,
                                             std::string_view whose);

} // namespace checkpg
