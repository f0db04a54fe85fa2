#include "stat_tables.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

using checkpg::StatRow;

std::string stat_table(const std::string& name) {
    std::ifstream file{std::string{CHECKPG_TEST_DATA} + "/show_stat/" + name + ".csv"};
    if (!file)
        throw std::runtime_error{"no test data: " + name};
    return {std::istreambuf_iterator<char>{file}, {}};
}

std::vector<StatRow> stat_rows(const std::string& name) {
    return checkpg::parse_show_stat(stat_table(name));
}

StatRow server_row(const std::string& backend, const std::string& server, const std::string& status,
                   const std::string& check_status, StatRow::Number check_code) {
    StatRow row;
    row.kind = StatRow::Kind::server;
    row.proxy = backend;
    row.server = server;
    row.status = status;
    row.check_status = check_status;
    row.check_code = check_code;
    row.process = 1;
    row.weight = 1;
    row.sessions = 0;
    row.most_sessions = 0;
    row.queued = 0;
    return row;
}

StatRow frontend_row(const std::string& name, const std::string& status) {
    StatRow row = server_row(name, "FRONTEND", status);
    row.kind = StatRow::Kind::frontend;
    row.queued = {};
    row.weight = {};
    return row;
}

StatRow backend_row(const std::string& name) {
    StatRow row = server_row(name, "BACKEND", "UP");
    row.kind = StatRow::Kind::backend;
    return row;
}

std::vector<StatRow> small_cluster() {
    std::vector<StatRow> rows{
        frontend_row("front"),
        server_row("rw", "db1", "UP", "* PROCOK", 0),
        server_row("rw", "db2", "DOWN", "PROCERR", 4),
        backend_row("rw"),
        server_row("ro", "db1", "DOWN", "PROCERR", 1),
        server_row("ro", "db3", "UP", "PROCOK", 0),
        backend_row("ro"),
    };
    rows[1].check_duration = 5;
    rows[1].sessions = 7;
    rows[1].most_sessions = 135;
    rows[1].session_limit = 200;
    rows[1].since_change = 11520;
    rows[1].address = "192.0.2.11:5432";
    rows[2].check_duration = 13'415;
    rows[2].check_detail = "what, \x1b[31m";
    rows[3].sessions = 7;
    rows[3].most_sessions = 135;
    return rows;
}
