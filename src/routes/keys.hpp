#pragma once

#include <string_view>
#include <vector>

namespace checkpg {

/// What a key is for while a screen is watched.
enum class Key { quit, up, down, page_up, page_down, first, last };

/// The keys in what a terminal sends: arrows, PgUp, PgDn, Home, End, and j, k, space, b, g, G, q as
/// pagers have them. What else there is, is passed over.
std::vector<Key> keys_in(std::string_view bytes);

} // namespace checkpg
