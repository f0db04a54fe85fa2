#include "base/csv.hpp"

#include "base/haproxy_error.hpp"

#include <optional>
#include <utility>

namespace checkpg {

namespace {

constexpr std::string_view separators = ",\n";

/// Takes a field and the separator behind it from the start of the text.
class FieldReader {
public:
    explicit FieldReader(std::string_view text) noexcept : rest_{text} {}

    /// The next field; nothing if the text ends before a separator.
    std::optional<std::string> next() { return rest_.starts_with('"') ? quoted() : plain(); }

    /// Whether the field was the last one of its record.
    bool ended_record() const noexcept { return separator_ == '\n'; }

private:
    std::optional<std::string> plain() {
        const auto end = rest_.find_first_of(separators);
        if (end == std::string_view::npos)
            return std::nullopt;
        std::string field{rest_.substr(0, end)};
        take_to(end);
        return field;
    }

    std::optional<std::string> quoted() {
        std::string field;
        for (std::size_t begin = 1;;) {
            const auto quote = rest_.find('"', begin);
            if (quote == std::string_view::npos || quote + 1 == rest_.size())
                return std::nullopt;
            field += rest_.substr(begin, quote - begin);
            begin = quote + 2;
            if (rest_[quote + 1] != '"') {
                take_to(quote + 1);
                return field;
            }
            field += '"';
        }
    }

    void take_to(std::size_t separator) {
        separator_ = rest_[separator];
        if (separators.find(separator_) == std::string_view::npos)
            throw HaproxyError{"text follows a closing quote in the table"};
        rest_.remove_prefix(separator + 1);
    }

    std::string_view rest_;
    char separator_ = '\n';
};

} // namespace

std::vector<CsvRecord> parse_csv(std::string_view text) {
    std::vector<CsvRecord> records;
    CsvRecord record;
    FieldReader reader{text};
    while (auto field = reader.next()) {
        record.push_back(*std::move(field));
        if (reader.ended_record())
            records.push_back(std::exchange(record, {}));
    }
    return records;
}

} // namespace checkpg
