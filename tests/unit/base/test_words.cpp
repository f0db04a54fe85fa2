#include "base/words.hpp"

#include <catch2/catch_test_macros.hpp>

TEST_CASE("words stand between blanks or commas") {
    using checkpg::words_in;
    using Words = std::vector<std::string>;
    CHECK(words_in(" a,b\tc ,, d") == Words{"a", "b", "c", "d"});
    CHECK(words_in("one") == Words{"one"});
    CHECK(words_in(" ,\t").empty());
    CHECK(words_in("").empty());
}

TEST_CASE("names are of letters, digits and what else is allowed") {
    using checkpg::is_alphanumeric;
    CHECK(is_alphanumeric("azAZ09", ""));
    CHECK(is_alphanumeric("db-1.example", "-."));
    for (const char* text : {"", "db-1", "db 1", "d\xc3\xa9", "a@", "a[", "a`", "a{", "a/", "a:"})
        CHECK_FALSE(is_alphanumeric(text, "."));
}
