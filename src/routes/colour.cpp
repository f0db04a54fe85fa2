#include "routes/colour.hpp"

#include <fmt/format.h>

#include <array>

namespace checkpg {

namespace {

Colour colour_of_server(const RouteEntry& entry) noexcept {
    const auto kind = entry.check.kind;
    if (entry.serving)
        return kind == LastCheck::Kind::passed || kind == LastCheck::Kind::none ? Colour::green
                                                                                : Colour::yellow;
    if (entry.spare || entry.unused)
        return Colour::none;
    if (entry.row.status.starts_with("DOWN"))
        return kind == LastCheck::Kind::failed ? Colour::red : Colour::none;
    return Colour::yellow;
}

} // namespace

std::string coloured(std::string_view text, Colour colour, bool wanted) {
    constexpr std::array<std::string_view, 4> starts{"", "\x1b[32m", "\x1b[33m", "\x1b[31m"};
    if (!wanted || colour == Colour::none)
        return std::string{text};
    return fmt::format("{}{}\x1b[0m", starts[static_cast<std::size_t>(colour)], text);
}

Colour colour_of(RouteState state) noexcept {
    switch (state) {
    case RouteState::ok:
        return Colour::green;
    case RouteState::warning:
        return Colour::yellow;
    case RouteState::critical:
    case RouteState::unknown:
        break;
    }
    return Colour::red;
}

Colour colour_of(const RouteEntry& entry) noexcept {
    switch (entry.row.kind) {
    case StatRow::Kind::frontend:
        return entry.row.status == "OPEN" ? Colour::none : Colour::red;
    case StatRow::Kind::backend:
        return entry.row.status.starts_with("UP") ? Colour::none : Colour::red;
    case StatRow::Kind::server:
        break;
    }
    return colour_of_server(entry);
}

} // namespace checkpg
