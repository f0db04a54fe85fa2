#include "check/server_state.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace checkpg {

namespace {

// Object identifiers of types, src/include/catalog/pg_type.dat
constexpr Oid boolean_type = 16;
constexpr Oid bigint_type = 20;
constexpr Oid integer_type = 23;
constexpr Oid text_type = 25;
constexpr Oid lsn_type = 3220;

/// A moment as Julian day, second of the day and microsecond, in UTC: the one form that is exact
/// whatever DateStyle, TimeZone and extra_float_digits are.
std::string moment(std::string_view timestamp) {
    return fmt::format("pg_catalog.to_char(pg_catalog.timezone('UTC', {}), 'J SSSS US')",
                       timestamp);
}

/// The timeline stands in the name of the WAL file being written; pg_control_checkpoint() lags
/// behind a promotion, and a standby refuses pg_current_wal_lsn().
std::string identity_columns() {
    return ", (SELECT system_identifier FROM pg_catalog.pg_control_system()), " +
           moment("pg_catalog.pg_postmaster_start_time()") +
           ", CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL"
           " ELSE pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()) END";
}

/// A primary refuses to say whether its replay is paused.
std::string replay_columns() {
    return ", pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn()"
           ", CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_is_wal_replay_paused()"
           " ELSE false END, " +
           moment("pg_catalog.clock_timestamp()") + ", " +
           moment("pg_catalog.pg_last_xact_replay_timestamp()");
}

/// What the process that replays waits for, NULL for a role that may not see it.
constexpr std::string_view wait_column =
    ", (SELECT wait_event FROM pg_catalog.pg_stat_get_activity(NULL)"
    " WHERE backend_type OPERATOR(pg_catalog.=) 'startup')";

/// The server's own processes are seen by those who see everybody's: then the number is whole.
std::string vitals_columns() {
    return ", " + moment("pg_catalog.clock_timestamp()") + ", " +
           moment("pg_catalog.pg_postmaster_start_time()") +
           ", CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL"
           " ELSE pg_catalog.pg_current_wal_lsn() END"
           ", (SELECT GREATEST(timeline_id, min_recovery_end_timeline)"
           " FROM pg_catalog.pg_control_checkpoint(), pg_catalog.pg_control_recovery())"
           ", (SELECT received_tli FROM pg_catalog.pg_stat_wal_receiver)"
           ", pg_catalog.current_setting('max_connections')"
           ", (SELECT CASE WHEN pg_catalog.bool_or(backend_type OPERATOR(pg_catalog.=)"
           " 'checkpointer') THEN pg_catalog.count(*) FILTER (WHERE backend_type"
           " OPERATOR(pg_catalog.=) 'client backend') END"
           " FROM pg_catalog.pg_stat_get_activity(NULL))";
}

template <typename Number, typename... Format>
std::optional<Number> whole_number(std::string_view text, Format... format) noexcept {
    Number number{};
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number, format...);
    if (error != std::errc{} || rest != end)
        return std::nullopt;
    return number;
}

/// The row's cells from left to right. Each must have the type it was asked for.
class Row {
public:
    explicit Row(const PGresult* result) : result_{result} {
        if (PQntuples(result) != 1)
            throw std::invalid_argument{fmt::format("{} rows instead of 1", PQntuples(result))};
    }

    /// The next cell, nothing if it is NULL.
    std::optional<std::string_view> next(Oid type) {
        const int column = column_++;
        if (column >= PQnfields(result_))
            throw std::invalid_argument{fmt::format("only {} columns", PQnfields(result_))};
        if (PQftype(result_, column) != type)
            throw std::invalid_argument{fmt::format("column {} has another type", column_)};
        if (PQgetisnull(result_, 0, column) != 0)
            return std::nullopt;
        return PQgetvalue(result_, 0, column);
    }

    /// The next cell, which must not be NULL and must read as `parse` has it.
    template <typename Parse>
    auto next(Oid type, Parse parse) {
        const auto text = next(type);
        const auto value = text ? parse(*text) : std::nullopt;
        if (!value)
            throw std::invalid_argument{fmt::format("column {} makes no sense", column_)};
        return *value;
    }

    void expect_end() const {
        if (column_ != PQnfields(result_))
            throw std::invalid_argument{
                fmt::format("{} columns instead of {}", PQnfields(result_), column_)};
    }

private:
    const PGresult* result_;
    int column_ = 0;
};

std::optional<bool> boolean(std::string_view text) noexcept {
    if (text == "t" || text == "f")
        return text == "t";
    return std::nullopt;
}

std::optional<bool> on_or_off(std::string_view text) noexcept {
    if (text == "on" || text == "off")
        return text == "on";
    return std::nullopt;
}

/// In the year 269077; as microseconds not much more fits.
constexpr std::uint32_t last_day = 100'000'000;

/// What moment() gives, in microseconds; only differences mean anything.
std::optional<std::int64_t> microseconds(std::string_view text) noexcept {
    const auto first = text.find(' ');
    const auto second = text.rfind(' ');
    if (first == second)
        return std::nullopt;
    const auto day = whole_number<std::uint32_t>(text.substr(0, first));
    const auto in_day = whole_number<std::uint32_t>(text.substr(first + 1, second - first - 1));
    const auto fraction = whole_number<std::uint32_t>(text.substr(second + 1));
    if (!day || *day > last_day || !in_day || !fraction)
        return std::nullopt;
    return (std::int64_t{*day} * 86'400 + *in_day) * 1'000'000 + *fraction;
}

std::optional<std::string> digits(std::string_view text) {
    if (!whole_number<std::int64_t>(text))
        return std::nullopt;
    return std::string{text};
}

/// The first 8 hexadecimal digits of a WAL file's name (manual, section 30.6).
std::optional<std::uint32_t> timeline(std::string_view file) noexcept {
    const auto number = whole_number<std::uint32_t>(file.substr(0, 8), 16);
    if (file.size() != 24 || !number || *number == 0)
        return std::nullopt;
    return number;
}

/// "16/B374D848": the upper and the lower 32 bits (manual, section 8.20).
std::optional<std::uint64_t> lsn(std::string_view text) noexcept {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos)
        return std::nullopt;
    const auto upper = whole_number<std::uint32_t>(text.substr(0, slash), 16);
    const auto lower = whole_number<std::uint32_t>(text.substr(slash + 1), 16);
    if (!upper || !lower)
        return std::nullopt;
    return (std::uint64_t{*upper} << 32) | *lower;
}

Identity read_identity(Row& row, bool in_recovery) {
    Identity identity;
    identity.system_identifier = row.next(bigint_type, digits);
    identity.started = row.next(text_type, microseconds);
    if (in_recovery)
        row.next(text_type); // has none, unless it is being promoted this very moment
    else
        identity.timeline = row.next(text_type, timeline);
    return identity;
}

std::optional<std::uint64_t> read_lsn(Row& row) {
    const auto text = row.next(lsn_type);
    const auto position = text ? lsn(*text) : std::nullopt;
    if (text && !position)
        throw std::invalid_argument{"an LSN makes no sense"};
    return position;
}

std::optional<std::int64_t> read_moment(Row& row) {
    const auto text = row.next(text_type);
    const auto moment = text ? microseconds(*text) : std::nullopt;
    if (text && !moment)
        throw std::invalid_argument{"a moment makes no sense"};
    return moment;
}

milliseconds between(std::int64_t earlier, std::int64_t later) noexcept {
    return std::chrono::duration_cast<milliseconds>(
        std::chrono::microseconds{std::max<std::int64_t>(later - earlier, 0)});
}

Replay read_replay(Row& row) {
    Replay replay;
    replay.received = read_lsn(row);
    replay.replayed = read_lsn(row);
    replay.paused = row.next(boolean_type, boolean);
    const auto now = row.next(text_type, microseconds);
    if (const auto last = read_moment(row))
        replay.age = between(*last, now);
    return replay;
}

std::optional<std::uint32_t> read_number(Row& row, Oid type) {
    const auto text = row.next(type);
    const auto number = text ? whole_number<std::uint32_t>(*text) : std::nullopt;
    if (text && !number)
        throw std::invalid_argument{"a number makes no sense"};
    return number;
}

Vitals read_vitals(Row& row) {
    Vitals vitals;
    const auto now = row.next(text_type, microseconds);
    vitals.uptime = between(row.next(text_type, microseconds), now);
    vitals.written = read_lsn(row);
    vitals.recorded_timeline = row.next(integer_type, whole_number<std::uint32_t>);
    vitals.received_timeline = read_number(row, integer_type);
    vitals.most_connections = row.next(text_type, whole_number<std::uint32_t>);
    vitals.connections = read_number(row, bigint_type);
    return vitals;
}

Receiver receiver_of(bool there, std::optional<std::string_view> status) noexcept {
    if (!there)
        return Receiver::none;
    if (!status)
        return Receiver::hidden;
    return *status == "streaming" ? Receiver::streaming : Receiver::not_streaming;
}

void read_receiver(Row& row, ServerState& state) {
    const auto pid = row.next(integer_type);
    const auto number = pid ? whole_number<int>(*pid) : 0;
    if (!number)
        throw std::invalid_argument{"a process number makes no sense"};
    state.receiver_pid = *number;
    state.receiver = receiver_of(pid.has_value(), row.next(text_type));
}

} // namespace

std::optional<std::uint64_t> Replay::lag() const noexcept {
    if (!received || !replayed || *received < *replayed)
        return std::nullopt;
    return *received - *replayed;
}

std::string state_query(const Question& question) {
    std::string query = "SELECT pg_catalog.pg_is_in_recovery()";
    if (question.identity)
        query += identity_columns();
    if (question.writable)
        query += ", pg_catalog.current_setting('transaction_read_only')";
    if (question.replay)
        query += replay_columns();
    if (question.waits)
        query += wait_column;
    if (question.vitals)
        query += vitals_columns();
    if (question.receiver)
        query += ", receiver.pid, receiver.status FROM (VALUES (true)) AS here"
                 " LEFT JOIN pg_catalog.pg_stat_wal_receiver AS receiver ON true";
    return query;
}

std::string grants_for(const Question& question, std::string_view role) {
    std::string functions = "pg_is_in_recovery()";
    if (question.identity)
        functions += ", pg_control_system(), pg_postmaster_start_time(), pg_current_wal_lsn(), "
                     "pg_walfile_name(pg_lsn)";
    if (question.replay)
        functions += ", pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(), "
                     "pg_is_wal_replay_paused(), pg_last_xact_replay_timestamp()";
    if (question.vitals)
        functions += ", pg_postmaster_start_time(), pg_current_wal_lsn(), pg_control_checkpoint(), "
                     "pg_control_recovery(), pg_stat_get_activity(integer)";
    if (question.waits)
        functions += ", pg_stat_get_activity(integer)";
    std::string grants = fmt::format("GRANT EXECUTE ON FUNCTION {} TO {}", functions, role);
    if (question.receiver || question.vitals)
        grants += fmt::format("; GRANT SELECT ON pg_stat_wal_receiver TO {}", role);
    return grants;
}

ServerState read_state(const Question& question, const PGresult* result) {
    Row row{result};
    ServerState state;
    state.in_recovery = row.next(boolean_type, boolean);
    if (question.identity)
        state.identity = read_identity(row, state.in_recovery);
    if (question.writable)
        state.read_only = row.next(text_type, on_or_off);
    if (question.replay)
        state.replay = read_replay(row);
    if (question.waits) {
        const auto wait = row.next(text_type);
        if (state.replay)
            state.replay->waits_for_wal = wait == "RecoveryWalStream";
    }
    if (question.vitals)
        state.vitals = read_vitals(row);
    if (question.receiver)
        read_receiver(row, state);
    row.expect_end();
    return state;
}

} // namespace checkpg
