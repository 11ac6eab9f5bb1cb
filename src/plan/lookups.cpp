#include "plan/lookups.hpp"

#include <ares.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <list>
#include <optional>
#include <span>
#include <sstream>

#include "base/text.hpp"

namespace cofferdam::plan {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

void add_once(std::vector<IpAddress>& list, const IpAddress& address) {
  if (std::ranges::find(list, address) == list.end()) list.push_back(address);
}

// "address name alias ... # comment" a line; hosts(5).
std::vector<IpAddress> find_in_hosts_file(const std::string& file, const std::string& name) {
  std::vector<IpAddress> found;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line.substr(0, line.find('#')));
    std::string address;
    fields >> address;
    const auto ip = parse_ip(address);
    if (!ip) continue;
    for (std::string alias; fields >> alias;) {
      if (normal_name(alias) == name) add_once(found, *ip);
    }
  }
  return found;
}

bool is_legal(const std::string& name) {
  return !name.empty() && name.size() <= 253 && std::ranges::none_of(name, [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f;
  });
}

std::string cannot(const std::string& host, const std::string& why) {
  return "can't resolve '" + base::printable(host) + "': " + why;
}

NameAnswer failed(const std::string& host, const std::string& why) {
  NameAnswer answer;
  answer.host = host;
  answer.error = cannot(host, why);
  return answer;
}

std::optional<IpAddress> address_of(const ares_addrinfo_node& node) {
  const std::span bytes(reinterpret_cast<const std::byte*>(node.ai_addr), node.ai_addrlen);
  const auto endpoint = parse_sockaddr(bytes);
  if (!endpoint || !std::holds_alternative<InetEndpoint>(*endpoint)) return std::nullopt;
  return std::get<InetEndpoint>(*endpoint).address;
}

struct Question {
  NameAnswer answer;
  Clock::time_point deadline;
  milliseconds timeout{0};
  bool done = false;
};

extern "C" void on_answer(void* argument, int status, int /*timeouts*/, ares_addrinfo* result) {
  auto& question = *static_cast<Question*>(argument);
  NameAnswer& answer = question.answer;
  if (question.done) {  // its time is up; the caller has been told
    if (result != nullptr) ares_freeaddrinfo(result);
    return;
  }
  question.done = true;
  if (result != nullptr) {
    int ttl = INT32_MAX;
    for (const ares_addrinfo_node* node = result->nodes; node != nullptr; node = node->ai_next) {
      if (const auto address = address_of(*node)) add_once(answer.addresses, *address);
      ttl = std::min(ttl, std::max(node->ai_ttl, 0));
    }
    for (const ares_addrinfo_cname* alias = result->cnames; alias != nullptr; alias = alias->next) {
      ttl = std::min(ttl, std::max(alias->ttl, 0));
    }
    answer.ttl = std::chrono::seconds(ttl);
    ares_freeaddrinfo(result);
  }
  if (status == ARES_ETIMEOUT) {
    answer.error = cannot(answer.host, "no name server answered in time");
    answer.errnum = ETIMEDOUT;
  } else if (status != ARES_SUCCESS) {
    answer.error = cannot(answer.host, ares_strerror(status));
  } else if (answer.addresses.empty()) {
    answer.error = cannot(answer.host, "the name has no address");
  }
}

extern "C" void on_socket_state(void* epoll, ares_socket_t socket, int readable, int writable) {
  const int fd = *static_cast<const int*>(epoll);
  epoll_event event{};
  event.events = (readable != 0 ? EPOLLIN : 0U) | (writable != 0 ? EPOLLOUT : 0U);
  event.data.fd = socket;
  if (event.events == 0) {
    (void)epoll_ctl(fd, EPOLL_CTL_DEL, socket, nullptr);
  } else if (epoll_ctl(fd, EPOLL_CTL_ADD, socket, &event) != 0 && errno == EEXIST) {
    (void)epoll_ctl(fd, EPOLL_CTL_MOD, socket, &event);
  }
}

}  // namespace

// The library's channel and what it was asked. Its destructor ends all queries and calls their callbacks.
class Lookups::Round {
 public:
  Round() = default;
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;
  ~Round() {
    for (Question& question : questions_) question.done = true;
    if (channel_ != nullptr) ares_destroy(channel_);
  }

  int open(const ResolverOptions& options, milliseconds timeout, int* epoll) {
    static const int library = ares_library_init(ARES_LIB_INIT_ALL);
    if (library != ARES_SUCCESS) return library;
    ares_options settings{};
    // The time limit of one try: three tries fit, as each takes twice the time of the one before.
    settings.timeout = static_cast<int>(std::clamp<milliseconds::rep>(timeout.count() / 7, 50, 3000));
    settings.tries = 3;
    std::array<char, 2> dns_only = {'b', '\0'};  // the hosts file has been read
    settings.lookups = dns_only.data();
    settings.sock_state_cb = on_socket_state;
    settings.sock_state_cb_data = epoll;
    int which = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
    std::string resolv_conf = options.resolv_conf;
    if (!resolv_conf.empty()) {
      settings.resolvconf_path = resolv_conf.data();
      which |= ARES_OPT_RESOLVCONF;
    }
    const int status = ares_init_options(&channel_, &settings, which);
    if (status != ARES_SUCCESS || options.servers.empty()) return status;
    return ares_set_servers_ports_csv(channel_, options.servers.c_str());
  }

  void ask(const std::string& host, milliseconds timeout) {
    Question& question = questions_.emplace_back();
    question.answer.host = host;
    question.timeout = timeout;
    question.deadline = Clock::now() + timeout;
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = ARES_AI_NOSORT;
    ares_getaddrinfo(channel_, normal_name(host).c_str(), nullptr, &hints, on_answer, &question);
  }

  void work(int epoll) {
    std::array<epoll_event, 16> events{};
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events.at(static_cast<std::size_t>(i));
      const bool readable = (event.events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0;
      const bool writable = (event.events & EPOLLOUT) != 0;
      ares_process_fd(channel_, readable ? event.data.fd : ARES_SOCKET_BAD, writable ? event.data.fd : ARES_SOCKET_BAD);
    }
    if (count <= 0) ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    for (Question& question : questions_) {
      if (question.done || Clock::now() < question.deadline) continue;
      question.done = true;
      question.answer.errnum = ETIMEDOUT;
      question.answer.error =
          cannot(question.answer.host, "no answer within " + std::to_string(question.timeout.count()) + " ms");
    }
  }

  // Moves what is done to `answers`. A question stays while the library may still write to it.
  void harvest(std::vector<NameAnswer>& answers) {
    for (Question& question : questions_) {
      if (question.done && !question.answer.host.empty()) answers.push_back(std::exchange(question.answer, {}));
    }
  }

  [[nodiscard]] bool finished() const { return std::ranges::all_of(questions_, &Question::done); }
  [[nodiscard]] bool is_asking(const std::string& host) const {
    return std::ranges::any_of(questions_, [&](const Question& one) { return !one.done && one.answer.host == host; });
  }

  [[nodiscard]] milliseconds next_look() const {
    milliseconds wait(1000);
    for (const Question& question : questions_) {
      if (question.done) continue;
      wait = std::min(wait, std::chrono::ceil<milliseconds>(question.deadline - Clock::now()));
    }
    timeval next{};
    if (const timeval* due = ares_timeout(channel_, nullptr, &next); due != nullptr) {
      wait = std::min(wait, milliseconds(due->tv_sec * 1000 + (due->tv_usec + 999) / 1000));
    }
    return std::max(wait, milliseconds(0));
  }

 private:
  std::list<Question> questions_;
  ares_channel channel_ = nullptr;
};

Lookups::Lookups(ResolverOptions options) : options_(std::move(options)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

Lookups::~Lookups() {
  round_.reset();
  if (epoll_ >= 0) close(epoll_);
}

void Lookups::ask(const std::string& host, milliseconds timeout) {
  if (is_asking(host)) return;
  const std::string name = normal_name(host);
  if (!is_legal(name)) {
    return answers_.push_back(failed(host, "it is no host name"));
  }
  if (auto listed = find_in_hosts_file(options_.hosts_file, name); !listed.empty()) {
    return answers_.push_back({.host = host, .addresses = std::move(listed), .ttl = {}, .error = {}});
  }
  if (!round_) {
    auto round = std::make_unique<Round>();
    if (const int status = round->open(options_, timeout, &epoll_); status != ARES_SUCCESS) {
      return answers_.push_back(failed(host, ares_strerror(status)));
    }
    round_ = std::move(round);
  }
  round_->ask(host, timeout);
}

bool Lookups::is_asking(const std::string& host) const {
  return (round_ && round_->is_asking(host)) || std::ranges::find(answers_, host, &NameAnswer::host) != answers_.end();
}

bool Lookups::busy() const {
  return round_ != nullptr || !answers_.empty();
}

int Lookups::poll_fd() const {
  return epoll_;
}

void Lookups::work() {
  if (!round_) return;
  round_->work(epoll_);
  round_->harvest(answers_);
  if (round_->finished()) round_.reset();
}

milliseconds Lookups::next_look() const {
  if (!answers_.empty()) return milliseconds(0);
  return round_ ? round_->next_look() : milliseconds(-1);
}

std::vector<NameAnswer> Lookups::take() {
  return std::exchange(answers_, {});
}

std::string normal_name(std::string_view host) {
  std::string name(host);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (name.size() > 1 && name.ends_with('.')) name.pop_back();
  return name;
}

}  // namespace cofferdam::plan
