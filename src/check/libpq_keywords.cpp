#include "check/libpq_keywords.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>

namespace checkpg {

bool is_secret(std::string_view keyword, std::string_view dispchar) noexcept {
    return dispchar.find('*') != std::string_view::npos || keyword.ends_with("password") ||
           keyword.ends_with("_key") || keyword.ends_with("_secret");
}

std::vector<LibpqKeyword> libpq_keywords() {
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options{
        PQconninfoParse("", nullptr), &PQconninfoFree};
    std::vector<LibpqKeyword> keywords;
    if (!options)
        return keywords;
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option)
        keywords.push_back({option->keyword, option->envvar == nullptr ? "" : option->envvar,
                            is_secret(option->keyword, option->dispchar)});
    return keywords;
}

bool has_system_roots() noexcept { return PQlibVersion() >= 160000; }

const LibpqKeyword* find_keyword(const std::vector<LibpqKeyword>& keywords,
                                 std::string_view name) noexcept {
    const auto found =
        std::find_if(keywords.begin(), keywords.end(),
                     [name](const LibpqKeyword& keyword) { return keyword.keyword == name; });
    return found == keywords.end() ? nullptr : &*found;
}

} // namespace checkpg
