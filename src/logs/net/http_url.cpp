// http:// and https:// URLs.
#include <algorithm>
#include <charconv>
#include <optional>

#include "logs/escape.hpp"
#include "logs/net/http_client.hpp"

namespace cofferdam::logs {

namespace {

std::optional<int> hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return std::nullopt;
}

// %41 becomes A; none when a percent sign is followed by something else.
std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    decoded += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return decoded;
}

std::string basic_authorization(std::string_view credentials) {
  std::string encoded(base64_size(credentials.size()), '\0');
  encode_base64(credentials, encoded.data());
  return "Basic " + encoded;
}

// Cuts "scheme://" off `rest`; the scheme says the transport.
std::optional<Endpoint::Transport> take_scheme(std::string_view& rest) {
  const std::size_t end = rest.find("://");
  if (end == std::string_view::npos) return std::nullopt;
  std::string scheme(rest.substr(0, end));
  std::ranges::transform(scheme, scheme.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c; });
  rest.remove_prefix(end + 3);
  if (scheme == "http") return Endpoint::Transport::tcp;
  if (scheme == "https") return Endpoint::Transport::tls;
  return std::nullopt;
}

// "host", "host:port", "[::1]:port".
Result<void> read_authority(std::string_view authority, Endpoint& endpoint) {
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return fail("the address lacks its closing bracket");
    endpoint.host = authority.substr(1, end - 1);
    const std::string_view after = authority.substr(end + 1);
    if (!after.empty() && after.front() != ':') return fail("after ] comes :port, or nothing");
    if (!after.empty()) port = after.substr(1);
    if (!endpoint.host.contains(':')) return fail("only an IPv6 address stands in brackets");
  } else {
    const std::size_t colon = authority.find(':');
    endpoint.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon + 1);
    if (port.contains(':')) return fail("an IPv6 address stands in brackets");
  }
  if (endpoint.host.empty()) return fail("the host is missing");
  endpoint.port = endpoint.transport == Endpoint::Transport::tls ? 443 : 80;
  if (port.empty()) return {};
  const auto read = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (read.ec != std::errc() || read.ptr != port.data() + port.size() || endpoint.port == 0) {
    return fail("the port is a number from 1 to 65535");
  }
  return {};
}

}  // namespace

// Messages never repeat the URL: it may hold a password.
Result<HttpUrl> parse_http_url(std::string_view url) {
  const auto is_unprintable = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; };
  if (std::ranges::any_of(url, is_unprintable)) return fail("a URL has no blanks and no control characters");

  HttpUrl parsed;
  const auto transport = take_scheme(url);
  if (!transport) return fail("the URL begins with http:// or https://");
  parsed.endpoint.transport = *transport;

  url = url.substr(0, url.find('#'));
  const std::size_t path = std::min(url.find_first_of("/?"), url.size());
  std::string_view authority = url.substr(0, path);
  parsed.target = url.substr(path);
  if (!parsed.target.starts_with('/')) parsed.target.insert(0, 1, '/');

  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const auto credentials = percent_decode(authority.substr(0, at));
    if (!credentials) return fail("in the URL's user and password, % is written %25");
    if (!credentials->empty()) parsed.authorization = basic_authorization(*credentials);
    authority.remove_prefix(at + 1);
  }
  if (auto read = read_authority(authority, parsed.endpoint); !read) return std::unexpected(read.error());
  parsed.host_header = authority;
  return parsed;
}

}  // namespace cofferdam::logs
