#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <thread>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/options.hpp"
#include "cli/run_parts.hpp"
#include "harness/formats.hpp"
#include "harness/text_match.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::cli {

namespace {

// Readable once SIGINT or SIGTERM has come. Never drained.
int interrupt_fd = -1;

void on_interrupt(int /*signal*/) {
  const std::uint64_t one = 1;
  (void)!write(interrupt_fd, &one, sizeof one);
}

int watch_interrupts() {
  interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action{};
    action.sa_handler = on_interrupt;
    sigaction(number, &action, nullptr);
  }
  return interrupt_fd;
}

// All mistakes of all files are printed; nothing runs when there is one.
std::optional<std::vector<harness::WrittenCase>> load(const std::vector<std::string>& files) {
  const PolicyContext context = current_policy_context();
  std::vector<harness::WrittenCase> cases;
  bool good = true;
  for (const std::string& file : files) {
    auto loaded = harness::load_tests(file, context);
    if (loaded) {
      std::ranges::move(*loaded, std::back_inserter(cases));
      continue;
    }
    good = false;
    for (const Diagnostic& diagnostic : loaded.error())
      std::fprintf(stderr, "%s\n", format_diagnostic(diagnostic).c_str());
  }
  return good ? std::optional(std::move(cases)) : std::nullopt;
}

std::string in_format(const std::string& format, const std::vector<harness::CaseResult>& results) {
  if (format == "tap") return harness::tap_text(results);
  if (format == "junit") return harness::junit_text(results);
  if (format == "json") return harness::json_text(results);
  std::string text;
  std::string file;
  for (const harness::CaseResult& result : results) {
    if (result.verdict != harness::CaseResult::Verdict::not_run) text += harness::human_text(result, file, {});
    file = result.file;
  }
  return text;
}

Result<void> write_file(const std::string& path, const std::string& text) {
  auto file = kernel::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (!file) return std::unexpected(file.error());
  if (!kernel::write_all(file->get(), text)) return fail("can't write " + path, errno, 2);
  return {};
}

bool is_ci() {
  const char* value = std::getenv("CI");
  return value != nullptr && *value != '\0' && std::string_view(value) != "false";
}

int run_cases(const TestOptions& options, const std::vector<harness::WrittenCase>& cases) {
  const bool human = options.format == "human" || !options.report.empty();
  harness::RunContext context{.environment = environment_map()};
  context.interrupt = watch_interrupts();
  const unsigned processors = std::max(1U, std::thread::hardware_concurrency());
  const harness::SuiteOptions suite{options.jobs == 0 ? processors : options.jobs, options.fail_fast,
                                    is_ci() && !options.allow_skips};
  const harness::HumanOptions shown{want_colour(STDOUT_FILENO), options.verbose};
  std::string file;
  const auto begin = std::chrono::steady_clock::now();
  const auto results = harness::run_suite(cases, suite, context, [&](const harness::CaseResult& result) {
    if (!human) return;
    std::fputs(harness::human_text(result, file, shown).c_str(), stdout);
    std::fflush(stdout);
    file = result.file;
  });
  std::uint64_t interrupts = 0;
  const bool interrupted = read(context.interrupt, &interrupts, sizeof interrupts) == sizeof interrupts;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  if (human) {
    std::fputs(harness::human_summary(results, took, interrupted).c_str(), stdout);
  } else {
    std::fputs(in_format(options.format, results).c_str(), stdout);
  }
  if (!options.report.empty()) {
    if (const auto written = write_file(options.report, in_format(options.format, results)); !written)
      return report_error({"test: " + written.error().message, 0, 2});
  }
  if (std::fflush(stdout) != 0) return report_error({"test: can't write to stdout", 0, 2});
  if (interrupted) return 130;
  const harness::Count all = harness::count(results);
  return all.failed == 0 && all.not_run == 0 ? 0 : 1;
}

}  // namespace

int test_command(const Invocation& invocation) {
  const auto options = parse_test(invocation.arguments);
  if (!options) return report_error({"test: " + options.error().message + " (see cofferdam test --help)", 0, 2});
  if (options->help) {
    std::fputs(test_help().c_str(), stdout);
    return 0;
  }
  const std::vector<std::string> places = options->places.empty() ? std::vector<std::string>{"."} : options->places;
  const auto files = harness::find_tests(places);
  if (!files) return report_error({"test: " + base::printable(files.error().message), 0, 2});
  auto cases = load(*files);
  if (!cases) return 2;
  const std::size_t all = cases->size();
  std::erase_if(*cases, [&](const harness::WrittenCase& each) {
    return !options->only.empty() && !harness::a_line_matches(each.file() + ": " + each.shown().name, options->only);
  });
  if (cases->empty()) {
    return report_error(
        {all == 0 ? "test: no test found: a test is a file that is called NAME.test.yaml"
                  : "test: none of " + base::plural(all, "case") + " matches --run " + base::printable(options->only),
         0, 1});
  }
  if (!options->list) return run_cases(*options, *cases);
  for (const harness::WrittenCase& each : *cases) {
    std::printf("%s:%d: %s%s\n", base::printable(each.file()).c_str(), each.shown().where.line,
                base::printable(each.shown().name).c_str(), each.shown().skip.empty() ? "" : " (skipped)");
  }
  return 0;
}

}  // namespace cofferdam::cli
