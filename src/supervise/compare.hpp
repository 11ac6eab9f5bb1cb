// What happened to one name of an overlay's upper layer, seen against the host's file of that name.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>

#include "cofferdam/report.hpp"
#include "supervise/walk.hpp"

namespace cofferdam::supervise {

struct Comparison {
  std::optional<Change> change;  // nothing for an unchanged copy-up, or a whiteout of what is not there
  bool on_host = false;
  struct stat lower{};  // of the host's file, when there is one
};
// Content is compared only where type and size are the same, and then in full: times can be set back.
[[nodiscard]] Comparison compare_with_host(const LayerEntry& entry);

[[nodiscard]] bool is_whiteout(const struct stat& status);

[[nodiscard]] std::int64_t nanoseconds(const timespec& time);

}  // namespace cofferdam::supervise
