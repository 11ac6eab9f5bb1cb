#include "run/rehearsal_findings.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "base/text.hpp"
#include "report/classify.hpp"
#include "report/loss_kinds.hpp"

namespace cofferdam::run {

namespace {

using supervise::Fate;

constexpr const char* kAnyRemedy =
    "keep what a later request or another role needs in the database, an object store or a queue";

std::string program_of(const ProcessRef& process) {
  if (process == nullptr) return "";
  const std::string& name = process->lineage.empty() ? process->exe : process->lineage.front();
  return name.substr(name.rfind('/') + 1);
}

// As for a loss of the same kind: one file has one way out.
std::string remedy_for(const supervise::Leftover& left, std::string_view file_class, const report::Project& project) {
  if (report::find_loss_kind(file_class) == nullptr) return kAnyRemedy;
  const auto frameworks = report::frameworks_of(left.writer.get(), left.what.path, project);
  return std::string(report::fix_of(file_class, frameworks, left.writer.get()));
}

std::string between(const std::timespec& from, const std::timespec& to) {
  const double seconds =
      static_cast<double>(to.tv_sec - from.tv_sec) + static_cast<double>(to.tv_nsec - from.tv_nsec) / 1e9;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f s", std::max(seconds, 0.0));
  return text.data();
}

// "which rehearsal.1 had written 2.3 s before (openat, gunicorn)"
std::string origin(const supervise::Looked& looked) {
  const supervise::Leftover& left = looked.left;
  const char* deed = left.what.change == Change::created    ? "written"
                     : left.what.change == Change::modified ? "changed"
                                                            : "deleted";
  std::string text = "which " + left.instance + " had " + deed;
  if (left.call.empty()) return text;
  text += " " + between(left.when, looked.when) + " before (" + left.call;
  const std::string program = program_of(left.writer);
  return text + (program.empty() ? ")" : ", " + program + ")");
}

}  // namespace

std::optional<Finding> look_finding(const supervise::Looked& looked, const std::string& instance, Reader reader,
                                    const report::Project& project) {
  const std::string& path = looked.left.what.path;
  const std::string_view file_class = report::classify(looked.left.what, looked.left.writer.get(), project.directory);
  const bool cache = file_class == "cache";
  const bool missed = is_missed(looked.fate) && looked.driven && !cache;
  Finding finding;
  if (missed && reader == Reader::other_role) {
    finding.code = "CD131";
    finding.severity = Severity::error;
  } else if (missed && reader == Reader::replica) {
    finding.code = "CD135";
    finding.severity = Severity::error;
  } else if (missed) {
    finding.code = "CD130";
    finding.severity = Severity::error;
  } else if (looked.fate == Fate::outdated && !cache) {
    finding.code = "CD132";
    finding.severity = Severity::warning;
  } else if (is_missed(looked.fate) || (looked.fate == Fate::remade && looked.driven && !cache)) {
    finding.code = "CD133";
    finding.severity = Severity::note;
  } else {
    return std::nullopt;
  }
  const std::string call = " (" + looked.call + ")";
  switch (looked.fate) {
    case Fate::reopened:
      finding.message = instance + " opened " + path + " to go on with it and found nothing" + call + ", " +
                        origin(looked) + ": " + base::human_bytes(looked.left.what.bytes);
      break;
    case Fate::outdated:
      finding.message = instance + " read " + path + " as it was before" + call + ", " + origin(looked);
      break;
    case Fate::remade:
      finding.message = instance + " wanted to read " + path + call + ", " + origin(looked) +
                        ", and made it anew; a cache may do that, a state is lost";
      break;
    default: finding.message = instance + " looked for " + path + call + ", " + origin(looked);
  }
  finding.fix = remedy_for(looked.left, file_class, project);
  finding.policy.key = "storage.mounts";
  finding.process = looked.process;
  finding.path = path;
  return finding;
}

std::vector<Finding> look_findings(const std::vector<supervise::Looked>& looked, const std::string& instance,
                                   Reader reader, const report::Project& project,
                                   const std::vector<std::string>& ignore) {
  std::vector<Finding> findings;
  for (const supervise::Looked& each : looked) {
    const std::string& path = each.left.what.path;
    if (std::ranges::any_of(ignore, [&](const std::string& glob) { return base::glob_match(glob, path); })) continue;
    if (auto finding = look_finding(each, instance, reader, project)) findings.push_back(std::move(*finding));
  }
  return findings;
}

Finding driver_finding(int code) {
  Finding finding;
  finding.code = "CD134";
  finding.severity = Severity::error;
  finding.message = "the driver failed on the second instance (exit " + std::to_string(code) +
                    "), though it had succeeded on the first";
  finding.fix = "see what it asked for: the first instance's files and memory are gone, as after each deployment";
  finding.policy.key = "storage.mounts";
  return finding;
}

}  // namespace cofferdam::run
