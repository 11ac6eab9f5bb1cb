#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/options.hpp"
#include "cli/run_parts.hpp"
#include "logs/preview.hpp"
#include "plan/log_sinks.hpp"
#include "policy/log_words.hpp"
#include "run/prepare.hpp"

namespace cofferdam::cli {

namespace {

Error usage_error(const std::string& what) {
  return {"logs: " + what + " (see cofferdam logs --help)", 0, 2};
}

// False when nobody reads any more.
bool copy_out(int fd) {
  std::array<char, 64 << 10> buffer{};
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got <= 0) return true;
    if (std::fwrite(buffer.data(), 1, static_cast<std::size_t>(got), stdout) != static_cast<std::size_t>(got)) {
      return false;
    }
  }
}

bool print(const std::vector<logs::SinkPreview>& previews, const std::string& only) {
  bool first = true;
  for (const logs::SinkPreview& each : previews) {
    if (!only.empty() && each.name != only) continue;
    if (only.empty()) {
      const std::string type(policy::word_of(policy::kSinkWords, each.type));
      std::printf("%s== %s%s: %s record%s\n", first ? "" : "\n", each.name.c_str(),
                  each.name == type ? "" : (" (" + type + ")").c_str(), base::grouped(each.records).c_str(),
                  each.records == 1 ? "" : "s");
    }
    first = false;
    if (!copy_out(each.bytes.get())) return false;
  }
  return std::fflush(stdout) == 0;
}

int test_command(const LogsTestOptions& options) {
  const PolicyContext context = current_policy_context();
  const auto loaded = load_policy(discover_policy(options.policy, context), context);
  if (!loaded) {
    for (const Diagnostic& diagnostic : loaded.error()) {
      std::fprintf(stderr, "%s\n", format_diagnostic(diagnostic).c_str());
    }
    return 2;
  }
  const Logs& logs = loaded->policy.logs;
  const bool known =
      options.sink.empty() || std::ranges::find(logs.sinks, options.sink, &LogSink::name) != logs.sinks.end();
  if (!known) {
    std::vector<std::string> names;
    for (const LogSink& sink : logs.sinks) names.push_back(sink.name);
    return report_error(usage_error("the policy has no sink " + base::printable(options.sink) + "; its sinks are " +
                                    base::join(names, ", ")));
  }
  if (isatty(STDIN_FILENO) != 0) return report_error(usage_error("give it a sample: cofferdam logs test < app.log"));
  auto environment = run::read_environment_files(loaded->policy.environment);
  if (!environment) return report_error({environment.error().message, 0, 2});
  for (const auto& [name, value] : context.environment) (*environment)[name] = value;

  logs::PreviewRequest request;
  request.logs = logs;
  request.secrets = plan::log_secrets(logs, *environment);
  request.instance = "web.1";
  request.input = STDIN_FILENO;
  request.stream = options.from_stderr ? LogStream::err : LogStream::out;
  request.format = isatty(STDOUT_FILENO) != 0 ? logs::Format::pretty : logs::Format::json;
  const auto previews = logs::preview(request);
  if (!previews) return report_error({"logs: " + previews.error().message, 0, 2});
  return print(*previews, options.sink) ? 0 : report_error({"logs: can't write to stdout", 0, 2});
}

}  // namespace

int logs_command(const Invocation& invocation) {
  const std::vector<std::string>& words = invocation.arguments;
  const bool help = !words.empty() && (words.front() == "--help" || words.front() == "-h");
  if (words.empty() || (words.front() != "test" && !help)) {
    return report_error(usage_error(words.empty()
                                        ? "say what: cofferdam logs test < SAMPLE"
                                        : "unknown word " + base::printable(words.front()) + "; there is: test"));
  }
  const auto options = help ? LogsTestOptions{{}, "", false, true} : parse_logs_test({words.begin() + 1, words.end()});
  if (!options) return report_error(usage_error(options.error().message));
  if (options->help) {
    std::fputs(logs_help().c_str(), stdout);
    return 0;
  }
  return test_command(*options);
}

}  // namespace cofferdam::cli
