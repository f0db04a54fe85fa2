#include "base/config_file.hpp"

#include "base/descriptor.hpp"
#include "base/error.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace checkpg {

namespace {

constexpr std::size_t largest_file = std::size_t{1024} * 1024;
constexpr std::string_view blanks = " \t\r\f\v";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

Error file_error(const std::filesystem::path& path, std::string_view what) {
    return configuration_error(fmt::format("{}: {}", path.native(), what));
}

Error line_error(const std::filesystem::path& path, std::size_t line, std::string_view what) {
    return configuration_error(fmt::format("{}:{}: {}", path.native(), line, what));
}

constexpr bool is_blank(char c) noexcept { return blanks.find(c) != std::string_view::npos; }
constexpr bool is_quote(char c) noexcept { return c == '"' || c == '\''; }
constexpr bool is_comment_sign(char c) noexcept { return c == '#' || c == ';'; }

std::string_view trimmed(std::string_view text) noexcept {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// A comment behind a value starts at a '#' or ';' that follows a blank.
std::string_view without_comment(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i)
        if (is_comment_sign(text[i]) && (i == 0 || is_blank(text[i - 1])))
            return trimmed(text.substr(0, i));
    return text;
}

class Parser {
public:
    explicit Parser(const std::filesystem::path& path) : path_{path} {}

    void line(std::string_view text) {
        ++line_;
        text = trimmed(text);
        if (text.empty() || is_comment_sign(text.front()))
            return;
        if (text.front() == '[')
            section(without_comment(text));
        else
            entry(text);
    }

    std::vector<ConfigEntry> entries() && { return std::move(entries_); }

private:
    [[noreturn]] void fail(std::string_view what) const { throw line_error(path_, line_, what); }

    void section(std::string_view text) {
        if (text.back() != ']')
            fail("a section starts with '[' and must end with ']'");
        const auto name = trimmed(text.substr(1, text.size() - 2));
        if (name.empty())
            fail("a section needs the name of a HAProxy backend between '[' and ']'");
        section_ = name;
        section_line_ = line_;
    }

    void entry(std::string_view text) {
        const auto equals = text.find('=');
        if (equals == std::string_view::npos)
            fail("expected 'key = value', '[section]' or a comment");
        const auto key = trimmed(text.substr(0, equals));
        if (key.empty())
            fail("a key is missing before '='");
        refuse_repetition(key);
        entries_.push_back({section_, std::string{key},
                            std::string{value(trimmed(text.substr(equals + 1)))}, line_,
                            section_line_});
    }

    /// A value may stand in quotes: that keeps blanks at its ends and comment signs in it.
    std::string_view value(std::string_view text) const {
        if (text.empty() || !is_quote(text.front()))
            return without_comment(text);
        const auto end = text.find(text.front(), 1);
        if (end == std::string_view::npos)
            fail("a quote is opened and not closed");
        const auto rest = trimmed(text.substr(end + 1));
        if (!rest.empty() && !is_comment_sign(rest.front()))
            fail("only a comment may follow the closing quote");
        return text.substr(1, end - 1);
    }

    void refuse_repetition(std::string_view key) const {
        for (const ConfigEntry& earlier : entries_)
            if (earlier.key == key && earlier.section == section_)
                fail(fmt::format("'{}' stands on line {} already", key, earlier.line));
    }

    const std::filesystem::path& path_;
    std::vector<ConfigEntry> entries_;
    std::string section_;
    std::size_t line_ = 0;
    std::size_t section_line_ = 0;
};

std::string read_all(const Descriptor& file, const std::filesystem::path& path) {
    std::array<char, 8192> chunk; // left as it is: read(2) fills it
    std::string text;
    while (text.size() <= largest_file) {
        const auto got = ::read(file.get(), chunk.data(), chunk.size());
        if (got == 0)
            return text;
        if (got > 0)
            text.append(chunk.data(), static_cast<std::size_t>(got));
        else if (errno != EINTR)
            throw file_error(path, std::strerror(errno));
    }
    throw file_error(path, "larger than 1 MiB: not a configuration file");
}

} // namespace

std::vector<ConfigEntry> parse_config(std::string_view text, const std::filesystem::path& path) {
    if (text.find('\0') != std::string_view::npos)
        throw file_error(path, "holds a NUL byte: not a text file");
    if (text.substr(0, byte_order_mark.size()) == byte_order_mark)
        text.remove_prefix(byte_order_mark.size());
    Parser parser{path};
    while (!text.empty()) {
        const auto end = text.find('\n');
        parser.line(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return std::move(parser).entries();
}

std::optional<ConfigFile> read_config_file(const std::filesystem::path& path) {
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (file.get() == -1) {
        if (errno == ENOENT)
            return std::nullopt;
        throw file_error(path, std::strerror(errno));
    }
    struct stat status {};
    if (::fstat(file.get(), &status) == -1)
        throw file_error(path, std::strerror(errno));
    if (!S_ISREG(status.st_mode))
        throw file_error(path, "not a regular file");
    ConfigFile config{path, {}, (status.st_mode & S_IROTH) != 0, status};
    config.entries = parse_config(read_all(file, path), path);
    return config;
}

std::optional<ConfigFile> find_config_file(const std::optional<std::string>& named,
                                           const EnvironmentLookup& environment) {
    const char* const variable = environment("CHECKPG_CONFIG");
    const bool by_variable = variable != nullptr && *variable != '\0';
    if (!named && !by_variable)
        return read_config_file(default_config_file);
    const std::string path = named ? *named : variable;
    auto file = read_config_file(path);
    if (!file)
        throw configuration_error(fmt::format("{}: no such file, though {} names it", path,
                                              named ? "--config" : "$CHECKPG_CONFIG"));
    return file;
}

} // namespace checkpg
