#include "routes/csv_reader.hpp"
#include "routes/routes_unknown.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

namespace {

using Records = std::vector<std::vector<std::string>>;

/// The records of `text`, fed in pieces of `piece` bytes.
Records read(std::string_view text, std::size_t piece = std::string_view::npos) {
    Records records;
    checkpg::CsvReader reader{[&](const checkpg::CsvRecord& record) {
        auto& fields = records.emplace_back();
        for (std::size_t i = 0; i < record.size(); ++i)
            fields.emplace_back(record[i]);
    }};
    while (!text.empty()) {
        reader.feed(text.substr(0, piece));
        text.remove_prefix(std::min(piece, text.size()));
    }
    return records;
}

} // namespace

TEST_CASE("CSV: commas part fields and line feeds part records") {
    CHECK(read("a,b,c\nd,,\n") == Records{{"a", "b", "c"}, {"d", "", ""}});
    CHECK(read("a\n\nb\n") == Records{{"a"}, {""}, {"b"}});
    CHECK(read("not ended").empty());
    CHECK(read("").empty());
}

TEST_CASE("CSV: a field in quotes may hold commas, line feeds and doubled quotes") {
    CHECK(read("a,\"b,c\",d\n") == Records{{"a", "b,c", "d"}});
    CHECK(read("\"two\nlines\",x\n") == Records{{"two\nlines", "x"}});
    CHECK(read("\"say \"\"no\"\"\",\"\"\n") == Records{{"say \"no\"", ""}});
    CHECK(read("in\"side,x\n") == Records{{"in\"side", "x"}});
}

TEST_CASE("CSV: the pieces a text arrives in don't matter") {
    const std::string text = "a,\"b,\"\"c\"\"\nd\",e\n\n\"\",f\n";
    const Records whole = read(text);
    REQUIRE(whole.size() == 3);
    for (std::size_t piece = 1; piece <= text.size(); ++piece)
        CHECK(read(text, piece) == whole);
}

TEST_CASE("CSV: an empty line is blank, an empty quoted field too, a comma isn't") {
    std::vector<bool> blank;
    checkpg::CsvReader reader{
        [&](const checkpg::CsvRecord& record) { blank.push_back(record.blank()); }};
    reader.feed("\n\"\"\n,\na\n");
    CHECK(blank == std::vector<bool>{true, true, false, false});
}

TEST_CASE("CSV: a field that isn't there is empty") {
    std::string field = "?";
    checkpg::CsvReader reader{[&](const checkpg::CsvRecord& record) { field = record[7]; }};
    reader.feed("a,b\n");
    CHECK(field.empty());
}

TEST_CASE("CSV: the reader knows whether a record is unfinished") {
    checkpg::CsvReader reader{[](const checkpg::CsvRecord&) {}};
    CHECK(reader.between_records());
    reader.feed("a");
    CHECK_FALSE(reader.between_records());
    reader.feed(",");
    CHECK_FALSE(reader.between_records());
    reader.feed("\n");
    CHECK(reader.between_records());
    reader.feed("\"");
    CHECK_FALSE(reader.between_records());
}

TEST_CASE("CSV: text behind a closing quote and endless records are refused") {
    CHECK_THROWS_AS(read("\"a\"b\n"), checkpg::RoutesUnknown);
    CHECK_THROWS_AS(read(std::string(70'000, 'x')), checkpg::RoutesUnknown);
    CHECK_THROWS_AS(read('"' + std::string(70'000, 'x')), checkpg::RoutesUnknown);
    CHECK_THROWS_AS(read(std::string(70'000, ',')), checkpg::RoutesUnknown);
    CHECK_THROWS_AS(read(std::string(70'000, 'x'), 100), checkpg::RoutesUnknown);
}
