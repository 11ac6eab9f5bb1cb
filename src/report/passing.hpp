// What each run makes up anew in the names of files.
#pragma once

#include <string>
#include <string_view>

namespace cofferdam::report {

// Of one component of a path: tmpabc123, sess_0a1b..., app.12345.pid, 000017, a UUID.
[[nodiscard]] bool is_passing(std::string_view component);

// "/srv/app/spool/*/part": with a star for each such component.
[[nodiscard]] std::string without_passing(std::string_view path);

}  // namespace cofferdam::report
