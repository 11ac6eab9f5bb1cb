// Host content on its way into an instance.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

namespace cofferdam::supervise {

// The names in an open directory, in the order of the file system.
[[nodiscard]] std::vector<std::string> names_in(int directory);

// Copies a file that nobody writes meanwhile, in pieces of 1 MiB, each read as a whole and compared with `status`, what
// the file was, before it is written. Returns 0, an errno, or EAGAIN when the host was writing it.
[[nodiscard]] int copy_content(int from, int to, const struct stat& status);

[[nodiscard]] bool same_content(int a, int b);

// Owner, rights and times; what is right already is not touched.
void copy_attributes(int to, const struct stat& status);

}  // namespace cofferdam::supervise
