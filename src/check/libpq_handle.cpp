#include "check/libpq_handle.hpp"

#include <libpq-fe.h>

#include <new>

namespace checkpg {

void FinishConnection::operator()(PGconn* connection) const noexcept { PQfinish(connection); }

void ClearResult::operator()(PGresult* result) const noexcept { PQclear(result); }

/// libpq wants keywords and values as two arrays that end in null.
ConnectionHandle start_connecting(const std::vector<Setting>& settings) {
    std::vector<const char*> keywords;
    std::vector<const char*> values;
    for (const Setting& setting : settings) {
        keywords.push_back(setting.key.c_str());
        values.push_back(setting.value.c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    ConnectionHandle connection{PQconnectStartParams(keywords.data(), values.data(), 0)};
    if (!connection)
        throw std::bad_alloc{};
    return connection;
}

} // namespace checkpg
