// What a scanned file is by its first bytes.
#pragma once

#include <sys/stat.h>

#include <string_view>

namespace cofferdam::supervise {

// base::content_kind of the regular file `name` below `parent`, read without following a link or waiting, at most
// kMagicBytes; empty for anything else and for what can't be read. `parent` must be in a layer of the instance (a
// tmpfs): what is read costs no disk.
[[nodiscard]] std::string_view content_of(int parent, const char* name, const struct stat& status);

}  // namespace cofferdam::supervise
