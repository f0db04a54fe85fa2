#include "check/keeper_words.hpp"

#include <catch2/catch_test_macros.hpp>
#include <libpq-fe.h>

#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using checkpg::KeeperRequest;
using checkpg::longest_packet;
using checkpg::milliseconds;
using checkpg::packet_of;
using checkpg::Question;
using checkpg::read_answer;
using checkpg::read_request;
using checkpg::ResultHandle;

namespace {

constexpr Oid boolean_type = 16;
constexpr Oid bigint_type = 20;
constexpr Oid text_type = 25;

// Where the numbers of a packet stand.
constexpr std::size_t asked_at = 20;
constexpr std::size_t subject_at = 24;
constexpr std::size_t number_of_cells_at = 20;
constexpr std::size_t first_cell_at = 24;
constexpr std::size_t first_length_at = 28;
constexpr std::size_t first_text_at = 32;

struct Cell {
    std::optional<std::string> value; ///< nothing for NULL
    Oid type = text_type;
};

/// One row.
ResultHandle result_of(const std::vector<Cell>& cells) {
    ResultHandle result{PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK)};
    std::string name = "column";
    std::vector<PGresAttDesc> attributes;
    for (const Cell& cell : cells)
        attributes.push_back({name.data(), 0, 0, 0, cell.type, -1, -1});
    if (cells.empty())
        return result;
    const int columns = static_cast<int>(cells.size());
    REQUIRE(PQsetResultAttrs(result.get(), columns, attributes.data()) == 1);
    for (int i = 0; i < columns; ++i) {
        std::string text = cells[static_cast<std::size_t>(i)].value.value_or("");
        const bool is_null = !cells[static_cast<std::size_t>(i)].value;
        REQUIRE(PQsetvalue(result.get(), 0, i, text.data(),
                           is_null ? -1 : static_cast<int>(text.size())) == 1);
    }
    return result;
}

std::string answer_with(const std::vector<Cell>& cells) {
    return packet_of(7, 12s, result_of(cells).get());
}

template <typename Number>
std::string with_number(std::string packet, std::size_t at, Number number) {
    std::memcpy(packet.data() + at, &number, sizeof number);
    return packet;
}

/// Of a request that asks for each part of a question whose bit is set.
std::string request_with_bits(unsigned bits) {
    const Question question{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0,
                            (bits & 16) != 0};
    return packet_of(KeeperRequest{7, question, 900ms, "subject"});
}

} // namespace

TEST_CASE("a request comes back as it was") {
    const std::string subject{"host=db1\0port=5432\0", 19};
    const KeeperRequest told{std::numeric_limits<std::uint64_t>::max(),
                             Question{true, false, true, false, true}, 900ms, subject};
    const std::string packet = packet_of(told);
    const auto heard = read_request(packet);
    REQUIRE(heard);
    CHECK(heard->id == told.id);
    CHECK(heard->patience == 900ms);
    CHECK(heard->subject == subject);
    REQUIRE(heard->question);
    CHECK(heard->question->identity);
    CHECK_FALSE(heard->question->writable);
    CHECK(heard->question->replay);
    CHECK_FALSE(heard->question->receiver);
    CHECK(heard->question->waits);
    CHECK(packet_of(*heard) == packet);
}

TEST_CASE("each question is another request, and none of them is that for the age") {
    std::vector<std::string> packets{packet_of(KeeperRequest{7, std::nullopt, 900ms, "subject"})};
    CHECK_FALSE(read_request(packets.front())->question);
    for (unsigned bits = 0; bits < 32; ++bits) {
        const std::string packet = request_with_bits(bits);
        for (const std::string& other : packets)
            CHECK(packet != other);
        REQUIRE(read_request(packet));
        CHECK(read_request(packet)->question);
        CHECK(packet_of(*read_request(packet)) == packet);
        packets.push_back(packet);
    }
}

TEST_CASE("times that a packet can't hold are the nearest that it can") {
    const auto heard = [](milliseconds time) {
        return read_request(packet_of(KeeperRequest{1, {}, time, ""}))->patience;
    };
    CHECK(heard(-1ms) == 0ms);
    CHECK(heard(0ms) == 0ms);
    CHECK(heard(milliseconds::max()).count() == std::numeric_limits<std::uint32_t>::max());
    CHECK(read_answer(packet_of(1, -5s, nullptr))->age == 0ms);
    CHECK(read_answer(packet_of(1, milliseconds::max(), nullptr))->age.count() ==
          std::numeric_limits<std::uint32_t>::max());
}

TEST_CASE("an answer comes back as the server's result was") {
    const std::vector<Cell> cells{{"f", boolean_type},
                                  {"7711865561090647735", bigint_type},
                                  {std::nullopt, text_type},
                                  {"", text_type},
                                  {std::string{"a\0b", 3}, text_type}};
    const auto said = result_of(cells);
    const auto heard = read_answer(packet_of(42, 12s, said.get()));
    REQUIRE(heard);
    CHECK(heard->id == 42);
    CHECK(heard->age == 12s);
    const PGresult* const result = heard->result.get();
    CHECK(PQresultStatus(result) == PGRES_TUPLES_OK);
    REQUIRE(PQntuples(result) == 1);
    REQUIRE(PQnfields(result) == 5);
    for (int i = 0; i < 5; ++i) {
        CHECK(PQftype(result, i) == PQftype(said.get(), i));
        CHECK(PQgetisnull(result, 0, i) == PQgetisnull(said.get(), 0, i));
        CHECK(std::string(PQgetvalue(result, 0, i),
                          static_cast<std::size_t>(PQgetlength(result, 0, i))) ==
              cells[static_cast<std::size_t>(i)].value.value_or(""));
    }
    CHECK(PQgetisnull(result, 0, 2) == 1);
    CHECK(PQgetisnull(result, 0, 3) == 0);
}

TEST_CASE("an answer without cells says the connection's age and nothing of the server") {
    for (const std::string& packet : {packet_of(42, 12s, nullptr), answer_with({})}) {
        const auto heard = read_answer(packet);
        REQUIRE(heard);
        CHECK(heard->age == 12s);
        CHECK_FALSE(heard->result);
    }
}

TEST_CASE("a packet that is cut anywhere, or goes on, is none") {
    const std::string request = request_with_bits(1);
    for (std::size_t size = 0; size < subject_at; ++size)
        CHECK_FALSE(read_request(std::string_view{request}.substr(0, size)));
    CHECK(read_request(std::string_view{request}.substr(0, subject_at))->subject.empty());

    const std::string answer = answer_with({{"t", boolean_type}, {std::nullopt}, {"12345"}});
    for (std::size_t size = 0; size < answer.size(); ++size)
        CHECK_FALSE(read_answer(std::string_view{answer}.substr(0, size)));
    CHECK(read_answer(answer));
    CHECK_FALSE(read_answer(answer + '\0'));
    CHECK_FALSE(read_answer(answer + answer));
    CHECK_FALSE(read_answer(packet_of(1, 1s, nullptr) + "x"));
}

TEST_CASE("a packet with another sign is none") {
    const std::string request = request_with_bits(1);
    const std::string answer = answer_with({{"t", boolean_type}});
    CHECK_FALSE(read_answer(request));
    CHECK_FALSE(read_request(answer));
    for (std::size_t i = 0; i < 8; ++i) {
        CHECK_FALSE(read_request(with_number(request, i, '\x7f')));
        CHECK_FALSE(read_answer(with_number(answer, i, '\x7f')));
    }
}

TEST_CASE("a question that no check puts is no request") {
    const std::string request = request_with_bits(0);
    for (const std::uint32_t asked : {1U, 2U, 16U, 31U, 64U, 65U, 96U, 127U, 1U << 31, ~0U})
        CHECK_FALSE(read_request(with_number(request, asked_at, asked)));
    for (const std::uint32_t asked : {0U, 32U, 63U})
        CHECK(read_request(with_number(request, asked_at, asked)));
}

TEST_CASE("cells that are not what the packet has are no answer") {
    const std::string answer = answer_with({{"12345"}});
    REQUIRE(answer.size() == first_text_at + 5);
    for (const std::int32_t length : {-2, std::numeric_limits<std::int32_t>::min(), -1, 0, 4, 6,
                                      std::numeric_limits<std::int32_t>::max()})
        CHECK_FALSE(read_answer(with_number(answer, first_length_at, length)));
    for (const std::uint32_t number : {0U, 2U, 64U, 65U, 1U << 31, ~0U})
        CHECK_FALSE(read_answer(with_number(answer, number_of_cells_at, number)));
    CHECK(PQftype(read_answer(with_number(answer, first_cell_at, 16U))->result.get(), 0) == 16);
}

TEST_CASE("an answer has 64 cells at most") {
    std::vector<Cell> cells(64, Cell{"t", boolean_type});
    const auto heard = read_answer(answer_with(cells));
    REQUIRE(heard);
    CHECK(PQnfields(heard->result.get()) == 64);
    cells.push_back({std::nullopt});
    CHECK_FALSE(read_answer(answer_with(cells)));
}

TEST_CASE("no packet is longer than the bound, and none that is longer is read") {
    std::string subject(longest_packet - subject_at, 'x');
    const std::string request = packet_of(KeeperRequest{1, {}, 1s, subject});
    CHECK(request.size() == longest_packet);
    CHECK(read_request(request)->subject == subject);
    subject += 'x';
    CHECK(packet_of(KeeperRequest{1, {}, 1s, subject}).empty());
    CHECK_FALSE(read_request(request + 'x'));

    const std::string text(longest_packet - first_text_at, 'x');
    const std::string answer = answer_with({{text}});
    CHECK(answer.size() == longest_packet);
    CHECK(read_answer(answer));
    CHECK(answer_with({{text + 'x'}}).empty());
    const auto length = static_cast<std::int32_t>(text.size() + 1);
    CHECK_FALSE(read_answer(with_number(answer + 'x', first_length_at, length)));
}
