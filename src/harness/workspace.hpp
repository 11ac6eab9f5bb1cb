// The private directories of one case, and whether anything changed there on the host.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cofferdam/result.hpp"

namespace cofferdam::harness {

// base/work is the case's directory, base/scratch is for its services and driver, base/out is the harness's own.
// Removed when it goes out of scope.
class Workspace {
 public:
  // Below `parent`, which is made when it is missing.
  [[nodiscard]] static Result<Workspace> make(const std::string& parent);
  Workspace(Workspace&& other) noexcept;
  Workspace& operator=(Workspace&&) = delete;
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace();

  [[nodiscard]] std::string work() const { return base_ + "/work"; }
  [[nodiscard]] std::string scratch() const { return base_ + "/scratch"; }
  [[nodiscard]] std::string out() const { return base_ + "/out"; }

  // A copy of everything in `directory` but .git; links stay links.
  [[nodiscard]] Result<void> copy(const std::string& directory) const;
  // Writes files below work(); those that begin with "#!" can be executed.
  [[nodiscard]] Result<void> write(const std::map<std::string, std::string>& files) const;

 private:
  explicit Workspace(std::string base) : base_(std::move(base)) {}
  std::string base_;
};

// Where the workspaces of a user lie: below the home directory, because shipped policies cover /tmp with a
// tmpfs; and not in ~/.cache, where losses count as those of a cache.
[[nodiscard]] std::string workspace_parent(const std::map<std::string, std::string>& environment);

// Every path below a directory with what stat(2) says of it, times of change included.
using Snapshot = std::map<std::string, std::string>;
[[nodiscard]] Snapshot take_snapshot(const std::string& directory);
// "x.txt changed", "y is new", "z is gone"; relative to `directory`.
[[nodiscard]] std::vector<std::string> differences(const Snapshot& before, const Snapshot& after);

}  // namespace cofferdam::harness
