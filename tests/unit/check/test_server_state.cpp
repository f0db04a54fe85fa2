#include "check/server_state.hpp"

#include <catch2/catch_test_macros.hpp>
#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr Oid boolean_type = 16;
constexpr Oid bigint_type = 20;
constexpr Oid integer_type = 23;
constexpr Oid text_type = 25;
constexpr Oid lsn_type = 3220;

struct Cell {
    const char* value; ///< null for NULL
    Oid type = boolean_type;
};

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

Result result_of(const std::vector<std::vector<Cell>>& rows) {
    const int columns = rows.empty() ? 1 : static_cast<int>(rows[0].size());
    Result result{PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK), &PQclear};
    std::string name = "column";
    std::vector<PGresAttDesc> attributes;
    for (int column = 0; column < columns; ++column)
        attributes.push_back(
            {name.data(), 0, 0, 0,
             rows.empty() ? boolean_type : rows[0][static_cast<std::size_t>(column)].type, 1, -1});
    REQUIRE(PQsetResultAttrs(result.get(), columns, attributes.data()) == 1);
    for (int row = 0; row < static_cast<int>(rows.size()); ++row)
        for (int column = 0; column < columns; ++column) {
            std::string value;
            const char* const text =
                rows[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)].value;
            value = text == nullptr ? "" : text;
            REQUIRE(PQsetvalue(result.get(), row, column, text == nullptr ? nullptr : value.data(),
                               text == nullptr ? -1 : static_cast<int>(value.size())) == 1);
        }
    return result;
}

checkpg::ServerState read_state(const PGresult* result) { return checkpg::read_state({}, result); }

checkpg::ServerState answer(const checkpg::Question& question, const std::vector<Cell>& row) {
    return checkpg::read_state(question, result_of({row}).get());
}

} // namespace

TEST_CASE("one boolean is an answer") {
    CHECK(read_state(result_of({{{"t"}}}).get()).in_recovery);
    CHECK_FALSE(read_state(result_of({{{"f"}}}).get()).in_recovery);
}

TEST_CASE("anything but one boolean is none") {
    CHECK_THROWS_AS(read_state(result_of({}).get()), std::invalid_argument);
    CHECK_THROWS_AS(read_state(result_of({{{"f"}}, {{"f"}}}).get()), std::invalid_argument);
    CHECK_THROWS_AS(read_state(result_of({{{"f"}, {"f"}}}).get()), std::invalid_argument);
    CHECK_THROWS_AS(read_state(result_of({{{nullptr}}}).get()), std::invalid_argument);
    CHECK_THROWS_AS(read_state(result_of({{{""}}}).get()), std::invalid_argument);
    CHECK_THROWS_AS(read_state(result_of({{{"false"}}}).get()), std::invalid_argument);
    CHECK_THROWS_AS(read_state(result_of({{{"f", text_type}}}).get()), std::invalid_argument);
}

TEST_CASE("only what is asked for stands in the query, and everything in it is qualified") {
    checkpg::Question question;
    CHECK(checkpg::state_query(question) == "SELECT pg_catalog.pg_is_in_recovery()");
    question.writable = true;
    CHECK(checkpg::state_query(question) == "SELECT pg_catalog.pg_is_in_recovery(), "
                                            "pg_catalog.current_setting('transaction_read_only')");
    question = {true, true, true, true, true, true};
    const std::string query = checkpg::state_query(question);
    for (auto at = query.find("pg_"); at != std::string::npos; at = query.find("pg_", at + 1)) {
        const bool schema = query.compare(at, 11, "pg_catalog.") == 0;
        CHECK((schema || query.compare(at - 11, 11, "pg_catalog.") == 0));
    }
}

TEST_CASE("a primary's identity is its cluster, its start and its timeline") {
    checkpg::Question question;
    question.identity = true;
    const auto state = answer(question, {{"f"},
                                         {"7711865561090647735", bigint_type},
                                         {"2461004 84012 000123", text_type},
                                         {"0000000A0000000100000003", text_type}});
    REQUIRE(state.identity);
    CHECK(state.identity->system_identifier == "7711865561090647735");
    CHECK(state.identity->started == (2'461'004LL * 86'400 + 84'012) * 1'000'000 + 123);
    CHECK(state.identity->timeline == 10);
    const auto standby = answer(question, {{"t"},
                                           {"7711865561090647735", bigint_type},
                                           {"2461004 84012 000123", text_type},
                                           {nullptr, text_type}});
    CHECK(standby.identity->timeline == 0);
}

TEST_CASE("an identity that makes no sense is no answer") {
    checkpg::Question question;
    question.identity = true;
    const Cell id{"7", bigint_type};
    const Cell start{"2461004 0 000000", text_type};
    for (const char* file : {"", "00000000", "000000000000000100000003", "xxxxxxxx0000000100000003",
                             static_cast<const char*>(nullptr)})
        CHECK_THROWS_AS(answer(question, {{"f"}, id, start, {file, text_type}}),
                        std::invalid_argument);
    const Cell file{"000000010000000100000003", text_type};
    for (const char* text : {"", "seven", "7x", "99999999999999999999"})
        CHECK_THROWS_AS(answer(question, {{"f"}, {text, bigint_type}, start, file}),
                        std::invalid_argument);
    for (const char* text : {"", " ", "1", "1 2", "1 2 3 4", "a 1 2", "1 2 -3", "1.5 2 3",
                             "100000001 0 0", "4294967295 0 0"})
        CHECK_THROWS_AS(answer(question, {{"f"}, id, {text, text_type}, file}),
                        std::invalid_argument);
}

TEST_CASE("writable is what transaction_read_only says") {
    checkpg::Question question;
    question.writable = true;
    CHECK(answer(question, {{"f"}, {"on", text_type}}).read_only == true);
    CHECK(answer(question, {{"f"}, {"off", text_type}}).read_only == false);
    CHECK_THROWS_AS(answer(question, {{"f"}, {"maybe", text_type}}), std::invalid_argument);
}

TEST_CASE("replay is two positions, whether it is paused, and an age") {
    checkpg::Question question;
    question.replay = true;
    const auto replay = [&](const char* received, const char* replayed, const char* now,
                            const char* last, const char* paused = "f") {
        return *answer(question, {{"t"},
                                  {received, lsn_type},
                                  {replayed, lsn_type},
                                  {paused},
                                  {now, text_type},
                                  {last, text_type}})
                    .replay;
    };
    const auto behind =
        replay("1/10", "0/FFFFFFF0", "2461005 00010 500000", "2461004 86350 250000", "t");
    CHECK(behind.lag() == 0x20U);
    CHECK(behind.paused);
    CHECK(behind.age == std::chrono::milliseconds{60'250});
    const char* const now = "2461005 1 0";
    CHECK(replay("0/2", "0/2", now, now).lag() == 0U);
    CHECK_FALSE(replay("0/2", "0/2", now, now).paused);
    CHECK_FALSE(replay(nullptr, "0/1", now, now).lag());
    CHECK_FALSE(replay("0/1", nullptr, now, now).lag());
    CHECK_FALSE(replay("0/1", "0/2", now, now).lag());                 // from an archive
    CHECK(replay("0/1", "0/2", now, "2461005 2 0").age->count() == 0); // clocks differ
    CHECK_FALSE(replay("0/1", "0/1", now, nullptr).age); // nothing replayed since its start
    CHECK_THROWS_AS(replay("0/1", "0/1", now, "yesterday"), std::invalid_argument);
    CHECK_THROWS_AS(replay("0/1", "0/1", nullptr, now), std::invalid_argument);
    for (const char* text : {"", "0", "0/", "/1", "0/G", "1FFFFFFFF/0", "0/1/2"})
        CHECK_THROWS_AS(replay(text, "0/1", now, now), std::invalid_argument);
    CHECK_THROWS_AS(replay("0/1", "0/1", now, now, nullptr), std::invalid_argument);
}

TEST_CASE("replay that waits for WAL is seen by those who may") {
    checkpg::Question question;
    question.replay = question.waits = true;
    const auto waits = [&](const char* event) {
        const Cell lsn{"0/1", lsn_type};
        const Cell now{"2461005 1 0", text_type};
        return answer(question, {{"t"}, lsn, lsn, {"f"}, now, now, {event, text_type}})
            .replay->waits_for_wal;
    };
    CHECK(waits("RecoveryWalStream"));
    for (const char* event : {"RecoveryPause", "RecoveryApplyDelay", "RecoveryConflictSnapshot", "",
                              static_cast<const char*>(nullptr)})
        CHECK_FALSE(waits(event));
}

TEST_CASE("a WAL receiver is there, streams, or is hidden") {
    using checkpg::Receiver;
    checkpg::Question question;
    question.receiver = true;
    const auto receiver = [&](const char* pid, const char* status) {
        return *answer(question, {{"t"}, {pid, integer_type}, {status, text_type}}).receiver;
    };
    CHECK(answer(question, {{"t"}, {"42", integer_type}, {"streaming", text_type}}).receiver_pid ==
          42);
    CHECK_THROWS_AS(receiver("x", "streaming"), std::invalid_argument);
    CHECK(receiver(nullptr, nullptr) == Receiver::none);
    CHECK(receiver("42", nullptr) == Receiver::hidden);
    CHECK(receiver("42", "streaming") == Receiver::streaming);
    CHECK(receiver("42", "waiting") == Receiver::not_streaming);
}

TEST_CASE("vitals are seen whole by those who may see statistics") {
    checkpg::Question question;
    question.vitals = true;
    const auto vitals = [&](const char* written, const char* received, const char* most,
                            const char* connections, const char* timeline = "3") {
        return *answer(question, {{"t"},
                                  {"2461005 60 500000", text_type},
                                  {"2461005 0 250000", text_type},
                                  {written, lsn_type},
                                  {timeline, integer_type},
                                  {received, integer_type},
                                  {most, text_type},
                                  {connections, bigint_type}})
                    .vitals;
    };
    const auto all = vitals("1/10", "4", "100", "12");
    CHECK(all.uptime == std::chrono::milliseconds{60'250});
    CHECK(all.written == 0x1'0000'0010U);
    CHECK(all.recorded_timeline == 3);
    CHECK(all.received_timeline == 4U);
    CHECK(all.most_connections == 100);
    CHECK(all.connections == 12U);
    const auto less = vitals(nullptr, nullptr, "100", nullptr);
    CHECK_FALSE(less.written);
    CHECK_FALSE(less.received_timeline);
    CHECK_FALSE(less.connections);
    CHECK_THROWS_AS(vitals("0/1", "x", "100", "12"), std::invalid_argument);
    CHECK_THROWS_AS(vitals("0/1", "4", "many", "12"), std::invalid_argument);
    CHECK_THROWS_AS(vitals("0/1", "4", nullptr, "12"), std::invalid_argument);
    CHECK_THROWS_AS(vitals("0/1", "4", "100", "-1"), std::invalid_argument);
    CHECK_THROWS_AS(vitals("0/1", "4", "100", "12", nullptr), std::invalid_argument);
}

TEST_CASE("missing privileges are named as the GRANTs that give them") {
    checkpg::Question question;
    question.identity = true;
    CHECK(checkpg::grants_for(question, "checkpg").find("pg_control_system()") !=
          std::string::npos);
    question = {};
    question.receiver = true;
    CHECK(checkpg::grants_for(question, "checkpg") ==
          "GRANT EXECUTE ON FUNCTION pg_is_in_recovery() TO checkpg; GRANT SELECT ON "
          "pg_stat_wal_receiver TO checkpg");
}
