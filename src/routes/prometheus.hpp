#pragma once

#include "routes/routing.hpp"

#include <string>

namespace checkpg {

/// The routes in Prometheus' text format, as node_exporter's textfile collector takes it, with the
/// metrics that checkpgroutes(1) documents: they are only ever added. In state unknown there is
/// checkpg_up alone, which is 0.
std::string to_prometheus(const Routes& routes);

} // namespace checkpg
