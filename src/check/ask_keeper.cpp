#include "check/ask_keeper.hpp"

#include "base/descriptor.hpp"
#include "check/connection_subject.hpp"
#include "check/keeper_words.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace checkpg {

namespace {

using namespace std::chrono_literals;
using Duration = Deadline::Clock::duration;

constexpr Duration longest_patience = 50ms;

/// Another number each time: an answer can't be one to another request.
std::uint64_t fresh_id() noexcept {
    static std::uint64_t last =
        static_cast<std::uint64_t>(Deadline::Clock::now().time_since_epoch().count()) ^
        (static_cast<std::uint64_t>(::getpid()) << 40);
    return ++last;
}

/// One request to one keeper. Whatever goes wrong is the same as no keeper.
class Request {
public:
    Request(const std::string& subject, const std::optional<Question>& question, Deadline deadline)
        : socket_{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)} {
        if (!subject.empty() && socket_.get() != -1)
            waits_ = send(subject, question, deadline);
    }

    pollfd wanted() const noexcept { return {waits_ ? socket_.get() : -1, POLLIN, 0}; }
    bool waits() const noexcept { return waits_; }

    /// Takes what has arrived: a whole packet, or the end.
    void advance() {
        std::array<char, longest_packet> packet; // left as it is: recv(2) fills it
        const auto got = ::recv(socket_.get(), packet.data(), packet.size(), MSG_TRUNC);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        waits_ = false;
        if (got <= 0 || static_cast<std::size_t>(got) > packet.size())
            return;
        answer_ = read_answer({packet.data(), static_cast<std::size_t>(got)});
        if (answer_ && answer_->id != id_)
            answer_.reset();
    }

    const std::optional<KeeperAnswer>& answer() const noexcept { return answer_; }

private:
    bool send(std::string_view subject, const std::optional<Question>& question,
              Deadline deadline) {
        const KeeperSocket keeper{subject};
        if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&keeper.address),
                      keeper.size) != 0 ||
            !is_our_user(socket_.get()))
            return false;
        const auto patience = std::chrono::duration_cast<milliseconds>(deadline.remaining());
        const std::string packet = packet_of({id_, question, patience, subject});
        return !packet.empty() && ::send(socket_.get(), packet.data(), packet.size(),
                                         MSG_NOSIGNAL) == static_cast<ssize_t>(packet.size());
    }

    Descriptor socket_;
    std::uint64_t id_ = fresh_id();
    bool waits_ = false;
    std::optional<KeeperAnswer> answer_;
};

/// Until all are through, or the patience is used up. Returns what is left of it.
Duration wait_for(std::vector<Request>& requests, Duration patience, Deadline deadline) {
    const Deadline end = earlier(deadline, Deadline::in(patience));
    std::vector<pollfd> waits;
    while (std::any_of(requests.begin(), requests.end(),
                       [](const Request& request) { return request.waits(); }) &&
           !end.passed()) {
        waits.clear();
        for (const Request& request : requests)
            waits.push_back(request.wanted());
        const timespec limit = as_timespec(end.remaining());
        if (::ppoll(waits.data(), waits.size(), &limit, nullptr) <= 0)
            continue;
        for (std::size_t i = 0; i < requests.size(); ++i)
            if (waits[i].revents != 0)
                requests[i].advance();
    }
    return end.remaining();
}

/// What the server said through a keeper. An odd answer is for a direct check to explain.
std::optional<Answer> answer_of(const KeeperAnswer& said, const Question& question,
                                const std::vector<Setting>& server,
                                Deadline::Clock::time_point asked) {
    if (!said.result)
        return std::nullopt;
    Answer answer;
    try {
        answer.outcome = read_state(question, said.result.get());
    } catch (const std::invalid_argument&) {
        return std::nullopt;
    }
    const auto address = value_of(server, "hostaddr");
    answer.contact.address = address.empty() ? value_of(server, "host") : address;
    answer.contact.port = value_of(server, "port");
    answer.contact.connected = answer.contact.authenticated = asked;
    answer.contact.answered = Deadline::Clock::now();
    return answer;
}

} // namespace

Keepers::Keepers(const Settings& settings)
    : settings_{settings}, wanted_{settings.keep != 0ms && !settings.by_hand},
      patience_{longest_patience} {}

std::string Keepers::subject(const std::vector<Setting>& server) const {
    return wanted_ ? kept_subject(settings_, server) : "";
}

std::vector<std::optional<Answer>> Keepers::ask(const std::vector<std::vector<Setting>>& servers,
                                                const std::vector<std::string>& subjects,
                                                const Question& question, Deadline deadline) {
    std::vector<std::optional<Answer>> answers(servers.size());
    if (!wanted_ || patience_ == Duration::zero())
        return answers;
    const auto asked = Deadline::Clock::now();
    std::vector<Request> requests;
    requests.reserve(servers.size());
    for (const std::string& subject : subjects)
        requests.emplace_back(subject, question, deadline);
    patience_ = wait_for(requests, patience_, deadline);
    for (std::size_t i = 0; i < servers.size(); ++i)
        if (const auto& said = requests[i].answer())
            answers[i] = answer_of(*said, question, servers[i], asked);
    return answers;
}

std::string kept_subject(const Settings& settings, const std::vector<Setting>& server) {
    return settings.keep == 0ms ? "" : connection_subject(settings, server).value_or("");
}

std::vector<std::optional<milliseconds>> kept_for(const std::vector<std::string>& subjects,
                                                  Deadline deadline) {
    std::vector<Request> requests;
    requests.reserve(subjects.size());
    for (const std::string& subject : subjects)
        requests.emplace_back(subject, std::nullopt, deadline);
    wait_for(requests, longest_patience, deadline);
    std::vector<std::optional<milliseconds>> ages;
    ages.reserve(requests.size());
    for (const Request& request : requests)
        ages.push_back(request.answer() ? std::optional{request.answer()->age} : std::nullopt);
    return ages;
}

} // namespace checkpg
