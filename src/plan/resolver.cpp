#include "plan/resolver.hpp"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/text.hpp"

namespace cofferdam::plan {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::string normal_name(std::string_view host) {
  std::string name(host);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (name.size() > 1 && name.ends_with('.')) name.pop_back();
  return name;
}

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

// Owns the library's channel; its destructor ends all queries and calls their callbacks.
class Channel {
 public:
  Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() {
    if (channel_ != nullptr) ares_destroy(channel_);
  }

  int open(const ResolverOptions& options, milliseconds timeout) {
    static const int library = ares_library_init(ARES_LIB_INIT_ALL);
    if (library != ARES_SUCCESS) return library;
    ares_options settings{};
    // The time limit of one try: three tries fit, as each takes twice the time of the one before.
    settings.timeout = static_cast<int>(std::clamp<milliseconds::rep>(timeout.count() / 7, 50, 3000));
    settings.tries = 3;
    std::array<char, 2> dns_only = {'b', '\0'};  // the hosts file has been read
    settings.lookups = dns_only.data();
    const int status = ares_init_options(&channel_, &settings, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS);
    if (status != ARES_SUCCESS || options.servers.empty()) return status;
    return ares_set_servers_ports_csv(channel_, options.servers.c_str());
  }

  // Waits for the next answer, at most until `deadline`, and lets the library work.
  void step(Clock::time_point deadline) {
    std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
    const int wanted = ares_getsock(channel_, sockets.data(), ARES_GETSOCK_MAXNUM);
    std::array<pollfd, ARES_GETSOCK_MAXNUM> polled{};
    nfds_t count = 0;
    for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
      // ARES_GETSOCK_READABLE and _WRITABLE, which shift signed integers.
      const bool readable = (static_cast<unsigned>(wanted) >> i & 1U) != 0;
      const bool writable = (static_cast<unsigned>(wanted) >> (i + ARES_GETSOCK_MAXNUM) & 1U) != 0;
      if (!readable && !writable) continue;
      const int events = (readable ? POLLIN : 0) | (writable ? POLLOUT : 0);
      polled.at(count++) = {.fd = sockets.at(i), .events = static_cast<short>(events), .revents = 0};
    }
    timeval limit{};
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    limit.tv_sec = std::max<milliseconds::rep>(left.count(), 0) / 1000;
    limit.tv_usec = std::max<milliseconds::rep>(left.count(), 0) % 1000 * 1000;
    timeval next{};
    const timeval* wait = ares_timeout(channel_, &limit, &next);
    const auto wait_ms = wait->tv_sec * 1000 + (wait->tv_usec + 999) / 1000;
    const int ready = poll(polled.data(), count, static_cast<int>(wait_ms));
    if (ready <= 0) {
      ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      return;
    }
    for (nfds_t i = 0; i < count; ++i) {
      const pollfd& one = polled.at(i);
      const bool failed = (one.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
      const bool read = (one.revents & POLLIN) != 0 || failed;
      const bool write = (one.revents & POLLOUT) != 0;
      if (read || write) {
        ares_process_fd(channel_, read ? one.fd : ARES_SOCKET_BAD, write ? one.fd : ARES_SOCKET_BAD);
      }
    }
  }

  [[nodiscard]] ares_channel get() const { return channel_; }

 private:
  ares_channel channel_ = nullptr;
};

struct Answer {
  bool done = false;
  int status = ARES_SUCCESS;
  std::vector<IpAddress> addresses;
};

std::optional<IpAddress> address_of(const ares_addrinfo_node& node) {
  const std::span bytes(reinterpret_cast<const std::byte*>(node.ai_addr), node.ai_addrlen);
  const auto endpoint = parse_sockaddr(bytes);
  if (!endpoint || !std::holds_alternative<InetEndpoint>(*endpoint)) return std::nullopt;
  return std::get<InetEndpoint>(*endpoint).address;
}

extern "C" void on_answer(void* argument, int status, int /*timeouts*/, ares_addrinfo* result) {
  auto* answer = static_cast<Answer*>(argument);
  answer->done = true;
  answer->status = status;
  if (result == nullptr) return;
  for (const ares_addrinfo_node* node = result->nodes; node != nullptr; node = node->ai_next) {
    if (const auto address = address_of(*node)) add_once(answer->addresses, *address);
  }
  ares_freeaddrinfo(result);
}

Result<std::vector<IpAddress>> ask_dns(const std::string& name, milliseconds timeout, const ResolverOptions& options) {
  const auto deadline = Clock::now() + timeout;
  const auto cannot = [&](const std::string& why, int errnum = 0) {
    return fail("can't resolve '" + base::printable(name) + "': " + why, errnum);
  };
  Answer answer;  // outlives the channel, whose destructor may write to it
  Channel channel;
  if (const int status = channel.open(options, timeout); status != ARES_SUCCESS) return cannot(ares_strerror(status));
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = ARES_AI_NOSORT;
  ares_getaddrinfo(channel.get(), name.c_str(), nullptr, &hints, on_answer, &answer);
  while (!answer.done && Clock::now() < deadline) channel.step(deadline);
  if (!answer.done) {
    return cannot("no answer within " + std::to_string(timeout.count()) + " ms", ETIMEDOUT);
  }
  if (answer.status == ARES_ETIMEOUT) return cannot("no name server answered in time", ETIMEDOUT);
  if (answer.status != ARES_SUCCESS) return cannot(ares_strerror(answer.status));
  if (answer.addresses.empty()) return cannot("the name has no address");
  return answer.addresses;
}

}  // namespace

std::optional<std::vector<IpAddress>> resolve_without_query(std::string_view host) {
  const std::string name = normal_name(host);
  if (const auto literal = parse_ip(name)) return std::vector{*literal};
  if (name == "localhost" || name.ends_with(".localhost")) {  // RFC 6761
    return reachable_forms(IpAddress{});                      // of the unspecified address: 127.0.0.1 and ::1
  }
  // inet_aton takes trailing garbage after a blank, and libc's own resolvers use it.
  in_addr number{};
  if (name.find_first_not_of("0123456789abcdefx.") == std::string::npos && inet_aton(name.c_str(), &number) != 0) {
    IpAddress address;
    std::memcpy(address.bytes.data(), &number, sizeof number);
    return std::vector{address};
  }
  return std::nullopt;
}

Result<std::vector<IpAddress>> resolve(const std::string& host, milliseconds timeout, const ResolverOptions& options) {
  if (auto known = resolve_without_query(host)) return *std::move(known);
  const std::string name = normal_name(host);
  const bool legal = !name.empty() && name.size() <= 253 && std::ranges::none_of(name, [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f;
  });
  if (!legal) return fail("can't resolve '" + base::printable(host) + "': it is no host name");
  auto listed = find_in_hosts_file(options.hosts_file, name);
  if (!listed.empty()) return listed;
  return ask_dns(name, timeout, options);
}

}  // namespace cofferdam::plan
