#include "cli/baseline_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "base/text.hpp"
#include "cli/console.hpp"
#include "kernel/procfs.hpp"

namespace cofferdam::cli {

namespace {

constexpr std::size_t kLargest = 16 << 20;
constexpr std::size_t kShown = 5;

std::string home() {
  const auto environment = environment_map();
  const auto home = environment.find("HOME");
  return home == environment.end() ? "" : home->second;
}

}  // namespace

Result<report::Baseline> read_baseline(const std::string& file, bool may_be_missing) {
  if (file.empty()) return report::Baseline{};
  const std::string name = "--baseline " + base::printable(file) + ": ";
  const auto text = kernel::read_file(file, kLargest);
  if (!text) {
    if (text.error().errnum == ENOENT && may_be_missing) return report::Baseline{};
    return fail(name + (text.error().errnum == ENOENT ? "there is no such file; --update-baseline makes it"
                                                      : text.error().message),
                text.error().errnum, 125);
  }
  auto baseline = report::parse_baseline(*text);
  if (!baseline) return fail(name + baseline.error().message, 0, 125);
  return baseline;
}

Result<void> write_whole(const std::string& file, const std::string& text) {
  const std::string draft = file + ".part";
  std::ofstream stream(draft, std::ios::trunc | std::ios::binary);
  stream << text;
  stream.close();
  if (stream && rename(draft.c_str(), file.c_str()) == 0) return {};
  const int error = errno;
  unlink(draft.c_str());
  return fail(base::printable(file) + " can't be written: " + std::strerror(error), error);
}

void compare_with_baseline(Report& report, const report::Baseline& baseline, const std::string& file) {
  const report::Compared compared = report::take_known(report, baseline, home());
  const std::string name = base::printable(file);
  if (compared.known != 0) {
    say(Severity::note, base::plural(compared.known, "finding") + (compared.known == 1 ? " is" : " are") +
                            " known by " + name + " and not shown");
  }
  if (compared.vanished.empty()) return;
  std::string entries;
  for (std::size_t i = 0; i < std::min(compared.vanished.size(), kShown); ++i) {
    const report::BaselineEntry& entry = compared.vanished[i];
    entries += (i == 0 ? "" : "; ") + entry.code + " " + entry.program + (entry.what.empty() ? "" : " " + entry.what);
  }
  if (compared.vanished.size() > kShown) entries += "; ...";
  say(Severity::note, std::to_string(compared.vanished.size()) + " of " + name +
                          " did not occur: " + base::printable(entries) + " (--update-baseline takes them out)");
}

}  // namespace cofferdam::cli
