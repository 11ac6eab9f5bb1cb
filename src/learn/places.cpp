#include "learn/places.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "policy/paths.hpp"
#include "report/passing.hpp"

namespace cofferdam::learn {

namespace {

constexpr std::uint64_t kSmallest = 16ULL << 20;
constexpr std::uint64_t kLargest = 1ULL << 62;

// Too much for one application. A directory beneath is fine.
constexpr std::array<std::string_view, 9> kShared = {"/home", "/media", "/mnt", "/opt",    "/root",
                                                     "/srv",  "/var",   "/run", "/var/lib"};

std::string directory_of(std::string_view path, const Bounds& bounds) {
  std::string directory = "/";
  for (const std::string_view component : base::split(path.substr(1), '/')) {
    std::string next = directory + (directory == "/" ? "" : "/") + std::string(component);
    if (report::is_passing(component) || !bounds.is_directory(next)) break;
    directory = std::move(next);
  }
  return directory;
}

std::optional<std::string> why_not(const std::string& directory, const Bounds& bounds) {
  if (directory == "/") return "it is the root of the file system";
  if (std::ranges::find(kShared, directory) != kShared.end()) {
    return "the whole machine shares it; create the directory that the app writes, as an image would";
  }
  if (policy::check_path(directory)) return "a policy can't hold its name";
  if (!bounds.home.empty() && base::is_beneath(bounds.home, directory)) {
    return directory == bounds.home ? "it is the home directory itself" : "the home directory is beneath it";
  }
  for (const std::string& hidden : bounds.hidden) {
    if (base::is_beneath(directory, hidden)) return "" + hidden + " is hidden";
    if (base::is_beneath(hidden, directory)) return "" + hidden + ", which is hidden, is beneath it";
  }
  if (policy::check_mount(directory, MountType::overlay, bounds.home)) return "it is the kernel's own";
  if (policy::check_mount(directory, MountType::persistent, bounds.home)) {
    return "it belongs to the system, which an image brings and nobody changes at run time";
  }
  return std::nullopt;
}

void add(Place& place, const Written& file, std::uint64_t& largest) {
  if (place.example.empty() || file.bytes > largest) {
    place.example = file.path;
    largest = file.bytes;
  }
  place.bytes += file.bytes;
  const auto at = std::ranges::lower_bound(place.programs, file.program);
  if (!file.program.empty() && (at == place.programs.end() || *at != file.program)) {
    place.programs.insert(at, file.program);
  }
}

}  // namespace

Places places_of(std::span<const Written> files, const Bounds& bounds) {
  std::map<std::string, std::vector<const Written*>> by_directory;
  for (const Written& file : files) by_directory[directory_of(file.path, bounds)].push_back(&file);

  std::map<std::string, Place> mounts;
  std::map<std::string, LeftOut> left_out;
  std::map<std::string, std::uint64_t> largest;
  for (const auto& [directory, written] : by_directory) {
    std::optional<std::string> why = why_not(directory, bounds);
    std::string target = directory;
    if (!why) {
      const auto above =
          std::ranges::find_if(mounts, [&](const auto& mount) { return base::is_beneath(directory, mount.first); });
      if (above != mounts.end()) target = above->first;
    }
    Place& place = why ? left_out[target].place : mounts[target];
    place.directory = target;
    if (why) left_out[target].why = std::move(*why);
    for (const Written* file : written) add(place, *file, largest[target]);
  }

  Places places;
  for (auto& [directory, place] : mounts) places.mounts.push_back(std::move(place));
  for (auto& [directory, each] : left_out) places.left_out.push_back(std::move(each));
  return places;
}

std::uint64_t size_for(std::uint64_t peak) {
  if (peak >= kLargest / 2) return kLargest;
  return std::max(kSmallest, std::bit_ceil(peak + peak / 3));
}

}  // namespace cofferdam::learn
