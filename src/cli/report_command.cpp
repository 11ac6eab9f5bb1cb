#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "base/text.hpp"
#include "cli/baseline_file.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/options.hpp"
#include "cli/run_parts.hpp"
#include "kernel/fd.hpp"
#include "report/html.hpp"
#include "report/json.hpp"
#include "report/json_reader.hpp"
#include "report/junit.hpp"
#include "report/page.hpp"
#include "report/sarif.hpp"

namespace cofferdam::cli {

namespace {

// A report of 100,000 lost files has 40 MB.
constexpr std::size_t kLargest = 512U << 20;

Result<std::string> read_all(int fd) {
  std::string text;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(std::string("can't be read: ") + std::strerror(errno), errno, 2);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kLargest) return fail("is larger than 512 MiB: no report", 0, 2);
  }
}

Result<std::string> read_report(const std::string& file) {
  if (file == "-") return read_all(STDIN_FILENO);
  const kernel::Fd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(std::string("can't be read: ") + std::strerror(errno), errno, 2);
  return read_all(fd.get());
}

Result<std::string> shown(const std::string& text, const ReportOptions& options, const report::Baseline& baseline) {
  if (options.format == "json" && options.baseline.empty()) return report::indented_json(text);
  auto report = report::from_json(text);
  if (!report) return std::unexpected(report.error());
  if (!options.baseline.empty()) compare_with_baseline(*report, baseline, options.baseline);
  if (options.format == "json") return report::indented_json(report::to_json(*report));
  if (options.format == "html") return report::report_html(*report, options.all);
  if (options.format == "junit") return report::to_junit(*report);
  if (options.format == "sarif")
    return report::to_sarif(report::sarif_results(*report),
                            report->directory.empty() ? working_directory() : report->directory);
  return report::report_page(*report, {options.all, options.output.empty() && want_colour(STDOUT_FILENO)});
}

}  // namespace

int report_command(const Invocation& invocation) {
  const auto options = parse_report(invocation.arguments);
  if (!options) return report_error({"report: " + options.error().message + " (see cofferdam report --help)", 0, 2});
  if (options->help) {
    std::fputs(report_help().c_str(), stdout);
    return 0;
  }
  const std::string name = options->file == "-" ? "stdin" : base::printable(options->file);
  const auto text = read_report(options->file);
  if (!text) return report_error({"report: " + name + " " + text.error().message, 0, 2});
  const auto baseline = read_baseline(options->baseline, false);
  if (!baseline) return report_error({"report: " + baseline.error().message, 0, 2});
  const auto page = shown(*text, *options, *baseline);
  if (!page) return report_error({"report: " + name + ": " + page.error().message, 0, 2});
  if (!options->output.empty()) {
    if (auto written = write_whole(options->output, *page); !written) {
      return report_error({"report: --output " + written.error().message, 0, 2});
    }
    return 0;
  }
  std::fputs(page->c_str(), stdout);
  return std::fflush(stdout) == 0 ? 0 : report_error({"report: can't write to stdout", 0, 2});
}

}  // namespace cofferdam::cli
