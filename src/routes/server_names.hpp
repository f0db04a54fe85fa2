#pragma once

#include "base/show_stat.hpp"

#include <string_view>
#include <vector>

namespace checkpg {

/// Whether HAProxy has no address for this server, because its name doesn't resolve (any more).
bool is_without_address(const StatRow& row) noexcept;

/// Fills in what the servers among these rows are resolved from, by HAProxy's answer to `show
/// servers state`. Throws HaproxyError if it is no such list or breaks off before the empty line
/// that ends it.
void read_names(std::vector<StatRow>& rows, std::string_view answer);

} // namespace checkpg
