#pragma once

#include <string>
#include <string_view>

namespace checkpg {

/// What stands in the place of a secret.
inline constexpr std::string_view mask = "********";

/// `text` as one line fit for a terminal and a log: without `secret`, control characters as '?',
/// and no longer than a line may be. What a server says is not to be trusted.
std::string printable_line(std::string_view text, std::string_view secret);

/// `text` as one that no terminal can take for commands and whose bytes are its columns: what is
/// not printable ASCII becomes '?', at most `most` bytes.
std::string printable_ascii(std::string_view text, std::size_t most = std::string_view::npos);

/// The same, added to the end of `target`.
void append_printable_ascii(std::string& target, std::string_view text);

} // namespace checkpg
