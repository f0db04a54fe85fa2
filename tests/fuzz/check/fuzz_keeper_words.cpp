#include "check/keeper_words.hpp"
#include "expect.hpp"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

/// Any packet, made longer than the bound.
std::string lengthened(std::string_view packet) {
    return std::string{packet} + std::string(checkpg::longest_packet, 'x');
}

/// The keeper's end. What is accepted is what a check would have sent.
void hear_check(std::string_view packet) {
    const auto request = checkpg::read_request(packet);
    if (!request)
        return;
    EXPECT(request->patience >= checkpg::milliseconds::zero());
    EXPECT(request->subject.size() < packet.size());
    EXPECT(checkpg::packet_of(*request) == packet);

    const std::string longer = lengthened(packet);
    EXPECT(!checkpg::read_request(longer));
    auto too_much = *request;
    too_much.subject = longer;
    EXPECT(checkpg::packet_of(too_much).empty());
}

/// The check's end. What is accepted is what a keeper would have sent, and may be read as the
/// server's answer to any question.
void hear_keeper(std::string_view packet) {
    const auto answer = checkpg::read_answer(packet);
    if (!answer)
        return;
    EXPECT(answer->age >= checkpg::milliseconds::zero());
    EXPECT(checkpg::packet_of(answer->id, answer->age, answer->result.get()) == packet);
    EXPECT(!checkpg::read_answer(lengthened(packet)));
    const auto bits = answer->id;
    const checkpg::Question question{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0,
                                     (bits & 8) != 0, (bits & 16) != 0};
    if (answer->result) {
        try {
            static_cast<void>(checkpg::read_state(question, answer->result.get()));
        } catch (const std::invalid_argument&) {
            // how all that is no such answer should end
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view packet{reinterpret_cast<const char*>(data), size};
    hear_check(packet);
    hear_keeper(packet);
    return 0;
}
