#include "cli/live.hpp"

#include <spdlog/spdlog.h>

#include <cstring>

#include "base/text.hpp"
#include "cli/console.hpp"
#include "report/page.hpp"

namespace cofferdam::cli {

namespace {

// A flood of refusals is told in the summary, with counts.
constexpr std::size_t kMostShown = 20;

std::string by(const ProcessRef& process) {
  return process == nullptr ? "" : ", by " + report::process_text(process);
}

std::string words_of(const StartedEvent& started) {
  std::string text = "started in " + started.mode + " mode";
  for (const EnforcementRow& row : started.enforcement) text += ", " + row.rule + " " + to_string(row.level);
  return text;
}

std::string words_of(const ConnectEvent& connect) {
  const std::string engine = connect.engine.empty() ? "" : " (" + connect.engine + ")";
  const std::string end = !connect.allowed      ? "refused"
                          : connect.connected   ? "connected"
                          : connect.errnum == 0 ? "failed"
                                                : std::string("failed: ") + std::strerror(connect.errnum);
  return "connect to " + connect.destination + engine + ": " + end + by(connect.process);
}

std::string words_of(const WriteEvent& write) {
  std::string text = write.call + " " + write.path + (write.to.empty() ? "" : " -> " + write.to) + ": ";
  text += to_string(write.outcome);
  if (write.errnum != 0) text += std::string(" (") + std::strerror(write.errnum) + ")";
  return text + by(write.process);
}

std::string words_of(const ExitedEvent& exited) {
  if (exited.signal) return "was ended by signal " + std::to_string(*exited.signal);
  return exited.code ? "exited " + std::to_string(*exited.code) : "ended";
}

// Empty for events that another line tells of.
std::string words_of(const Event& event) {
  if (const auto* started = std::get_if<StartedEvent>(&event.body)) return words_of(*started);
  if (const auto* exec = std::get_if<ExecEvent>(&event.body)) return "exec " + report::process_text(exec->process);
  if (const auto* connect = std::get_if<ConnectEvent>(&event.body)) return words_of(*connect);
  if (const auto* write = std::get_if<WriteEvent>(&event.body)) return words_of(*write);
  if (const auto* exited = std::get_if<ExitedEvent>(&event.body)) return words_of(*exited);
  if (const auto* gap = std::get_if<GapEvent>(&event.body)) return std::to_string(gap->count) + " lost: " + gap->reason;
  return "";
}

spdlog::level::level_enum level_of(const Event& event) {
  const auto* write = std::get_if<WriteEvent>(&event.body);
  return write != nullptr && write->outcome == WriteOutcome::landed ? spdlog::level::trace : spdlog::level::debug;
}

}  // namespace

void LiveEvents::on_event(const Event& event) {
  if (const auto* finding = std::get_if<Finding>(&event.body)) {
    tell(*finding);
    return;
  }
  if (!spdlog::should_log(level_of(event))) return;
  const std::string words = words_of(event);
  if (!words.empty()) spdlog::log(level_of(event), "{} {}", event.instance, base::printable(words));
}

void LiveEvents::tell(const Finding& finding) {
  if (finding.severity == Severity::note) return;
  if (shown_.size() >= kMostShown || !shown_.insert(finding.code + finding.message).second) return;
  say(finding.severity, finding.message + " [" + finding.code + "]");
  if (!finding.fix.empty()) spdlog::info("  {}", finding.fix);
}

}  // namespace cofferdam::cli
