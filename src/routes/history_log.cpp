#include "routes/history_log.hpp"

#include "base/printable.hpp"
#include "routes/last_check.hpp"
#include "routes/server_view.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <iterator>
#include <utility>

namespace checkpg {

namespace {

using Kind = LogEvent::Kind;

/// Some 40 MB: years of an ordinary cluster, or days of one that flaps all the time.
constexpr std::size_t most_events = 100'000;
constexpr std::size_t most_other_backends = 20;
constexpr std::size_t most_processes = 10'000;
constexpr std::size_t longest_text = 1024; ///< HAProxy's own lines are no longer

template <typename List, typename Value>
bool contains(const List& list, const Value& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

template <typename Number>
std::optional<Number> number_in(std::string_view digits) noexcept {
    Number value{};
    const auto* const end = digits.data() + digits.size();
    const auto result = std::from_chars(digits.data(), end, value);
    return result.ec == std::errc{} && result.ptr == end ? std::optional{value} : std::nullopt;
}

bool take(std::string_view prefix, std::string_view& text) noexcept {
    if (!text.starts_with(prefix))
        return false;
    text.remove_prefix(prefix.size());
    return true;
}

/// Takes what stands before `end`, and `end`. Nothing if it isn't there.
std::optional<std::string_view> take_until(std::string_view end, std::string_view& text) noexcept {
    const auto position = text.find(end);
    if (position == std::string_view::npos)
        return std::nullopt;
    const auto before = text.substr(0, position);
    text.remove_prefix(position + end.size());
    return before;
}

/// A line behind its time: who wrote it, and what.
struct Message {
    std::int64_t process = 0;
    std::string_view text;
};

constexpr std::array<std::string_view, 7> beginnings{
    "Server ", "Backup Server ", "Health check for ", "backend ",
    "proxy ",  "Proxy ",         "New worker "};

bool is_of_interest(std::string_view text) noexcept {
    return std::any_of(beginnings.begin(), beginnings.end(),
                       [&](std::string_view beginning) { return text.starts_with(beginning); });
}

/// "haproxy[12589]:", or without a number; nothing if it is no such tag.
std::optional<std::int64_t> process_in_tag(std::string_view tag) noexcept {
    if (!tag.ends_with(':'))
        return std::nullopt;
    tag.remove_suffix(1);
    const auto bracket = tag.rfind('[');
    if (bracket == std::string_view::npos || !tag.ends_with(']'))
        return 0;
    return number_in<std::int64_t>(tag.substr(bracket + 1, tag.size() - bracket - 2)).value_or(0);
}

/// "[WARNING]  (12589) : " or "[WARNING] 329/150251 (12589) : ", as HAProxy writes to standard
/// error what it sends to the log, too: the number is that of the process, the tag's that of its
/// master.
void take_level(Message& message) {
    if (!message.text.starts_with('['))
        return;
    std::string_view text = message.text;
    const auto before = take_until("(", text);
    const auto number = take_until(") : ", text);
    if (!before || before->size() > 32 || !number)
        return;
    if (const auto process = number_in<std::int64_t>(*number))
        message = {*process, text};
}

/// "host haproxy 12589 - - ": the fields of rfc5424 before the text.
Message rfc5424_message(std::string_view text) {
    Message message;
    for (const int field : {0, 1, 2, 3, 4}) {
        const auto word = take_until(" ", text);
        if (!word)
            return {};
        if (field == 2)
            message.process = number_in<std::int64_t>(*word).value_or(0);
    }
    message.text = text;
    return message;
}

/// "host haproxy[12589]: " or "haproxy[12589]: ", or nothing before the text.
Message message_in(const StampedLine& line) {
    if (line.rfc5424)
        return rfc5424_message(line.rest);
    std::string_view text = line.rest;
    if (is_of_interest(text))
        return {0, text};
    for (int words = 0; words < 2; ++words) {
        const auto word = take_until(" ", text);
        if (!word)
            return {};
        if (const auto process = process_in_tag(*word)) {
            Message message{*process, text};
            take_level(message);
            return message;
        }
    }
    return {};
}

struct Result {
    std::string_view description;
    std::string_view name;
};

/// HAProxy's log says in words what `show stat` has as a name in check_status.
constexpr std::array<Result, 18> results{{
    {"Unknown", "UNK"},
    {"Initializing", "INI"},
    {"Health analyze", "HANA"},
    {"Socket error", "SOCKERR"},
    {"Layer4 check passed", "L4OK"},
    {"Layer4 timeout", "L4TOUT"},
    {"Layer4 connection problem", "L4CON"},
    {"Layer6 check passed", "L6OK"},
    {"Layer6 timeout", "L6TOUT"},
    {"Layer6 invalid response", "L6RSP"},
    {"Layer7 check passed", "L7OK"},
    {"Layer7 check conditionally passed", "L7OKC"},
    {"Layer7 timeout", "L7TOUT"},
    {"Layer7 invalid response", "L7RSP"},
    {"Layer7 wrong status", "L7STS"},
    {"External check error", "PROCERR"},
    {"External check timeout", "PROCTOUT"},
    {"External check passed", "PROCOK"},
}};

/// "External check error, code: 2, info: "...", check duration: 7ms" as `show stat` has it.
StatRow row_of_check(std::string_view text) {
    StatRow row;
    const auto description = text.substr(0, text.find_first_of(",."));
    const auto* const found =
        std::find_if(results.begin(), results.end(),
                     [&](const Result& result) { return result.description == description; });
    row.check_status = found == results.end() ? description : found->name;
    text.remove_prefix(description.size());
    if (take(", code: ", text)) {
        row.check_code = number_in<std::int64_t>(text.substr(0, text.find_first_of(",. ")));
        if (row.check_code == -1) // killed: unsigned in `show stat`
            row.check_code = std::int64_t{4294967295};
    }
    if (take_until("info: \"", text))
        row.check_detail = text.substr(0, text.find('"'));
    return row;
}

/// The servers left in ". 1 active and 0 backup servers left."
std::optional<int> left_in(std::string_view text) noexcept {
    constexpr std::string_view active = " active and ";
    const auto middle = text.rfind(active);
    if (middle == std::string_view::npos)
        return std::nullopt;
    const auto blank = text.rfind(' ', middle == 0 ? 0 : middle - 1);
    const auto begin = blank == std::string_view::npos ? 0 : blank + 1;
    const auto first = number_in<std::uint16_t>(text.substr(begin, middle - begin));
    text.remove_prefix(middle + active.size());
    const auto second = number_in<std::uint16_t>(text.substr(0, text.find(' ')));
    return first && second ? std::optional<int>{*first + *second} : std::nullopt;
}

/// The words of `idle_reason()` for a server with this status.
std::string reason_of_status(std::string status) {
    RouteEntry entry;
    entry.row.status = std::move(status);
    return idle_reason(entry);
}

/// "b/db1 rest": backend, server and what is said of it, of which a name in parentheses is none.
bool take_server(std::string_view& text, LogEvent& event) {
    const auto slash = text.find('/');
    const auto end = text.find(' ');
    if (end == std::string_view::npos || slash == 0 || slash > end)
        return false;
    event.backend = text.substr(0, slash);
    event.server = text.substr(slash + 1, end - slash - 1);
    text.remove_prefix(end + 1);
    if (text.starts_with("('"))
        return take_until("') ", text).has_value() && !event.server.empty();
    return !event.server.empty();
}

void read_check(std::string_view text, LogEvent& event) {
    const StatRow row = row_of_check(text);
    const LastCheck check = last_check(row, event.role);
    event.reason = check.words;
    event.by_role = check.kind == LastCheck::Kind::other_role;
}

/// ", reason: External check error, ...", ", changed from CLI. 1 active", " via a/b. 1 active" or
/// ". 1 active": why a server is up or down.
void read_cause(std::string_view text, LogEvent& event) {
    if (take(", reason: ", text)) {
        read_check(text, event);
        return;
    }
    if (text.starts_with(", ") || text.starts_with(" via ")) {
        const auto cause = text.substr(0, text.find(". "));
        event.reason = printable(cause.substr(cause.starts_with(',') ? 2 : 1));
        event.unchecked = event.kind == Kind::up && cause.starts_with(',');
    }
}

/// "UP/READY (leaving forced maintenance)", "DOWN (leaving drain)": what the server is then. One
/// that was in maintenance counts as up until a check has failed.
bool read_end_of_administration(std::string_view text, LogEvent& event) {
    const auto what = text.find(" (");
    if (what == std::string_view::npos)
        return false;
    const auto status = text.substr(0, what);
    const bool was_checked = text.find("drain)") != std::string_view::npos;
    if (!was_checked && text.find("maintenance)") == std::string_view::npos &&
        text.find("(resolves again)") == std::string_view::npos)
        return false;
    event.kind = status == "UP" || status == "UP/READY" ? Kind::up : Kind::down;
    event.unchecked = event.kind == Kind::up && !was_checked;
    if (event.kind == Kind::up)
        event.reason = was_checked ? "draining ended" : "maintenance ended";
    else
        event.reason = reason_of_status(status.ends_with("DRAIN") ? "DRAIN" : "DOWN");
    return true;
}

/// "is going DOWN for maintenance (cause). 1 active ..."
bool read_maintenance(std::string_view text, LogEvent& event) {
    if (!take("is going DOWN for maintenance", text) &&
        !take("was DOWN and now enters maintenance", text))
        return false;
    const auto cause = text.starts_with(" (") ? text.substr(0, text.find(')') + 1) : "";
    event.reason = reason_of_status("MAINT" + std::string{cause});
    return true;
}

/// What follows "Server b/db1 ". False if it is no change of its state.
bool read_state(std::string_view text, LogEvent& event) {
    event.left = left_in(text);
    if (read_maintenance(text, event))
        return true;
    if (text.starts_with("is stopping"))
        event.reason = reason_of_status("NOLB");
    else if (text.starts_with("enters drain state"))
        event.reason = reason_of_status("DRAIN");
    else if (take("is ", text)) {
        if (read_end_of_administration(text, event))
            return true;
        if (take("UP", text))
            event.kind = Kind::up;
        else if (!take("DOWN", text))
            return false;
        read_cause(text, event);
    } else
        return false;
    return true;
}

/// What follows "Health check for server b/db1 ".
bool read_check_report(std::string_view text, LogEvent& event) {
    take("conditionally ", text);
    event.kind = text.starts_with("succeeded") ? Kind::check_passed : Kind::check_failed;
    const auto status = text.rfind(", status: ");
    if (status == std::string_view::npos || !take_until(", reason: ", text))
        return false;
    read_check(text, event);
    event.status_up = text.ends_with(" UP.");
    return true;
}

/// "New worker (13204) forked", or "New worker #1 (13204) forked" before HAProxy 2.5.
bool read_worker(std::string_view text, LogEvent& event) {
    if (!take_until("(", text))
        return false;
    const auto process = number_in<std::int64_t>(text.substr(0, text.find(')')));
    event.kind = Kind::process_begins;
    event.process = process.value_or(0);
    return process && *process > 0;
}

/// What the text says; its backend may be none that is named.
bool read_text(std::string_view text, LogEvent& event,
               const std::function<bool(LogEvent&)>& is_named) {
    if (take("New worker ", text))
        return read_worker(text, event);
    if (take("Proxy ", text)) {
        event.kind = Kind::process_ends;
        const auto backend = take_until(" stopped", text);
        event.backend = backend.value_or("");
        return backend && is_named(event);
    }
    if (take("backend ", text) || take("proxy ", text)) {
        event.kind = Kind::backend_empty;
        const auto backend = take_until(" has no server available!", text);
        event.backend = backend.value_or("");
        return backend && is_named(event);
    }
    if (take("Server ", text) || take("Backup Server ", text))
        return take_server(text, event) && is_named(event) && read_state(text, event);
    if (take("Health check for server ", text) || take("Health check for backup server ", text))
        return take_server(text, event) && is_named(event) && read_check_report(text, event);
    return false;
}

} // namespace

std::optional<BackendRole> LogReader::role_of(const LogEvent& event) {
    if (contains(rules_.read_write, event.backend))
        return BackendRole::read_write;
    if (contains(rules_.read_only, event.backend))
        return BackendRole::read_only;
    auto& others = log_.other_backends;
    if (!event.server.empty() && others.size() < most_other_backends &&
        !contains(others, event.backend))
        others.push_back(event.backend);
    return std::nullopt;
}

void LogReader::keep(LogEvent event) {
    if (log_.events.size() == most_events) {
        log_.events.pop_front();
        log_.shortened = true;
    }
    log_.events.push_back(std::move(event));
}

/// A process that was not seen before has begun, unless it is the log's first.
void LogReader::note_process(const LogEvent& event) {
    if (event.process == 0 || contains(processes_, event.process))
        return;
    if (!processes_.empty() && event.kind != Kind::process_begins) {
        LogEvent begin;
        begin.kind = Kind::process_begins;
        begin.time = event.time;
        begin.process = event.process;
        keep(std::move(begin));
    }
    if (processes_.size() < most_processes)
        processes_.push_back(event.process);
}

/// Each of a process' proxies says that it ends.
bool LogReader::is_repeated_end(const LogEvent& event) const {
    if (event.kind != Kind::process_ends)
        return false;
    return std::any_of(log_.events.rbegin(),
                       log_.events.rbegin() + std::min<std::ptrdiff_t>(20, std::ssize(log_.events)),
                       [&](const LogEvent& earlier) {
                           return earlier.kind == Kind::process_ends &&
                                  earlier.process == event.process;
                       });
}

void LogReader::read(std::string_view line) {
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    if (line.empty())
        return;
    log_.lines = true;
    const auto stamp = read_stamp(line, now_);
    if (!stamp)
        return;
    log_.begins = std::min(log_.begins.value_or(stamp->time), stamp->time);
    log_.ends = std::max(log_.ends.value_or(stamp->time), stamp->time);
    log_.precise = log_.precise || stamp->precise;
    const Message message = message_in(*stamp);
    LogEvent event;
    event.time = stamp->time;
    event.process = message.process;
    const auto is_named = [this](LogEvent& one) {
        const auto role = role_of(one);
        one.role = role.value_or(BackendRole::read_write);
        return role.has_value();
    };
    if (!read_text(message.text, event, is_named) || is_repeated_end(event))
        return;
    event.text = message.text.substr(0, longest_text);
    note_process(event);
    keep(std::move(event));
}

} // namespace checkpg
