#include "supervise/content.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/magic.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::supervise {

std::string_view content_of(int parent, const char* name, const struct stat& status) {
  if (!S_ISREG(status.st_mode) || status.st_size == 0) return {};
  const kernel::Fd file(openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return {};
  std::array<char, base::kMagicBytes> first{};
  const ssize_t got = pread(file.get(), first.data(), first.size(), 0);
  return got <= 0 ? std::string_view{} : base::content_kind({first.data(), static_cast<std::size_t>(got)});
}

}  // namespace cofferdam::supervise
