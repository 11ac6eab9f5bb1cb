// Where a process's own words lead: its script, and the place that its interpreter takes for its home. An image is
// judged before its interpreter opens anything, so a path counts by where it leads for good: a link that the instance
// could exchange in between is not followed, and such a path equals only the same words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernel/fd.hpp"
#include "kernel/procfs.hpp"

namespace cofferdam::supervise {

// Where a link may be exchanged by the instance: everywhere that is not mounted read-only; where Landlock stands for
// the mounts (container mode), on a tmpfs.
struct Changeable {
  bool tmpfs_only = false;
  [[nodiscard]] bool at(int directory) const;
};

// `absolute` as seen from `root`, in as few words as are certain: without ".", "..", and without links as far as these
// can't be exchanged; from the first one that can, the words as they are. Also for what is not there.
[[nodiscard]] std::string settled_path(const kernel::Fd& root, const std::string& absolute, Changeable changeable);

// Where an interpreter looks for its own things (Python its pyvenv.cfg and modules, PHP its php.ini): the directory of
// argv[0], which PATH gives where argv[0] has no slash.
struct InterpreterHome {
  std::string place;   // settled; empty when nothing was found
  std::string search;  // PATH up to there, where an earlier place on it may have another program by now; else empty
};
[[nodiscard]] InterpreterHome interpreter_home(const kernel::Fd& root, const std::string& directory,
                                               const std::string& argv0, const std::vector<std::string>& environment,
                                               Changeable changeable);

// The same home for good, whatever is made in PATH's places after the look. What the app is compared with was there
// first.
[[nodiscard]] bool same_home(const InterpreterHome& app, const InterpreterHome& other);

}  // namespace cofferdam::supervise
