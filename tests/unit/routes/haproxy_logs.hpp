#pragma once

#include "routes/history_log.hpp"

#include <string>

/// A time long after all captured logs.
checkpg::WallTime long_after();

/// What these lines say of the default backends.
checkpg::HaproxyLog log_of(const std::string& text);

/// The captured log tests/data/haproxy_log/NAME.
std::string captured_log(const std::string& name);
