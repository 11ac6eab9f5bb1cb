// A whole report as a page for people: `cofferdam report FILE`.
#pragma once

#include <string>

#include "cofferdam/report.hpp"
#include "report/tree.hpp"

namespace cofferdam::report {

// The head (command, policy, times, ends), findings by severity, the tree of what is lost, what was kept, connections,
// use of storage, log counts, enforcement, audit. Sections without content are left out. Safe for a terminal.
[[nodiscard]] std::string report_page(const Report& report, const TreeOptions& options);

// "web.1 exited 0", "web.1 was ended by SIGKILL"
// "psql -c x (pid 7, started by sh, by gunicorn)", for a terminal; empty for no process.
[[nodiscard]] std::string process_text(const ProcessRef& process);

[[nodiscard]] std::string ended_text(const InstanceResult& instance);

}  // namespace cofferdam::report
