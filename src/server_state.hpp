#pragma once

#include <string>

struct pg_result;

namespace checkpg {

/// What a server says of itself.
struct ServerState {
    bool in_recovery = false; ///< a standby
};

/// The one statement that asks a server for its state: schema-qualified, so that no search_path
/// changes its meaning.
std::string state_query();

/// The state in the answer to state_query(). Throws std::invalid_argument, saying what is wrong,
/// unless it is exactly one row of exactly the expected types.
ServerState read_state(const pg_result* result);

} // namespace checkpg
