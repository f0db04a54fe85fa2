#include "server_state.hpp"

#include <catch2/catch_test_macros.hpp>
#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr Oid boolean_type = 16;
constexpr Oid text_type = 25;

struct Cell {
    const char* value; ///< null for NULL
    Oid type = boolean_type;
};

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

Result result_of(const std::vector<std::vector<Cell>>& rows, int columns = 1) {
    Result result{PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK), &PQclear};
    std::string name = "column";
    std::vector<PGresAttDesc> attributes;
    for (int column = 0; column < columns; ++column)
        attributes.push_back(
            {name.data(), 0, 0, 0,
             rows.empty() ? boolean_type : rows[0][static_cast<std::size_t>(column)].type, 1, -1});
    REQUIRE(PQsetResultAttrs(result.get(), columns, attributes.data()) == 1);
    for (int row = 0; row < static_cast<int>(rows.size()); ++row)
        for (int column = 0; column < columns; ++column) {
            std::string value;
            const char* const text =
                rows[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)].value;
            value = text == nullptr ? "" : text;
            REQUIRE(PQsetvalue(result.get(), row, column, text == nullptr ? nullptr : value.data(),
                               text == nullptr ? -1 : static_cast<int>(value.size())) == 1);
        }
    return result;
}

} // namespace

TEST_CASE("one boolean is an answer") {
    CHECK(checkpg::read_state(result_of({{{"t"}}}).get()).in_recovery);
    CHECK_FALSE(checkpg::read_state(result_of({{{"f"}}}).get()).in_recovery);
}

TEST_CASE("anything but one boolean is none") {
    using checkpg::read_state;
    CHECK_THROWS_AS(read_state(result_of({}).get()), std::invalid_argument);
    CHECK_THROWS_AS(read_state(result_of({{{"f"}}, {{"f"}}}).get()), std::invalid_argument);
    CHECK_THROWS_AS(read_state(result_of({{{"f"}, {"f"}}}, 2).get()), std::invalid_argument);
    CHECK_THROWS_AS(read_state(result_of({{{nullptr}}}).get()), std::invalid_argument);
    CHECK_THROWS_AS(read_state(result_of({{{""}}}).get()), std::invalid_argument);
    CHECK_THROWS_AS(read_state(result_of({{{"false"}}}).get()), std::invalid_argument);
    CHECK_THROWS_AS(read_state(result_of({{{"f", text_type}}}).get()), std::invalid_argument);
}
