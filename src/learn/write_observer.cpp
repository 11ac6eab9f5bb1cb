#include "learn/write_observer.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.hpp"
#include "report/passing.hpp"

namespace cofferdam::learn {

namespace {

// Calls that change an object itself, which may be a directory; all others change the directory around it.
bool changes_object(std::string_view call) {
  constexpr std::array<std::string_view, 4> kParts = {"chmod", "chown", "utime", "xattr"};
  return std::ranges::any_of(kParts, [&](std::string_view part) { return call.find(part) != std::string_view::npos; });
}

// What each run makes up is cut off, so that a thousand temporary directories are one.
std::string settled_part(const std::string& path) {
  for (std::size_t slash = 0; slash != std::string::npos;) {
    const std::size_t next = path.find('/', slash + 1);
    if (report::is_passing(std::string_view(path).substr(slash + 1, next - slash - 1))) return path.substr(0, slash);
    slash = next;
  }
  return path;
}

}  // namespace

std::string program_of(const ProcessRef& process) {
  if (!process) return "";
  return process->lineage.empty() ? base::base_name(process->exe) : process->lineage.front();
}

bool WriteObserver::is_outside(const std::string& path) const {
  if (base::is_beneath(path, "/proc") || base::is_beneath(path, "/sys") || base::is_beneath(path, "/dev")) return false;
  const bool mounted = std::ranges::any_of(storage_.mounts, [&](const MountRule& rule) {
    return rule.type != MountType::hidden && base::is_beneath(path, rule.path);
  });
  return !mounted && std::ranges::none_of(storage_.audit_ignore,
                                          [&](const std::string& glob) { return base::glob_match(glob, path); });
}

void WriteObserver::note(const std::string& path, const WriteEvent& write) {
  if (!path.starts_with('/') || !is_outside(path)) return;
  const std::string key = changes_object(write.call) ? path : path.substr(0, path.rfind('/'));
  const std::pair<std::string, std::string> place{settled_part(key), program_of(write.process)};
  if (seen_.size() < kMostPlaces) {
    seen_.try_emplace(place, Written{path, 0, place.second});
  } else if (!seen_.contains(place)) {
    missed_ = true;
  }
}

void WriteObserver::on_event(const Event& event) {
  const auto* write = std::get_if<WriteEvent>(&event.body);
  if (write == nullptr || write->outcome != WriteOutcome::landed) return;
  note(write->path, *write);
  if (!write->to.empty()) note(write->to, *write);
}

std::vector<Written> WriteObserver::writes() const {
  std::vector<Written> all;
  for (const auto& [place, written] : seen_) all.push_back(written);
  return all;
}

}  // namespace cofferdam::learn
