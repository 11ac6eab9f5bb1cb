// Cgroups of our own: where they can be made, and one for each instance. Names begin with "cofferdam-PID-".
#pragma once

#include <sys/types.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/result.hpp"
#include "kernel/cgroup_seat.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::kernel {

// What a try has shown: which controllers a cgroup of our own gets here.
struct CgroupGrant {
  std::array<bool, kControllers.size()> controllers{};
  std::string kind;     // "cgroup v2", "cgroup v1"; empty when there is none at all
  std::string problem;  // why one is missing: "/sys/fs/cgroup/user.slice/...: Permission denied"

  [[nodiscard]] bool has(Controller controller) const { return controllers.at(static_cast<std::size_t>(controller)); }
};

// One instance's cgroup: a directory in each hierarchy that it needs. Removes them at the end; what the kernel is
// still tearing down then goes with the next cgroup that is made or removed, or when this program ends, which waits for
// it for a second. What stays even so is removed by whoever makes a cgroup there next.
class Cgroup {
 public:
  Cgroup(Cgroup&&) noexcept = default;
  Cgroup& operator=(Cgroup&&) = delete;
  ~Cgroup();

  // For clone_into; -1 when there is no cgroup of v2.
  [[nodiscard]] int unified() const { return unified_.get(); }
  // Moves a process in, and so all that it starts from then on: of one that clone_into has started, into the others.
  // What it has charged before stays where it was. 0 or a positive errno.
  [[nodiscard]] int admit(pid_t pid, bool cloned_into) const;
  [[nodiscard]] const CgroupView& view() const { return view_; }

 private:
  friend class CgroupPlace;
  struct Directory {
    std::string path;
    bool unified = false;
  };
  Cgroup() = default;

  std::vector<Directory> directories_;
  Fd unified_;
  CgroupView view_;
};

class LauncherLeaf;

// Where cgroups of instances can be made.
class CgroupPlace {
 public:
  // Finds it for the controllers that `wanted` needs by making a cgroup with these limits and removing it again.
  //  - v1: below our own cgroup in each hierarchy.
  //  - v2: below our own, whose controllers are switched on for its children (cgroup.subtree_control). The kernel
  //    refuses that while it has processes. If that is only ourselves (a scope of our own) we move into a leaf beside
  //    the instances, `cofferdam-PID-launcher`, until the last place is gone. If it has others (a shell in a terminal's
  //    scope) the instances get their cgroups beside it instead, unless they would escape a limit of its own.
  [[nodiscard]] static CgroupPlace find(const std::vector<MountEntry>& mounts, const CgroupLimits& wanted);

  [[nodiscard]] const CgroupGrant& grant() const { return grant_; }

  // A cgroup for the instance; limits without a controller here are left out. Removes what launchers that were killed
  // have left.
  [[nodiscard]] Result<Cgroup> make(std::string_view name, const CgroupLimits& limits) const;

 private:
  struct Room {
    std::string directory;
    bool unified = false;
    std::vector<Controller> controllers;
  };
  [[nodiscard]] static Result<void> try_room(const Room& room, const CgroupLimits& wanted);
  void take_room(Room room, const CgroupLimits& wanted);
  void find_unified(const CgroupSeat& seat, const std::vector<Controller>& needed, const CgroupLimits& wanted);

  std::vector<Room> rooms_;
  CgroupGrant grant_;
  std::shared_ptr<const LauncherLeaf> leaf_;
};

}  // namespace cofferdam::kernel
