#pragma once

#include "routes/options.hpp"
#include "routes/text.hpp"
#include "routes_view.hpp"

/// Looks again and again: on a screen that is redrawn in place if `on_screen`, where q ends it with
/// 0; else in lines with the time before them, for what changes, or as one JSON object a line. Ends
/// with another exit status only when the output can't be written; Ctrl-C ends the program.
int watch_routes(const checkpg::RoutesCommandLine& line, const RoutesView& view,
                 checkpg::TextStyle style, bool on_screen);
