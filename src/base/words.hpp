#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// The words of a list in checkpg.conf: what stands between blanks or commas.
std::vector<std::string> words_in(std::string_view text);

/// Whether the text isn't empty and all of it is ASCII letters, digits and what else may be there.
bool is_alphanumeric(std::string_view text, std::string_view others) noexcept;

} // namespace checkpg
