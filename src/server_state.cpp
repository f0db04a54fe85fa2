#include "server_state.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <stdexcept>
#include <string_view>

namespace checkpg {

namespace {

constexpr Oid boolean_type = 16; // src/include/catalog/pg_type.dat

void expect_shape(const PGresult* result, int columns) {
    if (PQntuples(result) != 1 || PQnfields(result) != columns)
        throw std::invalid_argument{fmt::format("{} rows of {} columns instead of 1 of {}",
                                                PQntuples(result), PQnfields(result), columns)};
}

bool boolean_at(const PGresult* result, int column) {
    const std::string_view text{PQgetvalue(result, 0, column)};
    if (PQftype(result, column) != boolean_type || PQgetisnull(result, 0, column) != 0 ||
        (text != "t" && text != "f"))
        throw std::invalid_argument{fmt::format("column {} is not a boolean", column + 1)};
    return text == "t";
}

} // namespace

std::string state_query() { return "SELECT pg_catalog.pg_is_in_recovery()"; }

ServerState read_state(const PGresult* result) {
    expect_shape(result, 1);
    return {boolean_at(result, 0)};
}

} // namespace checkpg
