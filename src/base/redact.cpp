#include "base/redact.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace cofferdam::base {

namespace {

constexpr std::string_view kMask = "***";
constexpr auto npos = std::string_view::npos;

constexpr std::array<std::string_view, 17> kSecretKeys = {
    "password",    "passwd",     "passphrase", "pwd",         "secret",      "token",
    "api_key",     "apikey",     "access_key", "accesskey",   "secret_key",  "private_key",
    "credentials", "credential", "auth_token", "requirepass", "dsn_password"};
constexpr std::array<std::string_view, 3> kHeaders = {"authorization:", "cookie:", "x-api-key:"};

// The flags of programs whose value is a secret. `joined`: the value follows in the same argument (mysql -pSECRET).
// `user`: the value is USER:SECRET.
struct SecretFlag {
  std::string_view program;  // basename; a trailing * matches any rest
  std::string_view flag;
  bool joined;
  bool user;
};
constexpr std::array<SecretFlag, 12> kSecretFlags = {{{"mysql*", "-p", true, false},
                                                      {"mariadb*", "-p", true, false},
                                                      {"mycli", "-p", true, false},
                                                      {"redis-cli", "-a", false, false},
                                                      {"valkey-cli", "-a", false, false},
                                                      {"mongo*", "-p", false, false},
                                                      {"sqlcmd", "-P", false, false},
                                                      {"sshpass", "-p", true, false},
                                                      {"sshpass", "-p", false, false},
                                                      {"clickhouse*", "--password", false, false},
                                                      {"curl", "-u", false, true},
                                                      {"curl", "--user", false, true}}};
// `--password` has no value here, it makes the program ask.
constexpr std::array<std::string_view, 6> kAskingPrograms = {"psql",   "pg_*",   "createdb",
                                                             "dropdb", "mysql*", "mariadb*"};

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr bool is_key_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}
constexpr bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string key_words(std::string_view key) {
  const bool flag = key.starts_with('-');
  while (key.starts_with('-')) key.remove_prefix(1);
  std::string words;
  for (const char c : key) words += c == '-' || c == '.' ? '_' : lower(c);
  // PWD is the working directory; --pwd is not.
  if (words == "pwd" && !flag) words.clear();
  return words;
}

bool is_secret_key(std::string_view key) {
  const std::string words = key_words(key);
  if (words.starts_with("no_")) return false;
  return std::any_of(kSecretKeys.begin(), kSecretKeys.end(),
                     [&](std::string_view secret) { return words.ends_with(secret); });
}

bool matches_program(std::string_view pattern, std::string_view program) {
  if (pattern.ends_with('*')) return program.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == program;
}

// The end of the value that starts at `at`: a closing quote, or the first byte that separates values.
std::size_t value_end(std::string_view text, std::size_t at) {
  if (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
    const std::size_t close = text.find(text[at], at + 1);
    return close == npos ? text.size() : close + 1;
  }
  while (at < text.size() && !is_space(text[at]) && text[at] != '&' && text[at] != ';' && text[at] != '"' &&
         text[at] != '\'') {
    ++at;
  }
  return at;
}

struct Range {
  std::size_t from;
  std::size_t to;
};

// The secret of the URL whose "://" stands at `at`.
std::optional<Range> url_secret(std::string_view text, std::size_t at) {
  const std::size_t start = at + 3;
  std::size_t end = start;
  while (end < text.size() && !is_space(text[end]) && text[end] != '"' && text[end] != '\'') ++end;
  const std::string_view rest = text.substr(start, end - start);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  std::size_t sign = authority.rfind('@');
  const std::size_t colon = authority.find(':');
  if (sign == npos && colon != npos && !authority.starts_with('[')) {
    // A password that holds a slash or a question mark unescaped: what stands for the port is no number then.
    const std::string_view port = authority.substr(colon + 1);
    const bool number = std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!number) sign = rest.rfind('@');
  }
  if (sign == npos) return std::nullopt;
  const std::string_view user = rest.substr(0, sign);
  const std::size_t separator = user.find(':');
  if (separator != npos) return Range{start + separator + 1, start + sign};
  // A lone user name of a web address is a token more often than a name.
  const std::string_view scheme = text.substr(0, at);
  if (scheme.ends_with("http") || scheme.ends_with("https")) return Range{start, start + sign};
  return std::nullopt;
}

// The value of the key that ends before `at`, where text[at] is '=' or the quote that closes a JSON key.
std::optional<Range> keyed_secret(std::string_view text, std::size_t at) {
  std::size_t key = at;
  while (key > 0 && is_key_byte(text[key - 1])) --key;
  if (key == at || !is_secret_key(text.substr(key, at - key))) return std::nullopt;
  std::size_t value = at + 1;
  if (text[at] != '=') {
    while (value < text.size() && is_space(text[value])) ++value;
    if (value == text.size() || text[value] != ':') return std::nullopt;
    ++value;
    while (value < text.size() && is_space(text[value])) ++value;
  }
  // In an argument that is nothing but key=value, no byte of the value separates anything.
  const bool whole =
      key == 0 && text[at] == '=' && (text.starts_with('-') || std::none_of(text.begin(), text.end(), is_space));
  const Range range{value, whole ? text.size() : value_end(text, value)};
  if (range.from == range.to) return std::nullopt;
  return range;
}

bool starts_with_header(std::string_view text, std::string_view header) {
  return text.size() >= header.size() &&
         std::equal(header.begin(), header.end(), text.begin(), [](char a, char b) { return a == lower(b); });
}

std::optional<Range> header_secret(std::string_view text, std::size_t at) {
  if (at != 0 && is_key_byte(text[at - 1])) return std::nullopt;
  for (const std::string_view header : kHeaders) {
    if (!starts_with_header(text.substr(at), header)) continue;
    std::size_t from = at + header.size();
    while (from < text.size() && text[from] == ' ') ++from;
    const std::size_t to = std::min(text.find_first_of("\"'\n", from), text.size());
    if (from < to) return Range{from, to};
  }
  return std::nullopt;
}

std::optional<Range> secret_at(std::string_view text, std::size_t at) {
  const char c = text[at];
  if (c == ':' && text.substr(at).starts_with("://")) return url_secret(text, at);
  if (c == '=' || c == '"') return keyed_secret(text, at);
  if (c == 'A' || c == 'a' || c == 'C' || c == 'c' || c == 'X' || c == 'x') return header_secret(text, at);
  return std::nullopt;
}

const SecretFlag* secret_flag(std::string_view program, std::string_view argument) {
  const auto found = std::find_if(kSecretFlags.begin(), kSecretFlags.end(), [&](const SecretFlag& row) {
    if (!matches_program(row.program, program)) return false;
    return row.joined ? argument.size() > row.flag.size() && argument.starts_with(row.flag) : argument == row.flag;
  });
  return found == kSecretFlags.end() ? nullptr : &*found;
}

bool takes_secret(std::string_view program, std::string_view argument) {
  if (argument.size() < 4 || !argument.starts_with('-') || argument.find('=') != npos) return false;
  const bool asks = std::any_of(kAskingPrograms.begin(), kAskingPrograms.end(),
                                [&](std::string_view pattern) { return matches_program(pattern, program); });
  return !asks && is_secret_key(argument);
}

}  // namespace

std::string redact_url(std::string_view text) {
  std::string out;
  std::size_t copied = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto secret = secret_at(text, at);
    if (!secret) continue;
    out += text.substr(copied, secret->from - copied);
    out += kMask;
    copied = secret->to;
    at = std::max(at, secret->to - 1);
  }
  out += text.substr(copied);
  return out;
}

std::vector<std::string> redact_argv(std::span<const std::string> argv) {
  std::vector<std::string> out;
  out.reserve(argv.size());
  std::string_view program;
  bool mask_next = false;
  bool mask_user = false;
  for (std::size_t i = 0; i < argv.size(); ++i) {
    const std::string& argument = argv[i];
    if (i == 0) {
      program = argument;
      program.remove_prefix(program.rfind('/') == npos ? 0 : program.rfind('/') + 1);
      out.push_back(redact_url(argument));
      continue;
    }
    if (mask_next && !(argument.size() > 1 && argument.starts_with("--"))) {
      const std::size_t colon = mask_user ? argument.find(':') : npos;
      out.push_back(mask_user && colon == npos ? argument
                                               : argument.substr(0, colon == npos ? 0 : colon + 1).append(kMask));
      mask_next = false;
      continue;
    }
    const SecretFlag* flag = secret_flag(program, argument);
    if (flag != nullptr && flag->joined) {
      out.push_back(std::string(flag->flag).append(kMask));
      mask_next = false;
      continue;
    }
    mask_next = flag != nullptr || takes_secret(program, argument);
    mask_user = flag != nullptr && flag->user;
    out.push_back(redact_url(argument));
  }
  return out;
}

}  // namespace cofferdam::base
