#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// One record of a CSV text. Valid until its reader is fed again or destroyed.
class CsvRecord {
public:
    /// The number of fields, never 0: an empty line is one empty field.
    std::size_t size() const noexcept { return ends_.size(); }

    /// The field's text, quotes resolved; empty if the record has no such field.
    std::string_view operator[](std::size_t field) const noexcept;

    /// An empty line, which is how HAProxy ends an answer.
    bool blank() const noexcept { return text_.empty() && size() == 1; }

private:
    friend class CsvReader;
    void clear() noexcept;

    std::string text_;              ///< all fields, one behind the other
    std::vector<std::size_t> ends_; ///< where each field ends in text_
};

/// Cuts a stream of bytes into CSV records as HAProxy writes them: fields between commas, records
/// between line feeds, a field with a comma, quote or line feed in it stands in double quotes, a
/// quote in it is doubled. Holds one record at a time, whatever the length of the stream.
class CsvReader {
public:
    using Sink = std::function<void(const CsvRecord&)>;

    explicit CsvReader(Sink sink) : sink_{std::move(sink)} {}

    /// Hands each record that these bytes complete to the sink. Throws RoutesUnknown if text
    /// follows a closing quote or a record is larger than 64 KiB.
    void feed(std::string_view bytes);

    /// Nothing of an unfinished record is held.
    bool between_records() const noexcept;

private:
    enum class Place { field_start, plain, quoted, after_quote };

    void take(char c);
    void take_first(char c);
    void take_after_quote(char c);
    void take_separator(char c);
    std::size_t take_run(std::string_view bytes);

    Sink sink_;
    CsvRecord record_;
    Place place_ = Place::field_start;
};

} // namespace checkpg
