#include "run/replica_findings.hpp"

#include <sys/wait.h>

#include <cstring>

namespace cofferdam::run {

namespace {

std::string how_it_ended(int status) {
  if (!WIFSIGNALED(status)) return "exit status " + std::to_string(WEXITSTATUS(status));
  const char* const name = sigabbrev_np(WTERMSIG(status));
  return "signal " + std::to_string(WTERMSIG(status)) + (name == nullptr ? "" : std::string(" (SIG") + name + ")");
}

}  // namespace

Finding restarted_finding(const std::string& instance, int status, bool was_ready) {
  Finding finding;
  finding.code = "CD510";
  finding.severity = Severity::warning;
  finding.message = instance + " ended with " + how_it_ended(status) + (was_ready ? "" : " before it was ready") +
                    " and was started again";
  finding.fix = "its last records say why; requests that it was working on were lost";
  finding.policy.key = "run.restart";
  return finding;
}

Finding unready_finding(const std::string& instance, const Readiness& readiness, const std::string& why) {
  Finding finding;
  finding.code = "CD511";
  finding.severity = Severity::error;
  finding.message = instance + " was not ready within " + std::to_string(readiness.timeout.count() / 1000) +
                    " s: " + (readiness.http.empty() ? "" : "GET " + readiness.http + ": ") + why;
  finding.fix = "let the app answer there once it can serve, or give it longer: run.readiness.timeout";
  finding.policy.key = "run.readiness";
  return finding;
}

Finding kept_finding(const std::string& kept, const std::string& replacement, const std::string& why) {
  Finding finding;
  finding.code = "CD512";
  finding.severity = Severity::error;
  finding.message = kept + " was not replaced: " + replacement + ": " + why;
  finding.fix = "those that run go on; mend what the new one says, and send SIGHUP again";
  finding.policy.key = "run.replicas";
  return finding;
}

}  // namespace cofferdam::run
