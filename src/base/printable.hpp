#pragma once

#include <string>
#include <string_view>

namespace checkpg {

/// What stands in the place of a secret.
inline constexpr std::string_view mask = "********";

/// `text` as one line that no terminal takes for commands: a control character, or a byte that is
/// no UTF-8, becomes '?'. At most `most` bytes of it. What a server says is not to be trusted.
std::string printable(std::string_view text, std::size_t most = std::string_view::npos);

/// The same without `secret` and no longer than a line may be.
std::string printable_line(std::string_view text, std::string_view secret);

} // namespace checkpg
