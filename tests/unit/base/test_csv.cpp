#include "base/csv.hpp"
#include "base/haproxy_error.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

using checkpg::parse_csv;
using Records = std::vector<checkpg::CsvRecord>;

TEST_CASE("CSV: commas part fields and line feeds part records") {
    CHECK(parse_csv("a,b,c\nd,,\n") == Records{{"a", "b", "c"}, {"d", "", ""}});
    CHECK(parse_csv("a\n\nb\n") == Records{{"a"}, {""}, {"b"}});
    CHECK(parse_csv("").empty());
}

TEST_CASE("CSV: a record without its line feed is left out") {
    for (const char* text :
         {"not ended", "a,", "a,b", "\"", "\"a", "\"a\"", "\"a\"\"", "\"a\"\"\""})
        CHECK(parse_csv(text).empty());
    CHECK(parse_csv("a\nb,c") == Records{{"a"}});
}

TEST_CASE("CSV: a field in quotes may hold commas, line feeds and doubled quotes") {
    CHECK(parse_csv("a,\"b,c\",d\n") == Records{{"a", "b,c", "d"}});
    CHECK(parse_csv("\"two\nlines\",x\n") == Records{{"two\nlines", "x"}});
    CHECK(parse_csv("\"say \"\"no\"\"\",\"\"\n") == Records{{"say \"no\"", ""}});
    CHECK(parse_csv("in\"side,x\n") == Records{{"in\"side", "x"}});
}

TEST_CASE("CSV: text behind a closing quote is refused") {
    CHECK_THROWS_AS(parse_csv("\"a\"b\n"), checkpg::HaproxyError);
}
