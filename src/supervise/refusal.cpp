#include "supervise/refusal.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "policy/engines.hpp"

namespace cofferdam::supervise {

namespace {

std::string who_asked(const ProcessRef& process) {
  if (process->lineage.empty()) return process->exe;
  return base::join(process->lineage, " <- ");
}

// The entry when it only starts other programs, and this is one of them.
std::string wrapper_of(const ProcessRef& process) {
  if (process->lineage.size() != 2) return {};
  const std::string& entry = process->lineage.back();
  return only_starts_others(entry) ? entry : "";
}

// What the developer can do when the entry took the app's place.
std::string way_past(const std::string& wrapper, const std::string& name, const std::string& row) {
  const std::string why = name + " was started by " + wrapper + ", so " + wrapper + " counts as the app: ";
  if (wrapper == "go") return why + "write `extends: go` into the policy, or build it and run the program itself";
  return why + "start it with exec" + (row.empty() ? "" : ", or add this row to app.also: " + row);
}

std::string name_of(const ProcessRef& process) {
  return process->lineage.empty() ? process->exe : process->lineage.front();
}

}  // namespace

bool only_starts_others(std::string_view program) {
  constexpr std::array<std::string_view, 9> kWrappers = {"sh", "bash", "dash", "zsh", "make",
                                                         "go", "npm",  "yarn", "pnpm"};
  return std::ranges::find(kWrappers, program) != kWrappers.end() || program.ends_with(".sh");
}

Finding refusal_finding(const ConnectEvent& event, const Verdict& verdict, const Caller& caller,
                        const std::string& row) {
  Finding finding;
  finding.severity = Severity::error;
  finding.policy = verdict.policy;
  finding.process = event.process;
  finding.destination = event.destination;
  const std::string what = event.engine + " at " + event.destination;
  switch (verdict.reason) {
    case Reason::destination_not_allowed:
      finding.code = "CD203";
      finding.message =
          "connection to " + what + " refused: database.allow does not name it (" + who_asked(event.process) + ")";
      finding.fix =
          "use the database that the environment names, or add \"" + event.destination + "\" to database.allow";
      return finding;
    case Reason::caller_unknown:
      finding.code = "CD204";
      finding.message = "connection to " + what + " refused: " + name_of(event.process) + " can't be identified (" +
                        (caller.why_unknown.empty() ? "its image is not known" : caller.why_unknown) + ")";
      finding.fix =
          "start the app as its final user (--user) instead of letting it change user, and keep its programs readable";
      return finding;
    default: break;
  }
  const std::string wrapper = wrapper_of(event.process);
  const std::string name = name_of(event.process);
  if (!row.empty()) {
    finding.code = "CD202";
    finding.message = "connection to " + what + " refused: " + name +
                      (wrapper.empty() ? " is not the app's own process although it looks like its worker ("
                                       : " is not the app, " + wrapper + " is (") +
                      who_asked(event.process) + ")";
    finding.fix =
        wrapper.empty() ? "if it is the app's worker, add this row to app.also: " + row : way_past(wrapper, name, row);
    return finding;
  }
  finding.code = "CD201";
  finding.message = "connection to " + what + " refused: only the app itself may reach the database (" +
                    who_asked(event.process) + ")";
  if (caller.record != nullptr && !caller.record->differs.empty()) {
    const std::string& variable = caller.record->differs;
    finding.message += ": it runs with another " + variable + " than the app";
    finding.fix = variable +
                  " can bring in code that is not the app's: give it to the app from the start (environment: {set: {" +
                  variable + ": ...}}), or don't set it for " + name;
    return finding;
  }
  if (!wrapper.empty() && !policy::is_client_program(name)) {
    finding.fix = way_past(wrapper, name, "");
    return finding;
  }
  finding.fix =
      "in production the database is reachable only from inside the app; for a one-off session use: cofferdam shell "
      "-- " +
      name;
  return finding;
}

Finding unreadable_finding(const ProcessRef& process) {
  Finding finding;
  finding.code = "CD204";
  finding.severity = Severity::error;
  finding.message =
      "connection refused: " + name_of(process) + " can't be read by the launcher (" + who_asked(process) + ")";
  finding.fix =
      "make the program readable (chmod a+r); if the app changes its user, start it as its final one (--user, in a "
      "container "
      "docker run --user), or give cofferdam the right to read it (docker run --cap-add SYS_PTRACE)";
  finding.policy.key = "database";
  finding.process = process;
  return finding;
}

Finding hard_coded_finding(const ConnectEvent& event, const plan::DatabaseRule& rule) {
  const std::string variable = rule.written.substr(rule.written.find(':') + 1);
  const std::string host = rule.host.find(':') == std::string::npos ? rule.host : "[" + rule.host + "]";
  Finding finding;
  finding.code = "CD205";
  finding.severity = Severity::warning;
  finding.message = "the app connects to " + event.engine + " at " + event.destination + " while " + variable +
                    " names " + base::printable(host) + ":" + std::to_string(rule.port) + " (" +
                    who_asked(event.process) + ")";
  finding.fix = "production has no database on the instance: read its address from " + variable;
  finding.policy = rule.policy;
  finding.process = event.process;
  finding.destination = event.destination;
  return finding;
}

Finding egress_finding(const std::string& destination, const PolicyRef& policy, const ProcessRef& process) {
  Finding finding;
  finding.code = "CD206";
  finding.severity = Severity::error;
  finding.message = "connection to " + destination +
                    " refused: network.egress is deny, and network.allow does not name it (" + who_asked(process) + ")";
  finding.fix = "if the app needs it, add its host name, or \"" + destination + "\", to network.allow";
  finding.policy = policy;
  finding.process = process;
  finding.destination = destination;
  return finding;
}

Finding host_socket_finding(const std::string& destination, const ProcessRef& process) {
  const std::string path = destination.starts_with("unix:") ? destination.substr(5) : destination;
  Finding finding;
  finding.code = "CD401";
  finding.severity = Severity::error;
  finding.message = "connection to the host's socket " + path +
                    " refused: a service outside the instance works outside the policy (" + who_asked(process) + ")";
  finding.fix = "if the app needs it, add \"" + path + "\" to sockets";
  finding.policy = {"sockets", "", 0};
  finding.process = process;
  finding.destination = destination;
  return finding;
}

}  // namespace cofferdam::supervise
