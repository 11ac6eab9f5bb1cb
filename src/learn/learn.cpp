#include "learn/learn.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>

#include "base/redact.hpp"
#include "base/text.hpp"
#include "kernel/mountinfo.hpp"
#include "kernel/procfs.hpp"
#include "learn/everywhere.hpp"
#include "learn/lesson.hpp"
#include "learn/merge.hpp"
#include "learn/naming.hpp"
#include "learn/policy_writer.hpp"
#include "learn/write_observer.hpp"
#include "plan/storage.hpp"
#include "policy/effective_text.hpp"
#include "report/framework.hpp"
#include "run/prepare.hpp"

namespace cofferdam::learn {

namespace {

constexpr std::size_t kMostPolicyBytes = 1 << 20;

bool is_directory(const std::string& path) {
  struct stat status{};
  return lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::string all_of(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) text += (text.empty() ? "" : "\n") + format_diagnostic(diagnostic);
  return text;
}

// The directories of the root; links such as /bin are none.
std::vector<std::string> top_directories() {
  const std::unique_ptr<DIR, int (*)(DIR*)> root(opendir("/"), closedir);
  std::vector<std::string> directories;
  while (const dirent* entry = root ? readdir(root.get()) : nullptr) {
    const std::string path = "/" + std::string(entry->d_name);
    if (path != "/." && path != "/.." && is_directory(path)) directories.push_back(path);
  }
  return directories;
}

Result<void> check_output(const LearnRequest& request) {
  const bool there = access(request.output.c_str(), F_OK) == 0;
  if (request.merge && !there)
    return fail("--merge " + base::printable(request.output) + ": there is no such file", 0, 125);
  if (there && !request.merge && !request.overwrite) {
    return fail(base::printable(request.output) + " is there already; add to it with --merge " +
                    base::printable(request.output) + ", name another file with --output, or replace it with --force",
                0, 125);
  }
  const std::size_t slash = request.output.rfind('/');
  const std::string directory =
      slash == std::string::npos ? "." : request.output.substr(0, std::max<std::size_t>(slash, 1));
  if (access(directory.c_str(), W_OK) == 0 && is_directory(plan::canonical(directory))) return {};
  return fail("can't write " + base::printable(request.output) + ": " + base::printable(directory) +
                  " is no directory that you may write; name another file with --output",
              0, 125);
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &local);
  return text.data();
}

// Valid, or not written: a policy that can't be loaded is kept beside it.
Result<void> write_checked(const std::string& file, const std::string& text, const PolicyContext& context) {
  const std::string rejected = file + ".rejected";
  std::ofstream stream(rejected, std::ios::trunc);
  stream << text;
  stream.close();
  if (!stream)
    return fail("can't write " + base::printable(rejected) + ": " + std::string(std::strerror(errno)), errno);
  const auto loaded = load_policy(rejected, context);
  if (!loaded) {
    return fail("the policy that came out is not valid, which is a mistake of cofferdam's; it stands in " +
                base::printable(rejected) + ":\n" + all_of(loaded.error()));
  }
  if (rename(rejected.c_str(), file.c_str()) != 0) {
    return fail("can't write " + base::printable(file) + ": " + std::string(std::strerror(errno)), errno);
  }
  return {};
}

std::string readable(const std::vector<std::string>& argv) {
  const auto shown = base::redact_argv(argv);
  return "`" + base::printable(base::shell_quote(shown)) + "`";
}

Observed observed_of(const Policy& policy, const Report& report, const WriteObserver& observer, const Naming& naming,
                     const std::string& home) {
  Observed observed{.policy = policy,
                    .report = report,
                    .writes = observer.writes(),
                    .more_writes = observer.has_missed_some(),
                    .bounds = {.home = home, .hidden = {}, .is_directory = is_directory},
                    .variable_of = [&](const std::string& to) { return naming.variable_of(to); },
                    .mentioned_by = [&](const std::string& to) { return naming.mentioned_by(to); },
                    .name_of = [&](const std::string& to) { return naming.name_of(to); },
                    .may_leave = [&](const std::string& to) { return naming.may_leave(to); }};
  for (const LostFile& file : report.lost) {
    if (!observer.is_outside(file.what.path) || file.what.change == Change::deleted) continue;
    const std::string program = file.writers.empty() ? "" : program_of(file.writers.front().process);
    observed.writes.push_back({file.what.path, file.what.bytes, program});
  }
  for (const MountRule& rule : policy.storage.mounts) {
    if (rule.type == MountType::hidden) observed.bounds.hidden.push_back(rule.path);
  }
  return observed;
}

Heading heading_of(const LearnRequest& request, const std::string& base) {
  const bool is_file = base.find('/') != std::string::npos || base.ends_with(".yaml") || base.ends_with(".yml");
  return {.command = readable(request.run.argv),
          .date = today(),
          .extends = is_file ? policy::quoted(plan::canonical(base)) : base,
          .file = request.output,
          .deny_egress = request.deny_egress};
}

Result<std::string> merged_with(const std::string& file, const Lesson& lesson, bool denies_egress) {
  const auto old = kernel::read_file(file, kMostPolicyBytes);
  if (!old) return fail("can't read " + base::printable(file) + ": " + old.error().message);
  return merged(*old, lesson, denies_egress);
}

}  // namespace

std::string shipped_policy_for(const std::vector<std::string>& argv, const std::string& directory,
                               const std::map<std::string, std::string>& environment) {
  ProcessInfo command;
  command.exe = argv.empty() ? "" : argv.front();
  command.argv = argv;
  using report::Framework;
  for (const Framework framework : report::frameworks_of(&command, "", report::read_project(directory, environment))) {
    if (framework == Framework::django) return "django";
    if (framework == Framework::express) return "node";
    if (framework == Framework::go) return "go";
  }
  return "twelve-factor";
}

Result<Learned> learn(LearnRequest request, run::Say say) {
  if (auto possible = check_output(request); !possible) return std::unexpected(possible.error());
  run::RunRequest& run = request.run;
  Learned learned;
  learned.file = request.output;
  if (request.merge) run.policy = request.output;
  if (!run.policy && !run.environment.contains("COFFERDAM_POLICY")) {
    run.policy = shipped_policy_for(run.argv, run.working_directory, run.environment);
  }
  const auto context = run::policy_context(run);
  if (!context) return std::unexpected(context.error());
  const std::string base = discover_policy(run.policy, *context);
  const auto loaded = load_policy(base, *context);
  if (!loaded) return fail(all_of(loaded.error()), 0, 125);
  const Policy& policy = loaded->policy;

  const auto naming = Naming::read(run);
  if (!naming) return std::unexpected(naming.error());
  WriteObserver observer(policy.storage);
  run.sinks.push_back(&observer);
  run.permissive = true;
  const auto mounts = kernel::read_mountinfo();
  if (!mounts) return std::unexpected(mounts.error());
  run.policy_text = as_policy_text(everywhere(policy, top_directories(), *mounts));
  auto result = run::run(run, say);
  if (!result) return std::unexpected(result.error());
  if (result->failure) return std::unexpected(*result->failure);
  learned.result = std::move(*result);

  const Lesson lesson = conclude(observed_of(policy, learned.result.report, observer, *naming, context->home));
  learned.additions = lesson.additions();
  learned.findings = lesson.findings.size();

  if (!request.merge) learned.extends = base;
  const auto text = request.merge ? merged_with(request.output, lesson, policy.network.deny)
                                  : write_policy(lesson, heading_of(request, base));
  if (!text) return std::unexpected(text.error());
  PolicyContext plain = *context;
  plain.policy_base.clear();
  if (auto written = write_checked(request.output, *text, plain); !written) return std::unexpected(written.error());
  return learned;
}

}  // namespace cofferdam::learn
