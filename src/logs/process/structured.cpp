#include "logs/process/structured.hpp"

#include <algorithm>
#include <charconv>

#include "logs/level.hpp"
#include "logs/process/json_scanner.hpp"
#include "logs/process/logfmt_scanner.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::size_t kTraceDigits = 32;
constexpr std::size_t kSpanDigits = 16;

bool is_text(const Member& member) {
  return member.kind == MemberValue::string || member.kind == MemberValue::word;
}

std::optional<LogLevel> level_of(const Member& member) {
  if (member.kind == MemberValue::number || member.kind == MemberValue::word) {
    std::uint32_t number = 0;
    const char* const end = member.value.data() + member.value.size();
    const auto read = std::from_chars(member.value.data(), end, number);
    if (read.ec == std::errc() && read.ptr == end) return level_of_number(number);
  }
  return is_text(member) && !member.value_escaped ? level_of_name(member.value) : std::nullopt;
}

bool is_id(const Member& member, std::size_t digits) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
  return is_text(member) && member.value.size() == digits && std::ranges::all_of(member.value, is_hex) &&
         member.value.find_first_not_of('0') != std::string_view::npos;
}

bool can_be_lifted(const Member& member, const KnownKey& known) {
  switch (known.role) {
    case KeyRole::message: return is_text(member);
    case KeyRole::level: return level_of(member).has_value();
    case KeyRole::trace_id: return is_id(member, kTraceDigits) || (!known.whole_only && is_id(member, kSpanDigits));
    case KeyRole::span_id: return is_id(member, kSpanDigits);
  }
  return false;
}

// What was appended to `text` since it had `start` bytes.
std::string_view since(const std::string& text, std::size_t start) {
  return std::string_view(text).substr(start);
}

// The id in small letters, with zeros in front up to `digits`.
std::string_view small_id(std::string_view id, std::size_t digits, std::string& text) {
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'F'; };
  if (id.size() == digits && std::ranges::none_of(id, is_capital)) return id;
  const std::size_t start = text.size();
  text.append(digits - id.size(), '0');
  for (const char c : id) text.push_back(is_capital(c) ? static_cast<char>(c | 0x20) : c);
  return since(text, start);
}

// The member's value as JSON.
std::string_view json_of(const Member& member, std::string& text) {
  if (member.kind == MemberValue::string) return {member.value.data() - 1, member.value.size() + 2};
  if (member.kind != MemberValue::word) return member.value;
  const std::size_t start = text.size();
  text.push_back('"');
  for (const char c : member.value) {
    if (c == '\\') text.push_back('\\');
    text.push_back(c);
  }
  text.push_back('"');
  return since(text, start);
}

}  // namespace

StructuredParser::StructuredParser(const LogParse& parse) : json_(parse.json), logfmt_(parse.logfmt) {
  entries_.reserve(kMaxMembers);
}

bool StructuredParser::read(std::string_view line, Structured& out) {
  const bool is_json = line.substr(std::min(line.find_first_not_of(kBlanks), line.size())).starts_with('{');
  if (line.size() > kMaxLine || !(is_json || LogfmtScanner::begins_with_pair(line))) return false;
  const LogStructured mode = is_json ? json_ : logfmt_;
  const std::string_view body = line.substr(0, line.find_last_not_of(kBlanks) + 1);
  if (!(is_json ? collect(JsonScanner(body)) : collect(LogfmtScanner(body)))) return false;

  out.fields.clear();
  out.text.clear();
  // Views into `text` must stay: each byte of the line comes to it twice at most.
  out.text.reserve(2 * line.size() + 8 * entries_.size() + 64);
  if (!name_members(out)) return false;
  lift(out);
  if (!is_json && !is_certain_logfmt()) return false;
  if (mode == LogStructured::keep) {
    out.message = line;
    return true;
  }
  lift_message(out);
  if (mode == LogStructured::merge) return add_fields(out);
  add_data(out);
  return true;
}

template <class Scanner>
bool StructuredParser::collect(Scanner scanner) {
  entries_.clear();
  pairs_ = 0;
  Member member;
  for (;;) {
    const MemberStep step = scanner.next(member);
    if (step == MemberStep::end) return true;
    if (step == MemberStep::invalid || entries_.size() == kMaxMembers) return false;
    pairs_ += is_text(member) ? 1 : 0;
    entries_.push_back({member, member.key});
  }
}

bool StructuredParser::is_certain_logfmt() const {
  const bool has_role = roles_[static_cast<std::size_t>(KeyRole::message)].has_value() ||
                        roles_[static_cast<std::size_t>(KeyRole::level)].has_value();
  return pairs_ >= 2 && (pairs_ == entries_.size() || has_role);
}

// False when a name comes twice or is too long.
bool StructuredParser::name_members(Structured& out) {
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->member.key_escaped) {
      const std::size_t start = out.text.size();
      append_unescaped(out.text, entry->member.key);
      entry->name = since(out.text, start);
    }
    if (entry->name.size() > kLongestName) return false;
    const auto same = [&](const Entry& other) { return other.name == entry->name; };
    if (std::any_of(entries_.begin(), entry, same)) return false;
  }
  return true;
}

void StructuredParser::lift(Structured& out) {
  std::array<std::uint8_t, kKeyRoles> ranks{};
  roles_ = {};
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const KnownKey* const known = find_known_key(entries_[i].name);
    if (known == nullptr || !can_be_lifted(entries_[i].member, *known)) continue;
    const auto role = static_cast<std::size_t>(known->role);
    if (roles_.at(role) && ranks.at(role) < known->rank) continue;
    roles_.at(role) = i;
    ranks.at(role) = known->rank;
  }
  for (const auto& place : roles_) {
    if (place) entries_[*place].lifted = true;
  }
  const auto member_of = [&](KeyRole role) -> const Member* {
    const auto place = roles_.at(static_cast<std::size_t>(role));
    return place ? &entries_[*place].member : nullptr;
  };
  const Member* const level = member_of(KeyRole::level);
  const Member* const trace = member_of(KeyRole::trace_id);
  const Member* const span = member_of(KeyRole::span_id);
  out.level = level == nullptr ? std::nullopt : level_of(*level);
  out.trace_id = trace == nullptr ? std::string_view() : small_id(trace->value, kTraceDigits, out.text);
  out.span_id = span == nullptr ? std::string_view() : small_id(span->value, kSpanDigits, out.text);
}

void StructuredParser::lift_message(Structured& out) {
  out.message = {};
  const auto place = roles_[static_cast<std::size_t>(KeyRole::message)];
  if (!place) return;
  const Member& member = entries_[*place].member;
  out.message = member.value;
  if (!member.value_escaped) return;
  const std::size_t start = out.text.size();
  append_unescaped(out.text, member.value);
  out.message = since(out.text, start);
}

// False when a name that has to change would come twice.
bool StructuredParser::add_fields(Structured& out) {
  for (const Entry& entry : entries_) {
    if (entry.lifted) continue;
    std::string_view name = entry.name;
    if (is_record_key(name)) {
      const std::size_t start = out.text.size();
      out.text.append("app.").append(name);
      name = since(out.text, start);
      if (std::ranges::find(entries_, name, &Entry::name) != entries_.end()) return false;
    }
    out.fields.push_back({name, json_of(entry.member, out.text)});
  }
  return true;
}

void StructuredParser::add_data(Structured& out) {
  if (std::ranges::all_of(entries_, &Entry::lifted)) return;
  const std::size_t start = out.text.size();
  out.text.push_back('{');
  for (const Entry& entry : entries_) {
    if (entry.lifted) continue;
    if (out.text.size() > start + 1) out.text.push_back(',');
    out.text.append("\"").append(entry.member.key).append("\":");
    // A word is written where it belongs.
    const std::size_t before = out.text.size();
    const std::string_view json = json_of(entry.member, out.text);
    if (out.text.size() == before) out.text.append(json);
  }
  out.text.push_back('}');
  out.fields.push_back({"data", since(out.text, start)});
}

}  // namespace cofferdam::logs
