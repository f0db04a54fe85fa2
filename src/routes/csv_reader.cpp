#include "routes/csv_reader.hpp"

#include "routes/routes_unknown.hpp"

#include <algorithm>

namespace checkpg {

namespace {

constexpr std::size_t largest_record = std::size_t{64} * 1024;

constexpr bool is_separator(char c) noexcept { return c == ',' || c == '\n'; }

} // namespace

std::string_view CsvRecord::operator[](std::size_t field) const noexcept {
    if (field >= ends_.size())
        return {};
    const std::size_t begin = field == 0 ? 0 : ends_[field - 1];
    return std::string_view{text_}.substr(begin, ends_[field] - begin);
}

void CsvRecord::clear() noexcept {
    text_.clear();
    ends_.clear();
}

void CsvReader::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t run = take_run(bytes);
        if (record_.text_.size() + record_.ends_.size() > largest_record)
            throw RoutesUnknown{"a line of the table is larger than 64 KiB"};
        if (run < bytes.size())
            take(bytes[run]);
        bytes.remove_prefix(std::min(run + 1, bytes.size()));
    }
}

bool CsvReader::between_records() const noexcept {
    return place_ == Place::field_start && record_.ends_.empty();
}

/// Takes the ordinary characters at the start of `bytes` in one piece, since nearly all are.
std::size_t CsvReader::take_run(std::string_view bytes) {
    const auto ends_here = [this](char c) {
        return place_ == Place::quoted ? c == '"' : is_separator(c);
    };
    if (place_ != Place::plain && place_ != Place::quoted)
        return 0;
    const auto length = static_cast<std::size_t>(
        std::find_if(bytes.begin(), bytes.end(), ends_here) - bytes.begin());
    record_.text_.append(bytes.substr(0, length));
    return length;
}

void CsvReader::take(char c) {
    switch (place_) {
    case Place::field_start:
        take_first(c);
        break;
    case Place::plain:
        take_separator(c);
        break;
    case Place::quoted:
        place_ = Place::after_quote;
        break;
    case Place::after_quote:
        take_after_quote(c);
        break;
    }
}

void CsvReader::take_first(char c) {
    if (is_separator(c)) {
        take_separator(c);
    } else if (c == '"') {
        place_ = Place::quoted;
    } else {
        place_ = Place::plain;
        record_.text_ += c;
    }
}

void CsvReader::take_after_quote(char c) {
    if (c == '"') {
        place_ = Place::quoted;
        record_.text_ += c;
    } else if (is_separator(c)) {
        take_separator(c);
    } else {
        throw RoutesUnknown{"text follows a closing quote in the table"};
    }
}

void CsvReader::take_separator(char c) {
    place_ = Place::field_start;
    record_.ends_.push_back(record_.text_.size());
    if (c != '\n')
        return;
    sink_(record_);
    record_.clear();
}

} // namespace checkpg
