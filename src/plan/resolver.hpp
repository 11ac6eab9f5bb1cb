// Host names to addresses without NSS, so that a static binary resolves in every image as it does on a host.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/result.hpp"
#include "plan/address.hpp"
#include "plan/lookups.hpp"

namespace cofferdam::plan {

// What needs no query: an IP literal (v4-mapped becomes IPv4; a zone is an interface of this machine), the forms that
// libc takes for IPv4 (127.1, 0x7f000001), and "localhost" or a name below it, which is 127.0.0.1 and ::1. None for
// every other name.
[[nodiscard]] std::optional<std::vector<IpAddress>> resolve_without_query(std::string_view host);

// The addresses of these names as Lookups finds them, all at the same time, in the order of `hosts`. Blocks for
// `timeout` at most: it is for the start of a run, before anything waits for us.
[[nodiscard]] std::vector<NameAnswer> resolve_all(const std::vector<std::string>& hosts,
                                                  std::chrono::milliseconds timeout,
                                                  const ResolverOptions& options = {});

// The same for one, without a query where that suffices. The list is never empty: no address is an error, and so is
// the end of the time.
[[nodiscard]] Result<std::vector<IpAddress>> resolve(const std::string& host, std::chrono::milliseconds timeout,
                                                     const ResolverOptions& options = {});

}  // namespace cofferdam::plan
