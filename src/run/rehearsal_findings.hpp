// What a rehearsal says of what was looked for.
#pragma once

#include <optional>
#include <string>

#include "cofferdam/event.hpp"
#include "report/framework.hpp"
#include "supervise/look_audit.hpp"

namespace cofferdam::run {

// Nothing where nothing is missed: what the instance made itself, and caches, which it can do without.
//   CD130 error    the second instance looked for what the first had left
//   CD131 error    another role looked for it
//   CD132 warning  the version of before was read
//   CD133 note     looked for at the start only, or made anew by the one who had looked
// The fix is that of the loss of such a file, where its class has one.
[[nodiscard]] std::optional<Finding> look_finding(const supervise::Looked& looked, const std::string& instance,
                                                  bool other_role, const report::Project& project);

// CD134 error: the driver failed on the second instance, though not on the first.
[[nodiscard]] Finding driver_finding(int code);

}  // namespace cofferdam::run
