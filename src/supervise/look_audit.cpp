#include "supervise/look_audit.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <span>

#include "base/text.hpp"
#include "plan/address.hpp"
#include "supervise/arguments.hpp"

namespace cofferdam::supervise {

namespace {

using Kind = kernel::NotifyKind;

// Links and missing directories on the way to one path; a path that needs more is left alone.
constexpr int kMostSteps = 64;

// The path of a bind or connect to a socket file.
std::string socket_path(const kernel::Notification& call, const kernel::NotifyRow& row,
                        const kernel::ThreadView& view) {
  const auto length = static_cast<std::uint32_t>(argument(call, row.shape.length));
  if (length > plan::kMaxSockaddr) return {};
  std::vector<std::byte> bytes(length);
  if (view.read_memory(argument(call, row.shape.data), bytes) != static_cast<ssize_t>(length)) return {};
  const auto endpoint = plan::parse_sockaddr(bytes);
  const auto* file = endpoint ? std::get_if<plan::UnixPathEndpoint>(&*endpoint) : nullptr;
  return file == nullptr ? std::string() : file->path;
}

bool follows(const kernel::Notification& call, const kernel::NotifyRow& row, std::uint64_t flags) {
  if (row.kind == Kind::open || row.kind == Kind::open_how) return (flags & (O_NOFOLLOW | O_EXCL)) == 0;
  if (row.kind == Kind::connect) return true;
  if (!row.shape.follows || row.shape.flags < 0) return row.shape.follows;
  return (int_argument(call, row.shape.flags) & AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace

LookAudit::LookAudit(const InstanceView& instance, std::vector<Leftover> leftovers) : instance_(instance) {
  for (Leftover& left : leftovers) {
    std::string path = left.what.path;
    leftovers_.try_emplace(std::move(path), Looked{std::move(left), Fate::untouched, false, nullptr, {}, {}});
  }
}

void LookAudit::expect(Leftover left) {
  std::string path = left.what.path;
  leftovers_.try_emplace(std::move(path), Looked{std::move(left), Fate::untouched, false, nullptr, {}, {}});
}

void LookAudit::forget(const std::string& path) {
  const auto known = leftovers_.find(path);
  if (known != leftovers_.end() && !is_missed(known->second.fate)) leftovers_.erase(known);
}

void LookAudit::see(const kernel::Notification& call, const kernel::NotifyRow& row, const KnownThread& thread) {
  if (leftovers_.empty()) return;
  const kernel::ArgumentShape& shape = row.shape;
  const auto flags = open_flags(call, row, thread.view);
  const Touch touch = flags ? touch_of(row.kind, *flags) : Touch::none;
  if (touch == Touch::none) return;
  // Of two paths the second is made.
  const bool second = shape.second_path >= 0;
  const std::int8_t place = second ? shape.second_path : shape.path;
  const std::int8_t directory = second ? shape.second_dirfd : shape.dirfd;
  std::string path;
  if (place >= 0) {
    auto text = thread.view.read_path(argument(call, place));
    if (text) path = std::move(*text);
  } else if (row.kind == Kind::bind || row.kind == Kind::connect) {
    path = socket_path(call, row, thread.view);
  }
  if (path.empty()) return;
  const int dirfd = directory >= 0 ? int_argument(call, directory) : AT_FDCWD;
  const auto seen = resolve(thread, dirfd, path, !second && follows(call, row, *flags));
  if (seen) note(*seen, touch, row.name, thread);
}

// What is there is named by its handle. For what is not: the nearest directory that is, and the rest as it was written.
std::optional<LookAudit::Seen> LookAudit::resolve(const KnownThread& thread, int dirfd, const std::string& path,
                                                  bool follow) const {
  if (const kernel::Fd object = pin_object(instance_, thread.view, thread.status, dirfd, path, follow)) {
    return Seen{path_of(object.get()), true};
  }
  if (errno != ENOENT) return std::nullopt;
  std::string wanted = path;
  std::string rest;
  for (int step = 0; step < kMostSteps; ++step) {
    while (wanted.size() > 1 && wanted.ends_with('/')) wanted.pop_back();
    const Place place = find_place(instance_, thread.view, dirfd, wanted);
    if (!place.parent) {
      const std::size_t slash = wanted.rfind('/');
      if (place.error != ENOENT || slash == std::string::npos || slash == 0) return std::nullopt;
      rest.insert(0, wanted.substr(slash));
      wanted.resize(slash);
      continue;
    }
    const auto link = place.name == "." || (!follow && rest.empty())
                          ? fail("", EINVAL)
                          : kernel::read_link_at(place.parent.get(), place.name.c_str());
    if (!link) return Seen{base::normalise_path(place.path + rest), false};
    const std::string above = place.path.substr(0, place.path.rfind('/') + 1);
    wanted = link->starts_with('/') ? *link : above + *link;
    dirfd = AT_FDCWD;
  }
  return std::nullopt;
}

void LookAudit::note(const Seen& seen, Touch touch, std::string_view call, const KnownThread& thread) {
  const auto known = leftovers_.find(seen.path);
  if (known == leftovers_.end()) return;
  Looked& entry = known->second;
  const Fate before = entry.fate;
  entry.fate = next_fate(before, touch, seen.there, entry.left.what);
  // The first look is the evidence; one at work says more than one at the start, and a telling one more than a glance.
  const bool better = driven_ && !entry.driven;
  const bool worse = entry.driven && !driven_;
  if (touch == Touch::make || worse || (entry.process != nullptr && entry.fate == before && !better)) return;
  entry.driven = driven_;
  entry.process = thread.process;
  entry.call = call;
  clock_gettime(CLOCK_REALTIME, &entry.when);
}

std::vector<Looked> LookAudit::looked() const {
  std::vector<Looked> found;
  std::set<std::string> holding;   // directories that held files
  std::set<std::string> answered;  // directories below which something is named
  const auto add_parents = [](std::set<std::string>& set, std::string path) {
    while (path.size() > 1) {
      path.resize(std::max<std::size_t>(path.rfind('/'), 1));
      if (!set.insert(path).second) return;
    }
  };
  for (const auto& [path, entry] : leftovers_) {
    if (entry.left.what.type == "directory") continue;
    add_parents(holding, path);
    if (entry.fate == Fate::untouched || entry.fate == Fate::made) continue;
    add_parents(answered, path);
    found.push_back(entry);
  }
  for (const auto& [path, entry] : leftovers_) {
    const bool missed = entry.left.what.type == "directory" && is_missed(entry.fate);
    if (missed && holding.contains(path) && !answered.contains(path)) found.push_back(entry);
  }
  std::ranges::sort(found, {}, [](const Looked& entry) { return entry.left.what.path; });
  return found;
}

}  // namespace cofferdam::supervise
