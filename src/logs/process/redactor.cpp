#include "logs/process/redactor.hpp"

#include <openssl/evp.h>
#include <sys/random.h>

#include <algorithm>
#include <cstring>

#include "base/json.hpp"
#include "base/text.hpp"
#include "logs/escape.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::string_view kKeyRule = "private-key";
constexpr std::string_view kValueRule = "value";
constexpr std::string_view kKeyBegin = "-----BEGIN ";
constexpr std::string_view kKeyEnd = "-----END ";
constexpr std::string_view kKeyName = "PRIVATE KEY-----";
constexpr std::size_t kShortestNeedle = 6;
constexpr std::size_t kShortestLine = 12;  // of a secret that has several

std::string base64(std::string_view bytes) {
  std::string text(base64_size(bytes.size()), '\0');
  (void)encode_base64(bytes, text.data());
  return text;
}

// `kept`: what is left as it is beside letters, digits and -_.~
std::string percent_encoded(std::string_view text, std::string_view digits, bool plus, std::string_view kept) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~' || kept.find(c) != std::string_view::npos;
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      out += c;
    } else if (c == ' ' && plus) {
      out += '+';
    } else {
      out += '%';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  return out;
}

// What stands in base64 of any text in which `secret` begins `shift` bytes after a multiple of three.
std::string inside_base64(std::string_view secret, std::size_t shift) {
  std::string text(shift, '\0');
  text += secret;
  const std::size_t first = (shift * 8 + 5) / 6;
  const std::size_t last = text.size() * 8 / 6;
  return base64(text).substr(first, last - first);
}

// What stands for other characters as their code, as the JSON of Python and PHP has it. `text` is UTF-8.
std::string ascii_json(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  const auto put_unit = [&](std::uint32_t unit) {
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[unit >> shift & 15U];
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = std::max<std::size_t>(base::utf8_sequence(text.substr(at)), 1);
    if (size == 1) {
      out += text[at++];
      continue;
    }
    std::uint32_t code = static_cast<unsigned char>(text[at]) & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) code = code << 6U | (static_cast<unsigned char>(text[at + i]) & 0x3fU);
    if (code >= 0x10000) {
      put_unit(0xd800U + ((code - 0x10000) >> 10U));
      code = 0xdc00U + ((code - 0x10000) & 0x3ffU);
    }
    put_unit(code);
    at += size;
  }
  return out;
}

std::string with_escaped_slashes(std::string_view json) {
  std::string out;
  for (const char c : json) {
    if (c == '/') out += '\\';
    out += c;
  }
  return out;
}

std::vector<std::string> forms_of(const std::string& secret) {
  std::vector<std::string> forms = {secret};
  // Of RFC 3986, of JavaScript's encodeURIComponent, of Python's quote.
  for (const std::string_view kept : {"", "!'()*", "/"}) {
    for (const bool plus : {false, true}) {
      forms.push_back(percent_encoded(secret, "0123456789ABCDEF", plus, kept));
      forms.push_back(percent_encoded(secret, "0123456789abcdef", plus, kept));
    }
  }
  std::string json;
  base::append_json_string(json, secret);
  json = json.substr(1, json.size() - 2);
  for (const std::string& form : {json, ascii_json(json)}) {
    forms.push_back(form);
    forms.push_back(with_escaped_slashes(form));
  }
  // A secret of several lines (a key) is printed line by line.
  if (secret.find('\n') != std::string::npos) {
    for (std::size_t at = 0; at < secret.size();) {
      const std::size_t end = std::min(secret.find('\n', at), secret.size());
      if (end - at >= kShortestLine) forms.push_back(secret.substr(at, end - at));
      at = end + 1;
    }
  }
  for (std::size_t shift = 0; shift < 3; ++shift) {
    std::string encoded = inside_base64(secret, shift);
    std::string url = encoded;
    std::ranges::replace(url, '+', '-');
    std::ranges::replace(url, '/', '_');
    forms.push_back(std::move(encoded));
    forms.push_back(std::move(url));
  }
  std::erase_if(forms, [](const std::string& form) { return form.size() < kShortestNeedle; });
  return forms;
}

// A line inside a private key: of its alphabet, or a header like `Proc-Type: 4,ENCRYPTED`.
bool is_of_key(std::string_view line) {
  if (line.starts_with("Proc-Type: ") || line.starts_with("DEK-Info: ")) return true;
  return line.find_first_of(" {\"") == std::string_view::npos;
}

}  // namespace

Redactor::Redactor(const std::vector<std::string>& rules, const std::vector<std::string>& secrets) : finder_({}) {
  std::vector<std::string> literals;
  for (const RedactRule& rule : redact_rules()) {
    if (std::ranges::find(rules, rule.name) == rules.end()) continue;
    rules_.push_back(rule);
    for (const std::string_view literal : rule.literals) literals.emplace_back(literal);
  }
  keys_ = std::ranges::find(rules, kKeyRule) != rules.end();
  if (keys_) literals.emplace_back(kKeyName);
  for (const std::string& secret : secrets) {
    if (secret.size() < kShortestSecret) continue;
    for (std::string& form : forms_of(secret)) needles_.push_back(std::move(form));
  }
  // The longest first: a short form may stand inside a long one.
  std::ranges::sort(needles_, [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  const auto again = std::ranges::unique(needles_);
  needles_.erase(again.begin(), again.end());
  literals.insert(literals.end(), needles_.begin(), needles_.end());
  finder_ = LiteralFinder(literals);
  if (getrandom(state_.hash_key.data(), sizeof state_.hash_key, 0) < 0) state_.hash_key = {};
}

std::string_view Redactor::redact(Stream stream, std::string_view text, std::string& scratch) {
  if (!may_match(stream, text)) return text;
  cuts_.clear();
  find_keys(stream, text, cuts_);
  find_secrets(text, cuts_);
  std::vector<RedactedPart> parts;
  for (const RedactRule& rule : rules_) {
    parts.clear();
    rule.find(text, parts);
    for (const RedactedPart& part : parts) cuts_.push_back({part.begin, part.end, rule.name});
  }
  if (cuts_.empty()) return text;
  // Where two overlap, one mark covers both.
  std::ranges::stable_sort(cuts_, {}, &Cut::begin);
  scratch.clear();
  std::size_t at = 0;
  for (std::size_t i = 0; i < cuts_.size();) {
    Cut cut = cuts_[i++];
    while (i < cuts_.size() && cuts_[i].begin < cut.end) cut.end = std::max(cut.end, cuts_[i++].end);
    scratch += text.substr(at, cut.begin - at);
    append_mark(scratch, cut.rule, text.substr(cut.begin, cut.end - cut.begin));
    at = cut.end;
  }
  scratch += text.substr(at);
  return scratch;
}

void Redactor::find_secrets(std::string_view text, std::vector<Cut>& cuts) const {
  for (const std::string& needle : needles_) {
    for (std::size_t at = text.find(needle); at != std::string_view::npos; at = text.find(needle, at + needle.size())) {
      cuts.push_back({at, at + needle.size(), kValueRule});
    }
  }
}

// From "-----BEGIN ... PRIVATE KEY-----" to the end of "-----END ...-----", which may stand in later lines.
void Redactor::find_keys(Stream stream, std::string_view text, std::vector<Cut>& cuts) {
  if (!keys_) return;
  bool& inside = state_.inside_key[index_of(stream)];
  std::size_t at = 0;
  while (at < text.size() || (inside && at == 0)) {
    if (inside) {
      const std::size_t end = text.find(kKeyEnd, at);
      const std::size_t dashes = end == std::string_view::npos ? end : text.find("-----", end + kKeyEnd.size());
      // What can't be a key's was written after one that was cut off, and must not be swallowed.
      if (end == std::string_view::npos && !is_of_key(text.substr(at, text.find('\n', at) - at))) {
        inside = false;
        return;
      }
      if (dashes == std::string_view::npos) {
        if (text.size() > at) cuts.push_back({at, text.size(), kKeyRule});
        return;
      }
      cuts.push_back({at, dashes + 5, kKeyRule});
      inside = false;
      at = dashes + 5;
      continue;
    }
    const std::size_t begin = text.find(kKeyBegin, at);
    if (begin == std::string_view::npos) return;
    const std::size_t name = text.find(kKeyName, begin);
    const std::size_t line_end = std::min(text.find('\n', begin), text.size());
    if (name == std::string_view::npos || name > line_end) {
      at = begin + kKeyBegin.size();
      continue;
    }
    const std::size_t body = name + kKeyName.size();
    const std::size_t end = text.find(kKeyEnd, body);
    const std::size_t dashes = end == std::string_view::npos ? end : text.find("-----", end + kKeyEnd.size());
    if (dashes == std::string_view::npos) {
      cuts.push_back({begin, text.size(), kKeyRule});
      inside = true;
      return;
    }
    cuts.push_back({begin, dashes + 5, kKeyRule});
    at = dashes + 5;
  }
}

void Redactor::append_mark(std::string& out, std::string_view rule, std::string_view secret) const {
  std::string keyed(reinterpret_cast<const char*>(state_.hash_key.data()), sizeof state_.hash_key);
  keyed += secret;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  (void)EVP_Digest(keyed.data(), keyed.size(), digest.data(), &size, EVP_sha256(), nullptr);
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "[REDACTED:";
  out += rule;
  out += ':';
  for (std::size_t i = 0; i < 4; ++i) {
    out += kDigits[digest.at(i) >> 4U];
    out += kDigits[digest.at(i) & 15U];
  }
  out += ']';
}

}  // namespace cofferdam::logs
