#include "plan/resolver.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>

#include <algorithm>
#include <cstring>

namespace cofferdam::plan {

namespace {

// fe80::1%eth0; an interface that is not there is any, which counts more as a database, not less.
std::optional<IpAddress> parse_zoned(std::string_view text) {
  const std::size_t percent = text.find('%');
  if (percent == std::string_view::npos) return std::nullopt;
  auto address = parse_ip(text.substr(0, percent));
  if (!address || address->family != IpAddress::Family::v6) return std::nullopt;
  address->scope = if_nametoindex(std::string(text.substr(percent + 1)).c_str());
  return address;
}

}  // namespace

std::optional<std::vector<IpAddress>> resolve_without_query(std::string_view host) {
  const std::string name = normal_name(host);
  if (const auto literal = parse_ip(name)) return std::vector{*literal};
  if (const auto zoned = parse_zoned(host)) return std::vector{*zoned};
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

std::vector<NameAnswer> resolve_all(const std::vector<std::string>& hosts, std::chrono::milliseconds timeout,
                                    const ResolverOptions& options) {
  Lookups lookups(options);
  for (const std::string& host : hosts) lookups.ask(host, timeout);
  std::vector<NameAnswer> found = lookups.take();
  while (lookups.busy()) {
    pollfd ready{lookups.poll_fd(), POLLIN, 0};
    (void)poll(&ready, 1, static_cast<int>(lookups.next_look().count()));
    lookups.work();
    std::ranges::move(lookups.take(), std::back_inserter(found));
  }
  const auto place = [&](const NameAnswer& answer) { return std::ranges::find(hosts, answer.host) - hosts.begin(); };
  std::ranges::sort(found, {}, place);
  return found;
}

Result<std::vector<IpAddress>> resolve(const std::string& host, std::chrono::milliseconds timeout,
                                       const ResolverOptions& options) {
  if (auto known = resolve_without_query(host)) return *std::move(known);
  std::vector<NameAnswer> answers = resolve_all({host}, timeout, options);
  if (!answers.front().error.empty()) return fail(answers.front().error, answers.front().errnum);
  return std::move(answers.front().addresses);
}

}  // namespace cofferdam::plan
