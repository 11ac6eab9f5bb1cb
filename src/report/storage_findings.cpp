#include "report/storage_findings.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace cofferdam::report {

namespace {

struct LogFix {
  std::string_view program;  // found in the program's name or its first arguments
  std::string_view fix;
};
// The first that matches: what runs inside an interpreter stands before the interpreter.
constexpr std::array<LogFix, 12> kLogFixes = {{
    {"gunicorn", "start gunicorn with --error-logfile - --access-logfile -"},
    {"celery", "start celery without --logfile: it logs to stderr then"},
    {"uwsgi", "remove logto and daemonize from the uWSGI configuration"},
    {"nginx", "in nginx.conf: error_log stderr; access_log /dev/stdout;"},
    {"apache2", "in the Apache configuration: ErrorLog /dev/stderr and CustomLog /dev/stdout combined"},
    {"httpd", "in the Apache configuration: ErrorLog /dev/stderr and CustomLog /dev/stdout combined"},
    {"python", "Django: LOGGING with a logging.StreamHandler in place of the FileHandler; else logging.basicConfig()"},
    {"node", "use console.log, or the console transport of the logger (winston, pino)"},
    {"puma", "Rails: config.logger = Logger.new($stdout), or RAILS_LOG_TO_STDOUT=1"},
    {"ruby", "Rails: config.logger = Logger.new($stdout), or RAILS_LOG_TO_STDOUT=1"},
    {"php", "error_log = /dev/stderr in php.ini; Laravel: LOG_CHANNEL=stderr"},
    {"java", "use a console appender (Logback ConsoleAppender; Spring: unset logging.file.name)"},
}};
constexpr std::string_view kAnyLogFix = "let the program log to stdout or stderr";

std::string_view log_fix(const ProcessRef& process) {
  if (process == nullptr) return kAnyLogFix;
  std::string command = process->exe.substr(process->exe.rfind('/') + 1);
  for (std::size_t i = 0; i < std::min<std::size_t>(3, process->argv.size()); ++i) command += ' ' + process->argv[i];
  const auto row = std::find_if(kLogFixes.begin(), kLogFixes.end(),
                                [&](const LogFix& fix) { return command.find(fix.program) != std::string::npos; });
  return row == kLogFixes.end() ? kAnyLogFix : row->fix;
}

}  // namespace

std::vector<Counted> storage_findings(std::span<const LostFile> lost, std::span<const FoldedLoss> folded) {
  std::vector<Counted> findings;
  Finding rest;
  std::uint64_t others = 0;
  const auto consider = [&](const ScannedChange& what, const std::string& file_class,
                            const std::vector<Writer>& writers, const std::string& log_message, std::uint64_t count) {
    const bool written = what.change == Change::created || what.change == Change::modified;
    if (what.type != "file" || !written) return;
    const ProcessRef process = writers.empty() ? nullptr : writers.front().process;
    if (file_class == "log") {
      Finding finding;
      finding.code = "CD301";
      finding.severity = Severity::warning;
      finding.message = log_message;
      finding.fix = log_fix(process);
      finding.policy.key = "logs.sinks";
      finding.process = process;
      finding.path = what.path;
      findings.emplace_back(std::move(finding), count);
    } else if (file_class == "file") {
      if (others == 0) {
        rest.process = process;
        rest.path = what.path;
      }
      others += count;
    }
  };
  for (const LostFile& file : lost) {
    consider(file.what, file.file_class, file.writers,
             "log file written locally: " + file.what.path + "; it is lost with the instance; log to stdout", 1);
  }
  for (const FoldedLoss& loss : folded) {
    consider(loss.what, loss.file_class, loss.writers,
             "log files written locally below " + loss.what.path + "; they are lost with the instance; log to stdout",
             loss.count);
  }
  if (others != 0) {
    rest.code = "CD102";
    rest.severity = Severity::note;
    rest.message = others == 1 ? "a file saved locally is lost with the instance"
                               : std::to_string(others) + " files saved locally are lost with the instance";
    rest.fix = "keep what must last in a database or an object store; a file that is made anew each time needs nothing";
    rest.policy.key = "storage.mounts";
    findings.emplace_back(std::move(rest), others);
  }
  return findings;
}

}  // namespace cofferdam::report
