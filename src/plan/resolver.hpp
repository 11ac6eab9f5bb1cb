// Host names to addresses without NSS, so that a static binary resolves in every image as it does on a host.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/result.hpp"
#include "plan/address.hpp"

namespace cofferdam::plan {

// Where names are looked up; the defaults are the system's, other values are for tests.
struct ResolverOptions {
  std::string hosts_file = "/etc/hosts";
  std::string servers;  // "address:port,..." instead of the name servers of /etc/resolv.conf
};

// What needs no query: an IP literal (v4-mapped becomes IPv4), the forms that libc takes for IPv4 (127.1,
// 0x7f000001), and "localhost" or a name below it, which is 127.0.0.1 and ::1. None for every other name.
[[nodiscard]] std::optional<std::vector<IpAddress>> resolve_without_query(std::string_view host);

// The addresses of `host`: without a query where that suffices, else from the hosts file, else from DNS by
// c-ares with the search domains and options of /etc/resolv.conf, IPv4 and IPv6. Blocks for `timeout` at most;
// files are read only for a name that needs them. The list is never empty: no address is an error, and so is the
// end of the time. Not asked: mDNS, NIS, LDAP and other NSS modules.
[[nodiscard]] Result<std::vector<IpAddress>> resolve(const std::string& host, std::chrono::milliseconds timeout,
                                                     const ResolverOptions& options = {});

}  // namespace cofferdam::plan
