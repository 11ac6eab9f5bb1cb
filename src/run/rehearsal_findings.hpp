// What a rehearsal, or a run of several instances, says of what was looked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cofferdam/event.hpp"
#include "report/framework.hpp"
#include "supervise/look_audit.hpp"

namespace cofferdam::run {

// Who has looked: the next instance, one of another role, or one beside the first.
enum class Reader { next_instance, other_role, replica };

// Nothing where nothing is missed: what the instance made itself, and caches, which it can do without.
//   CD130 error    the second instance looked for what the first had left
//   CD131 error    another role looked for it
//   CD132 warning  the version of before was read
//   CD135 error    another replica looked for it
//   CD133 note     looked for at the start only, or made anew by the one who had looked
// The fix is that of the loss of such a file, where its class has one.
[[nodiscard]] std::optional<Finding> look_finding(const supervise::Looked& looked, const std::string& instance,
                                                  Reader reader, const report::Project& project);
// Of each one; `ignore` as storage.audit.ignore.
[[nodiscard]] std::vector<Finding> look_findings(const std::vector<supervise::Looked>& looked,
                                                 const std::string& instance, Reader reader,
                                                 const report::Project& project,
                                                 const std::vector<std::string>& ignore);

// CD134 error: the driver failed on the second instance, though not on the first.
[[nodiscard]] Finding driver_finding(int code);

}  // namespace cofferdam::run
