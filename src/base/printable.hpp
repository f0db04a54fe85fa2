#pragma once

#include <string>
#include <string_view>

namespace checkpg {

/// What stands in the place of a secret.
inline constexpr std::string_view mask = "********";

/// `text` fit for a terminal and a log: without `secret`, control characters as '?', and no
/// longer than a line may be. What a server says is not to be trusted.
std::string presentable(std::string_view text, std::string_view secret);

} // namespace checkpg
