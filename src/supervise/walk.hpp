// Walks a layer of the storage by descriptor, following nothing and crossing no mount.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>
#include <string_view>

#include "cofferdam/report.hpp"

namespace cofferdam::supervise {

// One name of a layer. Valid during the visit.
struct LayerEntry {
  int parent = -1;  // descriptor of the directory that holds it
  const char* name = nullptr;
  std::string_view relative;  // path below the start of the walk
  const struct stat& status;
  int lower = -1;  // O_PATH descriptor of the host's directory of that path; -1 where there is none
};

// Whether to go into the directory that was visited.
using LayerVisitor = std::function<bool(const LayerEntry& entry)>;
using ProblemSink = std::function<void(std::string_view relative, const std::string& why)>;

// Visits every entry below `directory`, parents first, siblings in the order of the file system. Beside it goes `lower`
// (O_PATH, -1 for none), the host's directory of the same path, if there is one. Holds two descriptors a level and
// nothing an entry, so that memory does not depend on what is there. What is more than 512 levels deep, and what comes
// after ten million entries, is a problem and not visited.
void walk_layer(int directory, int lower, const LayerVisitor& visit, const ProblemSink& problem);

// file, directory, symlink, fifo, socket or device.
[[nodiscard]] const char* type_name(mode_t mode);

}  // namespace cofferdam::supervise
