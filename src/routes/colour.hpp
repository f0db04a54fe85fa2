#pragma once

#include "routes/routing.hpp"

#include <string>
#include <string_view>

namespace checkpg {

enum class Colour { none, green, yellow, red };

/// The text in this colour, or as it is if `wanted` is false.
std::string coloured(std::string_view text, Colour colour, bool wanted);

/// The colour of a state's word.
Colour colour_of(RouteState state) noexcept;

/// The colour of what the table says of this line. A server that is down because of its role is in
/// order, so it keeps the ordinary colour.
Colour colour_of(const RouteEntry& entry) noexcept;

} // namespace checkpg
