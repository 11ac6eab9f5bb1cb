// The second witness of the audit: what is there at the end of a run, read from the layers themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cofferdam/report.hpp"
#include "supervise/places.hpp"

namespace cofferdam::supervise {

// What a tmpfs of the container held before the app started (container mode); empty in local mode.
struct Baseline {
  struct Entry {
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;
    std::uint64_t links = 0;
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    const char* type = "file";
  };
  std::vector<std::pair<std::string, Entry>> entries;  // sorted by path
};
[[nodiscard]] Baseline take_baseline(const InstanceView& instance);

// Called for every change, in no particular order. The change is valid during the call.
using ChangeVisitor = std::function<void(const ScannedChange& change)>;

// Walks every layer by descriptor, following nothing and crossing no mount. An overlay's upper layer is compared
// with the lower directory on the host: created, modified, deleted, metadata; an unchanged copy-up is no change.
// Whiteouts that the policy's hidden mounts made and mount points that we made are not told. Nothing is held: what
// is to be kept of a million changes is the visitor's matter. Returns what could not be read, at most 101 places.
// May be called again; the storage is left as it is.
[[nodiscard]] std::vector<Unreadable> scan_storage(const InstanceView& instance, const Baseline& baseline,
                                                   const ChangeVisitor& visit);

}  // namespace cofferdam::supervise
