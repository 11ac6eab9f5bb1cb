// Standard input and output of the app where the caller has redirected them: descriptors of files are never handed in,
// because the app could change the file's mode and times through them, or write what it may only read.
#pragma once

#include <sys/types.h>

#include <array>
#include <vector>

#include "cofferdam/result.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::run {

// Processes that carry bytes between files and pipes. Each ends with its input, or when nobody reads.
class Carriers {
 public:
  Carriers() = default;
  Carriers(const Carriers&) = delete;
  Carriers& operator=(const Carriers&) = delete;
  ~Carriers();

  // The content of the file `number`, through a pipe.
  [[nodiscard]] Result<kernel::Fd> feed(int number);
  // A pipe whose content goes to the file `number`.
  [[nodiscard]] Result<kernel::Fd> collect(int number);
  // The app has ended, and the launcher's own ends are closed: what it wrote arrives, what it did not read is dropped.
  void finish();

 private:
  [[nodiscard]] Result<void> start(int from, int to, std::vector<pid_t>& list);

  std::vector<pid_t> feeders_;
  std::vector<pid_t> collectors_;
};

// What a one-off gets for the descriptors 0, 1 and 2. Empty: the terminal of the instance, because that descriptor is
// a terminal of the caller's.
using GivenStdio = std::array<kernel::Fd, 3>;
[[nodiscard]] Result<GivenStdio> one_off_stdio(Carriers& carriers);

// /dev/null to read from, above the standard streams.
[[nodiscard]] Result<kernel::Fd> open_nowhere();

}  // namespace cofferdam::run
