#include "logs/syslog_line.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace cofferdam::logs {

namespace {

constexpr std::array<std::string_view, 24> kFacilities = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog",   "lpr",     "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "security", "console", "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5",   "local6",  "local7"};

constexpr std::array<LogLevel, 8> kSeverities = {LogLevel::critical, LogLevel::critical, LogLevel::critical,
                                                 LogLevel::error,    LogLevel::warning,  LogLevel::info,
                                                 LogLevel::info,     LogLevel::debug};

constexpr std::size_t kLongestIdent = 64;

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "Nov 22 10:00:00 ": the form of ctime(3) that syslog(3) writes.
bool take_old_time(std::string_view& text) {
  constexpr std::string_view kShape = "Aaa d0 00:00:00 ";
  if (text.size() < kShape.size()) return false;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const char c = text[i];
    const bool fits = kShape[i] == 'A'   ? c >= 'A' && c <= 'Z'
                      : kShape[i] == 'a' ? c >= 'a' && c <= 'z'
                      : kShape[i] == 'd' ? is_digit(c) || c == ' '
                      : kShape[i] == '0' ? is_digit(c)
                                         : c == kShape[i];
    if (!fits) return false;
  }
  text.remove_prefix(kShape.size());
  return true;
}

std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

std::string_view or_nothing(std::string_view word) {
  return word == "-" ? std::string_view() : word;
}

// VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID [SD] MSG (RFC 5424 section 6); the structured data stays in the
// message.
bool take_new_head(std::string_view& text, SyslogLine& line) {
  if (!text.starts_with("1 ")) return false;
  std::string_view rest = text.substr(2);
  const std::string_view time = take_word(rest);
  if (time != "-" && (time.size() < 20 || time[4] != '-' || time[10] != 'T')) return false;
  (void)take_word(rest);
  line.ident = or_nothing(take_word(rest));
  line.pid = or_nothing(take_word(rest));
  (void)take_word(rest);
  if (rest.starts_with("- ")) rest.remove_prefix(2);
  if (rest == "-") rest = {};
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  text = rest;
  return true;
}

// "nginx[12]: " or "nginx: "
void take_ident(std::string_view& text, SyslogLine& line) {
  const std::string_view window = text.substr(0, kLongestIdent);
  const std::size_t end = window.find_first_of(":[ ");
  if (end == 0 || end == std::string_view::npos || window[end] == ' ') return;
  std::size_t colon = end;
  std::string_view pid;
  if (window[end] == '[') {
    const std::size_t close = window.find(']', end);
    if (close == std::string_view::npos) return;
    pid = window.substr(end + 1, close - end - 1);
    if (pid.empty() || !std::ranges::all_of(pid, is_digit)) return;
    colon = close + 1;
  }
  if (colon >= window.size() || window[colon] != ':') return;
  line.ident = text.substr(0, end);
  line.pid = pid;
  text.remove_prefix(colon + 1);
  if (text.starts_with(' ')) text.remove_prefix(1);
}

}  // namespace

SyslogLine parse_syslog(std::string_view datagram) {
  SyslogLine line;
  std::string_view text = datagram;
  while (text.ends_with('\n') || text.ends_with('\0')) text.remove_suffix(1);
  if (text.starts_with('<')) {
    unsigned priority = 0;
    const char* const from = text.data() + 1;
    const auto [at, error] = std::from_chars(from, text.data() + std::min<std::size_t>(text.size(), 4), priority);
    const auto digits = static_cast<std::size_t>(at - from);
    if (error == std::errc{} && priority < 192 && text.size() > digits + 1 && text[digits + 1] == '>') {
      line.level = kSeverities.at(priority % 8);
      line.facility = kFacilities.at(priority / 8);
      text.remove_prefix(digits + 2);
      if (!take_new_head(text, line)) {
        (void)take_old_time(text);
        take_ident(text, line);
      }
    }
  }
  line.message = text;
  return line;
}

}  // namespace cofferdam::logs
