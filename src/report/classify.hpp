// What kind of file a path is, by its name alone.
#pragma once

#include <string_view>

namespace cofferdam::report {

// "vcs" (beneath .git, .hg or .svn), "cache" (what a tool makes again by itself), "log", "source" (what a person or a
// generator writes and would miss: code, templates, configuration, lock files, migrations), else "file". `path` is
// absolute. Beneath the directories for temporary files and installed packages nothing is source.
[[nodiscard]] std::string_view classify(std::string_view path);

}  // namespace cofferdam::report
