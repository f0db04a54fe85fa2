#pragma once

#include "routes/show_stat.hpp"

#include <string>
#include <vector>

/// The captured answer tests/data/show_stat/NAME.csv.
std::string stat_table(const std::string& name);

/// The rows of a captured answer.
std::vector<checkpg::StatRow> stat_rows(const std::string& name);

/// A server's line in `backend`, with what HAProxy shows of an idle server.
checkpg::StatRow server_row(const std::string& backend, const std::string& server,
                            const std::string& status, const std::string& check_status = "",
                            checkpg::StatRow::Number check_code = {});

/// A frontend's line.
checkpg::StatRow frontend_row(const std::string& name, const std::string& status = "OPEN");

/// A backend's own line.
checkpg::StatRow backend_row(const std::string& name);

/// db1 is the primary, db3 a standby, and db2 lets the checks of "rw" not in; it is not in "ro".
std::vector<checkpg::StatRow> small_cluster();
