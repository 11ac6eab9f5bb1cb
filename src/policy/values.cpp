#include "policy/values.hpp"

#include <regex.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <utility>

#include "base/text.hpp"
#include "policy/mistakes.hpp"

namespace cofferdam::policy {
namespace {

constexpr std::string_view kSizeForms =
    "a size is a whole number and KiB, MiB, GiB or TiB, such as 512MiB; the smallest is 64KiB";
constexpr std::string_view kDurationForms =
    "a duration is a whole number and ms, s, m or h, such as 10s; at most 24 hours";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::unexpected<ValueError> wrong(std::string message, std::string_view hint) {
  return std::unexpected(ValueError{std::move(message), std::string(hint)});
}

// A whole number as people write it: digits only, no leading zero, which means octal to some.
std::optional<std::uint64_t> whole_number(std::string_view text) {
  if (text.empty() || !std::ranges::all_of(text, is_digit) || (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  return number;
}

struct Quantity {
  std::string_view digits;
  std::string_view unit;
};

Quantity split_unit(std::string_view text) {
  const auto unit = std::ranges::find_if_not(text, is_digit);
  const auto length = static_cast<std::size_t>(unit - text.begin());
  return {text.substr(0, length), text.substr(length)};
}

// 512M, 512MB, 512Mi, 512mib: the unit that was meant, by its first letter.
std::string meant_size(const Quantity& quantity) {
  if (quantity.digits.empty() || quantity.unit.empty()) return {};
  for (const std::string_view unit : {"KiB", "MiB", "GiB", "TiB"}) {
    const std::string letter = lower(unit.substr(0, 1));
    const std::string written = lower(quantity.unit);
    if (written == letter || written == letter + "b" || written == letter + "i" || written == letter + "ib") {
      return "did you mean " + in_quotes(std::string(quantity.digits) + std::string(unit)) + "? ";
    }
  }
  return {};
}

struct Signal {
  std::string_view name;
  int number;
};
constexpr std::array kSignals = {
    Signal{"SIGTERM", SIGTERM}, Signal{"SIGINT", SIGINT},   Signal{"SIGQUIT", SIGQUIT},   Signal{"SIGHUP", SIGHUP},
    Signal{"SIGUSR1", SIGUSR1}, Signal{"SIGUSR2", SIGUSR2}, Signal{"SIGWINCH", SIGWINCH}, Signal{"SIGABRT", SIGABRT},
    Signal{"SIGALRM", SIGALRM}, Signal{"SIGPWR", SIGPWR},   Signal{"SIGKILL", SIGKILL},
};
constexpr auto kSignalNames = [] {
  std::array<std::string_view, kSignals.size()> names{};
  std::ranges::transform(kSignals, names.begin(), &Signal::name);
  return names;
}();

bool is_radix_number(std::string_view text) {
  return text.size() > 2 && text[0] == '0' && std::string_view("xXoObB").find(text[1]) != std::string_view::npos &&
         std::ranges::all_of(text.substr(2), [](char c) { return is_digit(c) || is_letter(c); });
}

bool is_decimal(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t start = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - start;
  };
  std::size_t mantissa = digits();
  if (at < text.size() && text[at] == '.') {
    ++at;
    mantissa += digits();
  }
  if (mantissa == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

// 5432:30 is 5432 minutes and a half to YAML 1.1.
bool is_base_sixty(std::string_view text) {
  const auto parts = base::split(text, ':');
  return parts.size() > 1 && std::ranges::all_of(parts, [](std::string_view part) {
           return !part.empty() && std::ranges::all_of(part, is_digit);
         });
}

Value<std::uint64_t> size_from(std::string_view text, std::uint64_t smallest, std::string_view forms) {
  static constexpr std::array<std::pair<std::string_view, unsigned>, 4> kUnits = {
      {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}}};
  const Quantity quantity = split_unit(text);
  const auto unit = std::ranges::find(kUnits, quantity.unit, &std::pair<std::string_view, unsigned>::first);
  const auto number = whole_number(quantity.digits);
  if (unit == kUnits.end() || quantity.digits.empty() || (!number && quantity.digits.front() == '0')) {
    return wrong(in_quotes(text) + " is no size", meant_size(quantity) + std::string(forms));
  }
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!number || *number > (kLargest >> unit->second))
    return wrong("the size " + in_quotes(text) + " is too large", forms);
  const std::uint64_t bytes = *number << unit->second;
  if (bytes < smallest) return wrong("the size " + in_quotes(text) + " is too small", forms);
  return bytes;
}

}  // namespace

Value<std::uint64_t> parse_size(std::string_view text) {
  return size_from(text, kSmallestMount, kSizeForms);
}

Value<std::uint64_t> parse_record_size(std::string_view text) {
  return size_from(text, 1024, "a record's size is a whole number and KiB, such as 16KiB; from 1KiB to 256KiB");
}

Value<std::uint64_t> parse_memory(std::string_view text) {
  return size_from(text, kLeastMemory,
                   "memory is a whole number and MiB, GiB or TiB, such as 512MiB; the smallest is 8MiB");
}

Value<std::uint64_t> parse_cores(std::string_view text) {
  static constexpr std::string_view kForm =
      "a number of processors from 0.01 to 10000 with up to three decimal places: cpu: 1.5";
  constexpr std::uint64_t kLeast = 10;
  constexpr std::uint64_t kMost = 10'000'000;
  const std::size_t point = text.find('.');
  const auto whole = whole_number(text.substr(0, point));
  std::string fraction(point == std::string_view::npos ? "0" : text.substr(point + 1));
  if (!whole || fraction.empty() || fraction.size() > 3 || !std::ranges::all_of(fraction, is_digit)) {
    return wrong(in_quotes(text) + " is no number of processors", kForm);
  }
  fraction.resize(3, '0');
  if (*whole > kMost / 1000) return wrong(in_quotes(text) + " processors are too many", kForm);
  const std::uint64_t thousandths = *whole * 1000 + std::stoul(fraction);
  if (thousandths < kLeast) return wrong(in_quotes(text) + " processors are too few", kForm);
  if (thousandths > kMost) return wrong(in_quotes(text) + " processors are too many", kForm);
  return thousandths;
}

Value<std::uint64_t> parse_inodes(std::string_view text) {
  static constexpr std::string_view kForm = "a whole number from 64 to 1000000000, without a unit: inodes: 100000";
  const auto number = whole_number(text);
  if (!number) return wrong(in_quotes(text) + " is no number of inodes", kForm);
  if (*number < kFewestInodes) return wrong(in_quotes(text) + " inodes are too few", kForm);
  if (*number > kMostInodes) return wrong(in_quotes(text) + " inodes are too many", kForm);
  return *number;
}

Value<std::uint64_t> parse_count(std::string_view text) {
  const auto number = whole_number(text);
  if (number && *number >= 1 && *number <= kMostInodes) return *number;
  return wrong(in_quotes(text) + " is no count", "a whole number from 1 to 1000000000, without a unit");
}

Value<std::chrono::milliseconds> parse_duration(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kUnits = {
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
  const Quantity quantity = split_unit(text);
  const auto unit = std::ranges::find(kUnits, quantity.unit, &std::pair<std::string_view, std::int64_t>::first);
  const auto number = whole_number(quantity.digits);
  if (unit == kUnits.end() || quantity.digits.empty() || (!number && quantity.digits.front() == '0')) {
    return wrong(in_quotes(text) + " is no duration", kDurationForms);
  }
  if (!number || *number > static_cast<std::uint64_t>(kLongestDuration.count() / unit->second)) {
    return wrong("the duration " + in_quotes(text) + " is too long", kDurationForms);
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(*number) * unit->second);
}

Value<std::uint16_t> parse_port(std::string_view text) {
  const auto number = whole_number(text);
  if (!number || *number == 0 || *number > 65'535) {
    return wrong(in_quotes(text) + " is no port", "a port is a whole number from 1 to 65535, without quotes");
  }
  return static_cast<std::uint16_t>(*number);
}

Value<int> parse_status(std::string_view text) {
  const auto number = whole_number(text);
  if (!number || *number > 255)
    return wrong(in_quotes(text) + " is no exit status", "a status is a number from 0 to 255");
  return static_cast<int>(*number);
}

Value<int> parse_any_signal(std::string_view text) {
  const std::string_view name = text.starts_with("SIG") ? text.substr(3) : text;
  for (int number = 1; number < SIGRTMIN; ++number) {
    const char* known = sigabbrev_np(number);
    if (known != nullptr && name == known) return number;
  }
  return wrong(in_quotes(text) + " is no signal", "write its name, such as SIGKILL or SIGSEGV");
}

Value<std::string> parse_regex(std::string_view text) {
  for (const auto& [part, instead] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"\\d", "[0-9]"}, {"\\D", "[^0-9]"}, {"(?", "a group without ?"}}) {
    if (text.find(part) == std::string_view::npos) continue;
    return wrong(
        "the pattern " + in_quotes(text) + " has " + std::string(part) + ", which extended patterns do not know",
        "write " + std::string(instead) + " (man 7 regex)");
  }
  regex_t compiled{};
  const int error = regcomp(&compiled, std::string(text).c_str(), REG_EXTENDED | REG_NOSUB);
  if (error == 0) {
    regfree(&compiled);
    return std::string(text);
  }
  std::array<char, 128> why{};
  regerror(error, &compiled, why.data(), why.size());
  return wrong("the pattern " + in_quotes(text) + " is not valid: " + why.data(), "it is an extended one: man 7 regex");
}

Value<std::string> parse_signal(std::string_view text) {
  std::string name = (text.starts_with("SIG") ? "" : "SIG") + std::string(text);
  if (signal_number(name) != 0) return name;
  std::string hint;
  if (const auto near = base::nearest(name, kSignalNames)) hint = "did you mean " + in_quotes(*near) + "? ";
  hint += "the signals are ";
  for (const std::string_view each : kSignalNames) {
    if (each != kSignalNames.front()) hint += ", ";
    hint += each;
  }
  return wrong(in_quotes(text) + " is no signal that stops a process", hint);
}

int signal_number(std::string_view name) {
  const auto found = std::ranges::find(kSignals, name, &Signal::name);
  return found == kSignals.end() ? 0 : found->number;
}

std::span<const std::string_view> signal_names() {
  return kSignalNames;
}

Value<std::string> parse_variable(std::string_view text) {
  const bool legal = !text.empty() && !is_digit(text.front()) &&
                     std::ranges::all_of(text, [](char c) { return is_digit(c) || is_letter(c) || c == '_'; });
  if (legal) return std::string(text);
  return wrong(in_quotes(text) + " is no name of an environment variable",
               "a name has letters, digits and '_', and does not begin with a digit");
}

Value<std::string> parse_variable_pattern(std::string_view text) {
  std::string name(text);
  std::erase(name, '*');
  if (!text.empty() && (name.empty() || parse_variable(text.starts_with('*') ? "A" + name : name))) {
    return std::string(text);
  }
  return wrong("this is no name of an environment variable",
               "write the variable's name, such as DATABASE_URL or \"*_TOKEN\", never the secret itself");
}

Value<bool> parse_boolean(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return wrong(in_quotes(text) + " is neither true nor false", "write true or false");
}

std::optional<std::string_view> other_reading(std::string_view plain) {
  const std::string word = lower(plain);
  for (const std::string_view boolean : {"true", "false", "yes", "no", "on", "off", "y", "n"}) {
    if (word == boolean) return "a boolean";
  }
  std::string_view number = plain;
  if (number.starts_with('-') || number.starts_with('+')) number.remove_prefix(1);
  const std::string word_unsigned = lower(number);
  if (word_unsigned == ".inf" || word_unsigned == ".nan") return "a number";
  if (number.empty() || !(is_digit(number.front()) || number.front() == '.')) return std::nullopt;
  std::string digits(number);
  std::erase(digits, '_');
  if (is_radix_number(digits) || is_decimal(digits) || is_base_sixty(digits)) return "a number";
  return std::nullopt;
}

}  // namespace cofferdam::policy
