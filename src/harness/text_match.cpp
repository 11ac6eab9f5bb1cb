#include "harness/text_match.hpp"

#include <fnmatch.h>
#include <regex.h>

#include <algorithm>

#include "base/text.hpp"

namespace cofferdam::harness {
namespace {

// A compiled regular expression. One that does not compile matches nothing; the reader has refused it.
class Regex {
 public:
  explicit Regex(const std::string& text) : good_(regcomp(&compiled_, text.c_str(), REG_EXTENDED | REG_NOSUB) == 0) {}
  ~Regex() {
    if (good_) regfree(&compiled_);
  }
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;
  [[nodiscard]] bool matches(const std::string& text) const {
    return good_ && regexec(&compiled_, text.c_str(), 0, nullptr, 0) == 0;
  }

 private:
  regex_t compiled_{};
  bool good_;
};

std::string_view without_line_ends(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

bool matches_any(std::string_view pattern, std::string_view text) {
  return fnmatch(std::string(pattern).c_str(), std::string(text).c_str(), FNM_NOESCAPE) == 0;
}

// Where two texts differ, for a message.
std::string difference(std::string_view wanted, std::string_view got) {
  const auto wanted_lines = base::split(wanted, '\n');
  const auto got_lines = base::split(got, '\n');
  for (std::size_t i = 0; i < std::max(wanted_lines.size(), got_lines.size()); ++i) {
    const bool both = i < wanted_lines.size() && i < got_lines.size();
    if (both && wanted_lines[i] == got_lines[i]) continue;
    return "line " + std::to_string(i + 1) + " should be " +
           (i < wanted_lines.size() ? shown(wanted_lines[i]) : "missing") + " and is " +
           (i < got_lines.size() ? shown(got_lines[i]) : "missing");
  }
  return "they differ";
}

}  // namespace

std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 300;
  return "'" + base::printable(text.substr(0, kLongest)) + (text.size() > kLongest ? "...'" : "'");
}

bool a_line_matches(std::string_view text, const std::string& regex) {
  const Regex compiled(regex);
  return std::ranges::any_of(base::split(text, '\n'),
                             [&](std::string_view line) { return compiled.matches(std::string(line)); });
}

std::vector<std::string> mismatches(const TextMatcher& matcher, std::string_view text, const std::string& what) {
  std::vector<std::string> out;
  const std::string got = text.empty() ? "; it is empty" : "; it is " + shown(without_line_ends(text));
  if (matcher.equals && without_line_ends(*matcher.equals) != without_line_ends(text)) {
    out.push_back(what +
                  " is not as expected: " + difference(without_line_ends(*matcher.equals), without_line_ends(text)));
  }
  for (const std::string& part : matcher.contains) {
    if (text.find(part) == std::string_view::npos) out.push_back(what + " does not contain " + shown(part) + got);
  }
  for (const std::string& part : matcher.lacks) {
    if (text.find(part) != std::string_view::npos) out.push_back(what + " contains " + shown(part) + got);
  }
  if (!matcher.regex.empty() && !a_line_matches(text, matcher.regex))
    out.push_back("no line of " + what + " matches " + shown(matcher.regex) + got);
  return out;
}

bool is_program(std::string_view pattern, std::string_view exe, const std::vector<std::string>& argv) {
  if (matches_any(pattern, exe) || matches_any(pattern, base::base_name(exe))) return true;
  if (argv.empty()) return false;
  return matches_any(pattern, base::base_name(argv.front())) || matches_any(pattern, base::join(argv, " "));
}

bool is_destination(std::string_view pattern, std::string_view destination) {
  if (pattern == destination || matches_any(pattern, destination)) return true;  // [::1] would be letters to fnmatch
  constexpr std::string_view kLocal = "localhost:";
  if (!pattern.starts_with(kLocal)) return false;
  const std::string port(pattern.substr(kLocal.size()));
  return matches_any("127.0.0.1:" + port, destination) || destination == "[::1]:" + port;
}

}  // namespace cofferdam::harness
