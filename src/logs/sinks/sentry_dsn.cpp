#include "logs/sinks/sentry_dsn.hpp"

#include <algorithm>

namespace cofferdam::logs {

namespace {

// They stand in a header, between commas.
bool is_key(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  });
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<SentryDsn> parse_sentry_dsn(std::string_view dsn) {
  const std::size_t scheme = dsn.find("://");
  if (scheme == std::string_view::npos) return fail("the DSN begins with https:// or http://");
  if (dsn.find_first_of("?#") != std::string_view::npos) return fail("a DSN has no ? and no #");
  const std::string_view rest = dsn.substr(scheme + 3);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return fail("the DSN has no key before its host: https://KEY@HOST/PROJECT");
  const std::string_view user = authority.substr(0, at);

  SentryDsn parsed;
  parsed.key = user.substr(0, user.find(':'));
  if (!is_key(parsed.key)) return fail("the DSN's key consists of letters and digits");

  auto url = parse_http_url(std::string(dsn.substr(0, scheme + 3)) + std::string(rest.substr(at + 1)));
  if (!url) return fail("the DSN: " + url.error().message);
  parsed.url = *std::move(url);
  std::string_view path = parsed.url.target;
  if (path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  const std::string project(slash == std::string_view::npos ? "" : path.substr(slash + 1));
  if (!is_number(project)) return fail("the DSN has no project number at its end: https://KEY@HOST/PROJECT");
  const std::string before(path.substr(0, slash));
  parsed.place = std::string(dsn.substr(0, scheme + 3)) + parsed.url.host_header + before + "/" + project;
  parsed.url.target = before + "/api/" + project + "/envelope/";
  return parsed;
}

}  // namespace cofferdam::logs
