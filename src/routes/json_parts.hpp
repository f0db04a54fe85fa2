#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace checkpg {

/// What checkpgroutes' objects are made of: keys stay in the order in which they are added.
using Json = nlohmann::ordered_json;

inline Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

/// An array of what `convert` makes of each.
template <typename List, typename Convert>
Json array_of(const List& list, Convert convert) {
    Json result = Json::array();
    for (const auto& element : list)
        result.push_back(convert(element));
    return result;
}

} // namespace checkpg
