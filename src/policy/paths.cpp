#include "policy/paths.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.hpp"
#include "policy/mistakes.hpp"

namespace cofferdam::policy {
namespace {

constexpr std::size_t kLongestPath = 4095;  // PATH_MAX without its NUL

struct Range {
  char32_t first;
  char32_t last;
  std::string_view what;
};
// Characters with which a path can be made to look like another one.
constexpr std::array kMisleading = {
    Range{0x00ad, 0x00ad, "an invisible character"},   Range{0x02dc, 0x02dc, "a look-alike of '~'"},
    Range{0x061c, 0x061c, "an invisible character"},   Range{0x180e, 0x180e, "an invisible character"},
    Range{0x200b, 0x200f, "an invisible character"},   Range{0x2024, 0x2025, "a look-alike of '.'"},
    Range{0x2028, 0x202e, "an invisible character"},   Range{0x2044, 0x2044, "a look-alike of '/'"},
    Range{0x2053, 0x2053, "a look-alike of '~'"},      Range{0x2060, 0x2069, "an invisible character"},
    Range{0x2215, 0x2215, "a look-alike of '/'"},      Range{0x223c, 0x223c, "a look-alike of '~'"},
    Range{0x29f8, 0x29f8, "a look-alike of '/'"},      Range{0xfe52, 0xfe52, "a look-alike of '.'"},
    Range{0xfeff, 0xfeff, "an invisible character"},   Range{0xff0e, 0xff0e, "a look-alike of '.'"},
    Range{0xff0f, 0xff0f, "a look-alike of '/'"},      Range{0xff5e, 0xff5e, "a look-alike of '~'"},
    Range{0xe0000, 0xe007f, "an invisible character"},
};

char32_t code_point(std::string_view sequence) {
  if (sequence.size() <= 1) return static_cast<unsigned char>(sequence.front());
  auto value = static_cast<char32_t>(static_cast<unsigned char>(sequence.front()) & (0x7fU >> sequence.size()));
  for (const char c : sequence.substr(1)) value = (value << 6U) | (static_cast<unsigned char>(c) & 0x3fU);
  return value;
}

std::optional<ValueError> check_characters(std::string_view written) {
  for (std::size_t at = 0; at < written.size();) {
    // An escape in double quotes is the only way here for a byte that is not UTF-8, and the parser makes none.
    const std::size_t length = std::max<std::size_t>(1, base::utf8_sequence(written.substr(at)));
    const char32_t point = code_point(written.substr(at, length));
    if (point < 0x20 || (point >= 0x7f && point < 0xa0)) {
      return ValueError{"the path " + in_quotes(written) + " contains a control character", {}};
    }
    for (const Range& range : kMisleading) {
      if (point < range.first || point > range.last) continue;
      std::array<char, 16> name{};
      std::snprintf(name.data(), name.size(), "U+%04X", static_cast<unsigned>(point));
      return ValueError{"the path " + in_quotes(written) + " contains " + std::string(range.what) + ", " + name.data(),
                        {}};
    }
    at += length;
  }
  return std::nullopt;
}

std::string without_repeated_slashes(std::string_view path) {
  std::string out(path);
  const auto repeated = std::ranges::unique(out, [](char a, char b) { return a == '/' && b == '/'; });
  out.erase(repeated.begin(), repeated.end());
  return out;
}

constexpr auto kSystemDirectories =
    std::to_array<std::string_view>({"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/boot", "/etc"});

// Too much to keep as a whole; a directory beneath is fine.
constexpr auto kSharedDirectories = std::to_array<std::string_view>(
    {"/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/tmp", "/var", "/var/tmp"});

}  // namespace

std::optional<ValueError> check_path(std::string_view written) {
  if (written.empty()) return ValueError{"the path is empty", "'.' is the directory of the policy"};
  if (written.size() > kLongestPath) return ValueError{"the path " + in_quotes(written) + " is too long", {}};
  if (auto error = check_characters(written)) return error;
  if (written.find("//") != std::string_view::npos) {
    return ValueError{"the path " + in_quotes(written) + " contains '//'",
                      "did you mean " + in_quotes(without_repeated_slashes(written)) + "?"};
  }
  if (written.find('$') != std::string_view::npos) {
    return ValueError{"the path " + in_quotes(written) + " contains '$'",
                      "variables are not expanded; begin it with '/', './', '../' or '~/'"};
  }
  if (written.find('\\') != std::string_view::npos) {
    return ValueError{"the path " + in_quotes(written) + " contains a backslash", "directories are separated by '/'"};
  }
  if (written.starts_with('~') && written.size() > 1 && written[1] != '/') {
    return ValueError{"the path " + in_quotes(written) + " begins with '~' but not with '~/'",
                      "only your own home directory has a short form; a file of that name is " +
                          in_quotes("./" + std::string(written))};
  }
  return std::nullopt;
}

Value<std::string> resolve_path(std::string_view written, const PathBase& base) {
  if (written.starts_with('/')) return base::normalise_path(written);
  if (!written.starts_with('~')) return base::normalise_path(base.directory + '/' + std::string(written));
  if (base.home.empty()) {
    return std::unexpected(
        ValueError{"the path " + in_quotes(written) + " needs the home directory, and HOME is not set",
                   "set HOME, or write the path from '/'"});
  }
  return base::normalise_path(base.home + '/' + std::string(written.substr(1)));
}

Value<std::string> resolve_glob(std::string_view written, const PathBase& base) {
  if (written.starts_with("**")) return std::string(written);
  return resolve_path(written, base);
}

std::optional<ValueError> check_mount(std::string_view path, MountType type, std::string_view home) {
  const std::string on = " on " + in_quotes(path) + " is not allowed";
  if (path == "/") {
    return ValueError{"a mount" + on, "everything is read-only already; name the directories that the app writes to"};
  }
  const bool device = base::is_beneath(path, "/dev") && !base::is_beneath(path, "/dev/shm");
  if (base::is_beneath(path, "/proc") || base::is_beneath(path, "/sys") || device) {
    return ValueError{"a mount" + on,
                      "cofferdam sets up /proc, /sys and /dev itself; below them only /dev/shm can be named"};
  }
  const auto is_system = [&](bool or_beneath) {
    return std::ranges::any_of(kSystemDirectories, [&](std::string_view each) {
      return path == each || (or_beneath && base::is_beneath(path, each));
    });
  };
  if (type == MountType::persistent) {
    if (is_system(true))
      return ValueError{"a persistent mount" + on, "it would let the app change the system; use overlay"};
    if (!home.empty() && base::is_beneath(home, path)) {
      return ValueError{"a persistent mount" + on,
                        "it would keep every write to your home directory; name the one cache directory"};
    }
    if (std::ranges::find(kSharedDirectories, path) != kSharedDirectories.end()) {
      return ValueError{"a persistent mount" + on, "name the one cache directory that is to be kept"};
    }
  }
  if ((type == MountType::tmpfs || type == MountType::hidden) && is_system(false)) {
    return ValueError{std::string(type == MountType::tmpfs ? "a tmpfs" : "hiding what is") + on,
                      "programs need what is there; use overlay, or name a directory beneath it"};
  }
  return std::nullopt;
}

bool is_too_wide_to_watch(std::string_view path, std::string_view home) {
  return !home.empty() && home != "/" && base::is_beneath(home, path);
}

}  // namespace cofferdam::policy
