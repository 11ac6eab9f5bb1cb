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
    const char* type = "file";
  };
  std::vector<std::pair<std::string, Entry>> entries;  // sorted by path
};
[[nodiscard]] Baseline take_baseline(const InstanceView& instance);

// Walks every layer by descriptor, following nothing and crossing no mount. An overlay's upper layer is compared
// with the lower directory on the host: created, modified, deleted, metadata; an unchanged copy-up is no change.
// Whiteouts that the policy's hidden mounts made and mount points that we made are not reported. Stops at
// a million entries with a note in `unreadable`.
[[nodiscard]] ScanResult scan_storage(const InstanceView& instance, const Baseline& baseline);

// Copies every created or modified file into `directory` (which must exist), below its absolute path. Returns what
// could not be copied, one line each.
[[nodiscard]] std::vector<std::string> keep_writes(const InstanceView& instance, const ScanResult& scan,
                                                   const std::string& directory);

}  // namespace cofferdam::supervise
