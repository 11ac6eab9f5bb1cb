// What a row of `database.allow` or `network.allow` names.
#pragma once

#include <string_view>

#include "cofferdam/policy.hpp"
#include "policy/values.hpp"

namespace cofferdam::policy {

// Reads one of
//   host:port       a DNS name, an IPv4 address, or an IPv6 address in brackets
//   CIDR:port       10.0.0.0/8:5432 or [fd00::]/8:5432, the address without host bits
//   unix:/path      a path or path glob, kept as written here; the loader resolves it
//   unix:@name      an abstract socket
//   env:NAME        a variable that holds a URL or a DSN
// Names become lower case and addresses their canonical form, so that they compare as text. Refused: names
// outside ASCII, a trailing dot, wildcards, addresses with zone or in short, octal or hexadecimal form.
[[nodiscard]] Value<Destination> parse_destination(std::string_view text);

// Reads host, host:port, CIDR, CIDR:port, each as above; without a port it is 0, which means any. No unix: and env:.
[[nodiscard]] Value<Destination> parse_egress(std::string_view text);

}  // namespace cofferdam::policy
