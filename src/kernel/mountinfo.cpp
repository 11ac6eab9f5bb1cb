#include "kernel/mountinfo.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/text.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::kernel {

namespace {

// Space, tab, newline and backslash stand as \ooo (proc(5)).
std::string unescape(std::string_view field) {
  std::string out;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const auto octal = [&](std::size_t at) { return at < field.size() && field[at] >= '0' && field[at] <= '7'; };
    if (field[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      out += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0'));
      i += 3;
    } else {
      out += field[i];
    }
  }
  return out;
}

bool has_option(std::string_view options, std::string_view wanted) {
  const auto parts = base::split(options, ',');
  return std::ranges::find(parts, wanted) != parts.end();
}

}  // namespace

std::vector<MountEntry> parse_mountinfo(std::string_view text) {
  std::vector<MountEntry> entries;
  for (const std::string_view line : base::split(text, '\n')) {
    const auto fields = base::split(line, ' ');
    const auto dash = std::ranges::find(fields, std::string_view("-"));
    if (fields.size() < 10 || dash - fields.begin() < 6 || fields.end() - dash < 4) continue;
    MountEntry entry;
    entry.id = std::strtoull(std::string(fields[0]).c_str(), nullptr, 10);
    entry.parent = std::strtoull(std::string(fields[1]).c_str(), nullptr, 10);
    entry.root = unescape(fields[3]);
    entry.mount_point = unescape(fields[4]);
    entry.type = dash[1];
    entry.source = unescape(dash[2]);
    entry.read_only = has_option(fields[5], "ro") || has_option(dash[3], "ro");
    entry.no_exec = has_option(fields[5], "noexec") || has_option(dash[3], "noexec");
    entry.from_outside = std::any_of(fields.begin() + 6, dash, [](auto field) { return field.starts_with("master:"); });
    const auto options = base::split(dash[3], ',');
    entry.sized = std::ranges::any_of(options, [](auto option) { return option.starts_with("size="); });
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<std::vector<MountEntry>> read_mountinfo() {
  auto text = read_file("/proc/self/mountinfo", 16 << 20);
  if (!text) return std::unexpected(text.error());
  return parse_mountinfo(*text);
}

}  // namespace cofferdam::kernel
