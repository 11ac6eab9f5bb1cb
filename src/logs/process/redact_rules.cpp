#include "logs/process/redact_rules.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace cofferdam::logs {

namespace {

using Parts = std::vector<RedactedPart>;
constexpr std::size_t kNone = std::string_view::npos;

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_word(char c) {
  return is_letter(c) || is_digit(c);
}
constexpr bool is_base64url(char c) {
  return is_word(c) || c == '-' || c == '_';
}
constexpr bool is_token(char c) {
  return is_base64url(c) || c == '.' || c == '~' || c == '+' || c == '/' || c == '=';
}
constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// In any case.
std::size_t find_word(std::string_view text, std::string_view word, std::size_t from) {
  for (std::size_t at = from; at + word.size() <= text.size(); ++at) {
    std::size_t i = 0;
    while (i < word.size() && lower(text[at + i]) == word[i]) ++i;
    if (i == word.size()) return at;
  }
  return kNone;
}

constexpr bool is_hex(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

// Whether the letter before `at` ends an escape: ESC[33m of a colour, \n of a string, %3D of a URL.
bool follows_escape(std::string_view text, std::size_t at) {
  const char last = text[at - 1];
  if (at >= 2 && text[at - 2] == '\\' && (last == 'n' || last == 't' || last == 'r')) return true;
  if (at >= 3 && text[at - 3] == '%' && is_hex(text[at - 2]) && is_hex(last)) return true;
  if (last != 'm') return false;
  std::size_t begin = at - 1;
  while (begin > 0 && (is_digit(text[begin - 1]) || text[begin - 1] == ';')) --begin;
  return begin >= 2 && text[begin - 1] == '[' && text[begin - 2] == '\x1b';
}

bool follows_word(std::string_view text, std::size_t at) {
  return at > 0 && is_word(text[at - 1]) && !follows_escape(text, at);
}

// One past the colours that stand at `at`.
std::size_t skip_colours(std::string_view text, std::size_t at) {
  while (text.substr(std::min(at, text.size())).starts_with("\x1b[")) {
    std::size_t end = at + 2;
    while (end < text.size() && (is_digit(text[end]) || text[end] == ';')) ++end;
    if (end == text.size() || text[end] != 'm') break;
    at = end + 1;
  }
  return at;
}

template <class Accepts>
std::size_t run_of(std::string_view text, std::size_t from, Accepts accepts) {
  std::size_t at = from;
  while (at < text.size() && accepts(text[at])) ++at;
  return at;
}

// PREFIX and then at least `least` characters of a kind, none of them before it.
template <class Accepts>
void find_prefixed(std::string_view text, std::string_view prefix, std::size_t least, Accepts accepts, Parts& parts) {
  for (std::size_t at = text.find(prefix); at != kNone; at = text.find(prefix, at + prefix.size())) {
    if (follows_word(text, at)) continue;
    const std::size_t end = run_of(text, at + prefix.size(), accepts);
    if (end - at - prefix.size() >= least) parts.push_back({at, end});
  }
}

// --- scheme://user:PASSWORD@host, https://TOKEN@host

// Also as JSON of PHP has it.
constexpr std::array<std::string_view, 2> kUrlLiterals = {"://", R"(:\/\/)"};
constexpr std::size_t kLongUser = 20;  // no name: a token

void find_url_password(std::string_view text, std::string_view slashes, Parts& parts) {
  for (std::size_t at = text.find(slashes); at != kNone; at = text.find(slashes, at + slashes.size())) {
    const std::size_t begin = at + slashes.size();
    const std::size_t end = std::min(text.find_first_of("/\\?# \t\r\n\"'<>`", begin), text.size());
    const std::string_view authority = text.substr(begin, end - begin);
    const std::size_t sign = authority.rfind('@');
    if (sign == kNone || sign == 0) continue;
    const std::size_t colon = authority.substr(0, sign).find(':');
    if (colon == kNone) {
      if (sign >= kLongUser) parts.push_back({begin, begin + sign});
    } else if (colon + 1 < sign) {
      parts.push_back({begin + colon + 1, begin + sign});
    }
  }
}

void find_url_passwords(std::string_view text, Parts& parts) {
  for (const std::string_view slashes : kUrlLiterals) find_url_password(text, slashes, parts);
}

// --- Authorization: Bearer TOKEN, and a bare Bearer TOKEN

constexpr std::array<std::string_view, 2> kBearerLiterals = {"authorization", "bearer "};
constexpr std::array<std::string_view, 6> kSchemes = {"bearer", "basic", "token", "digest", "apikey", "negotiate"};
constexpr std::size_t kShortestBearer = 16;

std::size_t skip_to_value(std::string_view text, std::size_t at) {
  constexpr std::string_view kBetween = " \t:=\"'\\[";
  for (;;) {
    const std::size_t colours = skip_colours(text, at);
    const std::size_t value = run_of(text, colours, [&](char c) { return kBetween.find(c) != kNone; });
    if (value == at) return at;
    at = value;
  }
}

void find_bearer(std::string_view text, Parts& parts) {
  constexpr std::string_view kHeader = "authorization";
  for (std::size_t at = find_word(text, kHeader, 0); at != kNone; at = find_word(text, kHeader, at + kHeader.size())) {
    const std::size_t named = at + kHeader.size();
    std::size_t begin = skip_to_value(text, named);
    if (text.substr(named, begin - named).find_first_of(":=") == kNone) continue;
    for (const std::string_view scheme : kSchemes) {
      if (find_word(text.substr(begin, scheme.size()), scheme, 0) != 0) continue;
      const std::size_t after = run_of(text, begin + scheme.size(), is_blank);
      if (after != begin + scheme.size()) begin = after;
    }
    const std::size_t end = run_of(text, begin, is_token);
    if (end > begin + 3) parts.push_back({begin, end});
  }
  constexpr std::string_view kBearer = "bearer ";
  for (std::size_t at = find_word(text, kBearer, 0); at != kNone; at = find_word(text, kBearer, at + kBearer.size())) {
    const std::size_t begin = run_of(text, at + kBearer.size(), is_blank);
    const std::size_t end = run_of(text, begin, is_token);
    if (end - begin >= kShortestBearer) parts.push_back({begin, end});
  }
}

// --- Cookie: a=b; c=d, Set-Cookie: a=b; Path=/

constexpr std::array<std::string_view, 1> kCookieLiterals = {"cookie"};

void find_cookie(std::string_view text, Parts& parts) {
  constexpr std::string_view kHeader = "cookie";
  for (std::size_t at = find_word(text, kHeader, 0); at != kNone; at = find_word(text, kHeader, at + kHeader.size())) {
    std::size_t begin = at + kHeader.size();
    while (begin < text.size() && (text[begin] == '"' || text[begin] == '\'' || text[begin] == '\\')) ++begin;
    if (begin == text.size() || (text[begin] != ':' && text[begin] != '=')) continue;
    begin = skip_to_value(text, begin);
    const std::size_t end = std::min(text.find_first_of("\"'\r\n\\", begin), text.size());
    // A cookie has a name: what has none is talk about cookies.
    const std::size_t sign = text.substr(begin, end - begin).find('=');
    if (sign != kNone && sign + 1 < end - begin) parts.push_back({begin + sign + 1, end});
  }
}

// --- keys with a form of their own

constexpr std::array<std::string_view, 4> kAwsLiterals = {"AKIA", "ASIA", "secret_access_key", "secretaccesskey"};

void find_aws(std::string_view text, Parts& parts) {
  constexpr std::size_t kId = 20;
  constexpr std::size_t kSecret = 40;
  for (const std::string_view prefix : {"AKIA", "ASIA"}) {
    for (std::size_t at = text.find(prefix); at != kNone; at = text.find(prefix, at + prefix.size())) {
      const std::size_t end = run_of(text, at, [](char c) { return (c >= 'A' && c <= 'Z') || is_digit(c); });
      if (!follows_word(text, at) && end - at == kId) parts.push_back({at, end});
    }
  }
  for (const std::string_view name : {"secret_access_key", "secretaccesskey"}) {
    for (std::size_t at = find_word(text, name, 0); at != kNone; at = find_word(text, name, at + name.size())) {
      const std::size_t begin = skip_to_value(text, at + name.size());
      const std::size_t end =
          run_of(text, begin, [](char c) { return is_word(c) || c == '/' || c == '+' || c == '='; });
      if (end - begin >= kSecret) parts.push_back({begin, end});
    }
  }
}

constexpr std::array<std::string_view, 1> kJwtLiterals = {"eyJ"};

void find_jwt(std::string_view text, Parts& parts) {
  constexpr std::size_t kShortestPart = 10;
  for (std::size_t at = text.find("eyJ"); at != kNone; at = text.find("eyJ", at + 3)) {
    if (follows_word(text, at)) continue;
    std::size_t end = at;
    std::size_t good = 0;
    for (; good < 3; ++good) {
      const std::size_t stop = run_of(text, end, is_base64url);
      if (stop - end < kShortestPart) break;
      end = stop;
      if (good == 2 || end == text.size() || text[end] != '.') continue;
      ++end;
    }
    if (good == 3) parts.push_back({at, end});
  }
}

constexpr std::array<std::string_view, 6> kGithubLiterals = {"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"};

void find_github(std::string_view text, Parts& parts) {
  for (const std::string_view prefix : {"ghp_", "gho_", "ghu_", "ghs_", "ghr_"}) {
    find_prefixed(text, prefix, 36, is_word, parts);
  }
  find_prefixed(text, "github_pat_", 22, [](char c) { return is_word(c) || c == '_'; }, parts);
}

constexpr std::array<std::string_view, 4> kGitlabLiterals = {"glpat-", "gldt-", "glrt-", "glptt-"};

void find_gitlab(std::string_view text, Parts& parts) {
  for (const std::string_view prefix : kGitlabLiterals) find_prefixed(text, prefix, 20, is_base64url, parts);
}

constexpr std::array<std::string_view, 2> kSlackLiterals = {"xox", "hooks.slack.com/services/"};

void find_slack(std::string_view text, Parts& parts) {
  for (const std::string_view prefix : {"xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-"}) {
    find_prefixed(text, prefix, 10, [](char c) { return is_word(c) || c == '-'; }, parts);
  }
  constexpr std::string_view kHook = "hooks.slack.com/services/";
  for (std::size_t at = text.find(kHook); at != kNone; at = text.find(kHook, at + kHook.size())) {
    const std::size_t begin = at + kHook.size();
    const std::size_t end = run_of(text, begin, [](char c) { return is_word(c) || c == '/'; });
    if (end - begin >= 20) parts.push_back({begin, end});
  }
}

constexpr std::array<std::string_view, 5> kStripeLiterals = {"sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"};

void find_stripe(std::string_view text, Parts& parts) {
  for (const std::string_view prefix : kStripeLiterals) find_prefixed(text, prefix, 16, is_word, parts);
}

// --- password=VALUE and its like

constexpr auto kPairLiterals = std::to_array<std::string_view>(
    {"password",   "passwd",    "passphrase", "pwd",         "secret",      "token",          "api_key",
     "apikey",     "api-key",   "access_key", "accesskey",   "private_key", "privatekey",     "credentials",
     "secret_key", "secretkey", "secret-key", "account_key", "accountkey",  "encryption_key", "signing_key"});

// "***", null, <password>, ${PASSWORD}: said without being told.
bool is_placeholder(std::string_view value) {
  if (value.empty() || value.find_first_not_of("*x.") == kNone) return true;
  const char first = value.front();
  if (first == '<' || first == '$' || first == '%' || first == '{' || value.starts_with("[REDACTED")) return true;
  std::string word;
  for (const char c : value) word += lower(c);
  for (const std::string_view known : {"null", "nil", "none", "true", "false", "undefined", "hidden", "redacted"}) {
    if (word == known) return true;
  }
  return false;
}

// A word of prose after a colon ("token: unexpected end") is no secret, "token: a8f3k2" is one.
bool looks_secret(std::string_view value) {
  return value.size() >= 12 || std::ranges::any_of(value, [](char c) { return !is_letter(c); });
}

std::string_view quote_at(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(std::min(at, text.size()));
  for (const std::string_view quote : {"\\\"", "\"", "'"}) {
    if (rest.starts_with(quote)) return quote;
  }
  return {};
}

std::size_t end_of_quoted(std::string_view text, std::size_t from, std::string_view quote) {
  if (quote.size() == 2) return std::min(text.find(quote, from), text.size());
  for (std::size_t at = from; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == quote.front()) {
      return at;
    }
  }
  return text.size();
}

void find_pair_at(std::string_view text, std::size_t key, std::size_t after, Parts& parts) {
  std::size_t at = skip_colours(text, after);
  const std::string_view key_quote = quote_at(text, at);
  at = skip_colours(text, run_of(text, at + key_quote.size(), is_blank));
  const bool encoded = text.substr(std::min(at, text.size())).starts_with("%3D");
  if (at == text.size() || (text[at] != '=' && text[at] != ':' && text[at] != '>' && !encoded)) return;
  const bool colon = text[at] == ':';
  const bool element = text[at] == '>';  // <password>...</password>
  at += encoded ? 3 : 1;
  if (!colon && !element && at < text.size() && text[at] == '>') ++at;
  at = skip_colours(text, run_of(text, at, is_blank));
  const std::string_view quote = quote_at(text, at);
  std::size_t end = 0;
  if (element) {
    end = std::min(text.find("</", at), text.size());
  } else if (quote.empty()) {
    end = std::min(text.find_first_of(" \t\r\n,;&\"')}]\x1b", at), text.size());
    if (encoded) end = std::min(end, text.find("%26", at));
  } else {
    at += quote.size();
    end = end_of_quoted(text, at, quote);
  }
  const std::string_view value = text.substr(at, end - at);
  if (is_placeholder(value)) return;
  // A shell's own variable, a directory.
  if (lower(text[key]) == 'p' && after - key == 3 && value.starts_with('/')) return;
  const bool prose = colon && quote.empty() && key_quote.empty();
  const bool first = text.substr(0, key).find_first_not_of(" \t-") == kNone;
  if (prose && !first && !looks_secret(value)) return;
  parts.push_back({at, end});
}

void find_pair(std::string_view text, Parts& parts) {
  for (const std::string_view word : kPairLiterals) {
    for (std::size_t at = find_word(text, word, 0); at != kNone; at = find_word(text, word, at + word.size())) {
      // The last word of a name counts: "db_password", not "password_hint" or "tokens".
      if (at + word.size() < text.size() && is_word(text[at + word.size()])) continue;
      find_pair_at(text, at, at + word.size(), parts);
    }
  }
}

constexpr auto kRules = std::to_array<RedactRule>({{"url-password", kUrlLiterals, find_url_passwords},
                                                   {"bearer", kBearerLiterals, find_bearer},
                                                   {"cookie", kCookieLiterals, find_cookie},
                                                   {"aws-key", kAwsLiterals, find_aws},
                                                   {"jwt", kJwtLiterals, find_jwt},
                                                   {"github-token", kGithubLiterals, find_github},
                                                   {"gitlab-token", kGitlabLiterals, find_gitlab},
                                                   {"slack-token", kSlackLiterals, find_slack},
                                                   {"stripe-key", kStripeLiterals, find_stripe},
                                                   {"password-pair", kPairLiterals, find_pair}});

}  // namespace

std::span<const RedactRule> redact_rules() {
  return kRules;
}

}  // namespace cofferdam::logs
