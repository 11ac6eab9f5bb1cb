// Where the events of a Sentry project go (develop.sentry.dev/sdk/overview, "Parsing the DSN").
#pragma once

#include <string>
#include <string_view>

#include "cofferdam/result.hpp"
#include "logs/net/http_client.hpp"

namespace cofferdam::logs {

struct SentryDsn {
  HttpUrl url;        // target: [/PATH]/api/PROJECT/envelope/; no authorization
  std::string key;    // the public key
  std::string place;  // "https://sentry.example/42": for people, without the key
};

// {http,https}://KEY[:SECRET]@HOST[:PORT][/PATH]/PROJECT. The secret of old DSNs is not used. Errors say which part is
// wrong, and show nothing of the DSN.
[[nodiscard]] Result<SentryDsn> parse_sentry_dsn(std::string_view dsn);

}  // namespace cofferdam::logs
