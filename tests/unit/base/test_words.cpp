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
