// The instance's /dev: a few devices, its terminals where it has any, and what the policy names. Between clone and
// exec: nothing here allocates or throws; a failing step ends the process.
#pragma once

#include <array>

#include "launch/prepared.hpp"

namespace cofferdam::launch {

inline constexpr std::array<const char*, 6> kDevices = {"null", "zero", "full", "random", "urandom", "tty"};

// Copied trees, -1 where there is none.
struct DeviceHandles {
  std::array<int, kDevices.size()> always{};
  std::array<int, plan::kMostDevices> named{};  // of the policy's `devices`
};
// Before the machine's /dev is covered and loses its devices (nodev).
[[nodiscard]] DeviceHandles take_devices(const Prepared& prepared) noexcept;

// Mounts over /dev. Mounts of the policy below it come next, then seal_dev.
void make_dev(const Prepared& prepared, DeviceHandles& handles) noexcept;
void seal_dev(const Prepared& prepared) noexcept;

// A terminal in the instance's own devpts, so that ttyname(3) finds it and the host's terminals stay out of reach.
// Leaves both sides in the page.
void open_terminal(const Prepared& prepared) noexcept;

// Landlock: what of /dev may be written. In both modes.
void allow_devices(const Prepared& prepared, int ruleset) noexcept;

}  // namespace cofferdam::launch
