#pragma once

#include "routes/csv_reader.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// One line of HAProxy's `show stat`: what checkpgroutes uses of it.
struct StatRow {
    enum class Kind { frontend, backend, server };
    using Number = std::optional<std::int64_t>; ///< nothing where HAProxy leaves the field empty

    Kind kind = Kind::server;
    std::string proxy;        ///< pxname: the frontend's or backend's name
    std::string server;       ///< svname: the server's name, or FRONTEND, or BACKEND
    std::string status;       ///< "UP", "UP 1/3", "MAINT (via a/b)", "no check", "OPEN" ...
    std::string check_status; ///< "PROCERR", "* PROCOK", "L4CON", empty without a check
    std::string check_detail; ///< last_chk: what the check met, in HAProxy's words
    std::string address;      ///< empty if the socket's level doesn't show it
    Number process;           ///< pid: HAProxy's number of the process, from 1
    Number check_code;
    Number check_duration; ///< in milliseconds
    Number sessions;
    Number most_sessions;
    Number session_limit;
    Number queued;
    Number weight;
    Number since_change; ///< in seconds
    bool backup = false;
};

/// Reads the answer to `show stat` as it arrives. Fields are found by the names in its first
/// line, never by position; listeners are left out.
class ShowStatReader {
public:
    ShowStatReader() = default;
    ShowStatReader(const ShowStatReader&) = delete;
    ShowStatReader& operator=(const ShowStatReader&) = delete;

    /// Takes the next piece of the answer. Throws RoutesUnknown if it is no such table: HAProxy's
    /// refusal is quoted, a field that should be a number is named.
    void feed(std::string_view bytes) { csv_.feed(bytes); }

    /// The rows, in HAProxy's order. Throws RoutesUnknown if the answer has not ended: HAProxy
    /// ends it with an empty line, so a connection that broke half-way is noticed.
    std::vector<StatRow> rows() &&;

private:
    void record(const CsvRecord& record);
    void header(const CsvRecord& record);
    void row(const CsvRecord& record);
    std::string_view field(const CsvRecord& record, std::size_t column) const noexcept;
    StatRow::Number number(const CsvRecord& record, std::size_t column) const;

    CsvReader csv_{[this](const CsvRecord& complete) { record(complete); }};
    std::vector<std::size_t> positions_; ///< of the columns we use, in the order of show_stat.cpp
    std::vector<StatRow> rows_;
    bool ended_ = false;
};

} // namespace checkpg
