// The forms of a *_DSN that are no URL.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "cofferdam/result.hpp"
#include "policy/service_url.hpp"

namespace cofferdam::policy {

// Reads PDO's (mysql:host=a;port=1), Go's (user:password@tcp(host:3306)/db), libpq's (host=a port=1) form, a list
// of host:port, and a plain absolute path of a socket. Same promises as parse_service_url.
[[nodiscard]] Result<std::vector<ServiceEndpoint>> parse_connection_string(std::string_view value);

}  // namespace cofferdam::policy
