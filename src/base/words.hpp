#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// The words of a list in checkpg.conf: what stands between blanks or commas.
std::vector<std::string> words_in(std::string_view text);

} // namespace checkpg
