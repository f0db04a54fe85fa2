#include "check/keeper_words.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

namespace checkpg {

namespace {

using Sign = std::array<char, 8>;

constexpr Sign request_sign{'c', 'p', 'g', ' ', 'a', 's', 'k', 's'};
constexpr Sign answer_sign{'c', 'p', 'g', ' ', 's', 'a', 'y', 's'};

/// What a request begins with; the subject is the rest.
struct RequestHead {
    Sign sign = request_sign;
    std::uint64_t id = 0;
    std::uint32_t patience = 0;
    std::uint32_t asked = 0;
};

/// What an answer begins with; the cells follow.
struct AnswerHead {
    Sign sign = answer_sign;
    std::uint64_t id = 0;
    std::uint32_t age = 0;
    std::uint32_t cells = 0;
};

/// What a cell begins with; its text follows.
struct CellHead {
    std::uint32_t type = 0;
    std::int32_t length = 0;
};

constexpr std::int32_t null_length = -1;
constexpr std::uint32_t most_cells = 64;

/// In the order of their bits.
constexpr std::array<bool Question::*, 5> subjects{&Question::identity, &Question::writable,
                                                   &Question::replay, &Question::receiver,
                                                   &Question::waits};
constexpr std::uint32_t asks_the_server = std::uint32_t{1} << subjects.size();

std::uint32_t bits_of(const std::optional<Question>& question) noexcept {
    if (!question)
        return 0;
    std::uint32_t bits = asks_the_server;
    for (std::size_t i = 0; i < subjects.size(); ++i)
        if (*question.*subjects[i])
            bits |= std::uint32_t{1} << i;
    return bits;
}

std::optional<Question> question_of(std::uint32_t bits) noexcept {
    if ((bits & asks_the_server) == 0)
        return std::nullopt;
    Question question;
    for (std::size_t i = 0; i < subjects.size(); ++i)
        question.*subjects[i] = (bits >> i & 1) != 0;
    return question;
}

template <typename Part>
void append(std::string& packet, const Part& part) {
    packet.append(reinterpret_cast<const char*>(&part), sizeof part);
}

/// Takes what a packet consists of from its start.
class Parts {
public:
    explicit Parts(std::string_view packet) noexcept : rest_{packet} {}

    template <typename Part>
    bool take(Part& part) noexcept {
        if (rest_.size() < sizeof part)
            return false;
        std::memcpy(&part, rest_.data(), sizeof part);
        rest_.remove_prefix(sizeof part);
        return true;
    }

    std::optional<std::string_view> take(std::size_t size) noexcept {
        if (rest_.size() < size)
            return std::nullopt;
        const auto text = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return text;
    }

    std::string_view rest() const noexcept { return rest_; }

private:
    std::string_view rest_;
};

struct Cell {
    CellHead head;
    std::string_view text;
};

std::optional<std::vector<Cell>> read_cells(Parts& parts, std::uint32_t number) {
    if (number > most_cells)
        return std::nullopt;
    std::vector<Cell> cells(number);
    for (Cell& cell : cells) {
        if (!parts.take(cell.head) || cell.head.length < null_length)
            return std::nullopt;
        const auto length = cell.head.length == null_length ? 0 : cell.head.length;
        const auto text = parts.take(static_cast<std::size_t>(length));
        if (!text)
            return std::nullopt;
        cell.text = *text;
    }
    return cells;
}

/// A result as libpq would have made it of one row with these cells.
ResultHandle result_of(const std::vector<Cell>& cells) {
    ResultHandle result{PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK)};
    std::string no_name;
    std::vector<PGresAttDesc> columns(cells.size());
    for (std::size_t i = 0; i < cells.size(); ++i) {
        columns[i].name = no_name.data();
        columns[i].typid = cells[i].head.type;
    }
    bool made = result && PQsetResultAttrs(result.get(), static_cast<int>(columns.size()),
                                           columns.data()) != 0;
    for (std::size_t i = 0; made && i < cells.size(); ++i) {
        std::string text{cells[i].text};
        made = PQsetvalue(result.get(), 0, static_cast<int>(i), text.data(),
                          cells[i].head.length) != 0;
    }
    if (!made)
        throw std::bad_alloc{};
    return result;
}

std::uint32_t as_number(milliseconds time) noexcept {
    constexpr milliseconds most{std::numeric_limits<std::uint32_t>::max()};
    return static_cast<std::uint32_t>(std::clamp(time, milliseconds::zero(), most).count());
}

std::string checked(std::string packet) {
    if (packet.size() > longest_packet)
        packet.clear();
    return packet;
}

} // namespace

std::string packet_of(const KeeperRequest& request) {
    std::string packet;
    append(packet, RequestHead{.id = request.id,
                               .patience = as_number(request.patience),
                               .asked = bits_of(request.question)});
    packet += request.subject;
    return checked(std::move(packet));
}

std::string packet_of(std::uint64_t id, milliseconds age, const PGresult* result) {
    const int cells = result == nullptr ? 0 : PQnfields(result);
    std::string packet;
    append(packet,
           AnswerHead{.id = id, .age = as_number(age), .cells = static_cast<std::uint32_t>(cells)});
    for (int i = 0; i < cells; ++i) {
        const bool is_null = PQgetisnull(result, 0, i) != 0;
        const int length = is_null ? null_length : PQgetlength(result, 0, i);
        append(packet, CellHead{.type = PQftype(result, i), .length = length});
        if (!is_null)
            packet.append(PQgetvalue(result, 0, i), static_cast<std::size_t>(length));
    }
    return checked(std::move(packet));
}

std::optional<KeeperRequest> read_request(std::string_view packet) {
    Parts parts{packet};
    RequestHead head;
    if (packet.size() > longest_packet || !parts.take(head) || head.sign != request_sign)
        return std::nullopt;
    const auto question = question_of(head.asked);
    if (head.asked != bits_of(question))
        return std::nullopt;
    return KeeperRequest{head.id, question, milliseconds{head.patience}, parts.rest()};
}

std::optional<KeeperAnswer> read_answer(std::string_view packet) {
    Parts parts{packet};
    AnswerHead head;
    if (packet.size() > longest_packet || !parts.take(head) || head.sign != answer_sign)
        return std::nullopt;
    const auto cells = read_cells(parts, head.cells);
    if (!cells || !parts.rest().empty())
        return std::nullopt;
    return KeeperAnswer{head.id, milliseconds{head.age},
                        cells->empty() ? nullptr : result_of(*cells)};
}

} // namespace checkpg
