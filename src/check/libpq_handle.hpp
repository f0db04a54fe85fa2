#pragma once

#include "check/settings.hpp"

#include <memory>
#include <vector>

struct pg_conn;
struct pg_result;

namespace checkpg {

struct FinishConnection {
    void operator()(pg_conn* connection) const noexcept;
};

/// A connection of libpq's, closed with PQfinish(3).
using ConnectionHandle = std::unique_ptr<pg_conn, FinishConnection>;

struct ClearResult {
    void operator()(pg_result* result) const noexcept;
};

/// A result of libpq's, freed with PQclear(3).
using ResultHandle = std::unique_ptr<pg_result, ClearResult>;

/// Begins to connect as these settings say, without waiting. Whatever is wrong is in PQstatus(3)
/// and PQerrorMessage(3); throws only std::bad_alloc.
ConnectionHandle start_connecting(const std::vector<Setting>& settings);

} // namespace checkpg
