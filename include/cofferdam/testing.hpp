// GoogleTest matchers for a run: what it was refused, what it lost, what it logged. Header-only; link GTest::gmock.
//
//   using namespace cofferdam;
//   const auto run = cofferdam::run({.command = {"./serve"}, .policy = "django"});
//   EXPECT_THAT(run, Exited(0));
//   EXPECT_THAT(run, Refused("psql", "localhost:5432"));
//   EXPECT_THAT(run, Lost("media/*.png"));
//   EXPECT_THAT(run, NoFindings());
//
// Each takes a FinishedRun, or the Result<FinishedRun> that run() and wait() give: one that is an error fails the test
// whatever it is matched with, Not(...) included, and the failure says why it did not run. A failure text shows what
// there was instead, with the fix of each finding. Not(Lost("*.png")) and the like work as usual.
//
// Patterns: `*` stands for any characters of one path step, `**` for any, `?` for one; a path pattern without a leading
// slash may begin at any directory. Programs are named as in a shell: "psql" is any path that ends in /psql,
// also in argv[0] (a symbolic link), and "manage.py" the interpreter that runs this script. Destinations are
// "host:port" or "unix:/path", with numeric addresses as the app used them; "localhost" means 127.0.0.1 and [::1], and
// "*" any destination or port: "*:5432".
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <concepts>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/run.hpp"

namespace cofferdam {

namespace testing_detail {

// Lists are shown so far.
inline constexpr std::size_t kShown = 10;

// `*` stops at `separator`, `**` at nothing.
inline bool matches_pattern(std::string_view pattern, std::string_view text, char separator) {
  if (pattern.empty()) return text.empty();
  if (pattern.starts_with('*')) {
    const bool all = pattern.starts_with("**");
    std::string_view rest = pattern.substr(all ? 2 : 1);
    if (all && rest.starts_with('/') && matches_pattern(rest.substr(1), text, separator)) return true;
    for (std::size_t taken = 0;; ++taken) {
      if (matches_pattern(rest, text.substr(taken), separator)) return true;
      if (taken == text.size() || (!all && text[taken] == separator)) return false;
    }
  }
  if (text.empty() || (pattern[0] != '?' && pattern[0] != text[0])) return false;
  return matches_pattern(pattern.substr(1), text.substr(1), separator);
}

inline bool matches_path(const std::string& pattern, const std::string& path) {
  return matches_pattern(pattern.starts_with('/') ? pattern : "/**/" + pattern, path, '/');
}

inline bool matches_destination(const std::string& pattern, const std::string& destination) {
  constexpr std::string_view kLocalhost = "localhost:";
  if (pattern.starts_with(kLocalhost)) {
    const std::string port = pattern.substr(kLocalhost.size());
    return matches_pattern("127.0.0.1:" + port, destination, '\0') ||
           matches_pattern("[::1]:" + port, destination, '\0');
  }
  return matches_pattern(pattern, destination, '\0');
}

inline std::string_view last_step(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

inline bool is_program(const std::string& name, const ProcessRef& process) {
  if (name == "*") return true;
  if (process == nullptr) return false;
  const bool path = name.contains('/');
  const auto same = [&](std::string_view word) { return (path ? word : last_step(word)) == name; };
  return same(process->exe) || (!process->argv.empty() && same(process->argv.front())) ||
         (!process->lineage.empty() && process->lineage.front() == name);
}

inline std::string program_of(const ProcessRef& process) {
  if (process == nullptr) return "(unknown)";
  std::string text;
  for (const std::string& each : process->lineage) text += (text.empty() ? "" : ", started by ") + each;
  return text.empty() ? process->exe : text;
}

// The run in `value`, or null after failing the test: Not(...) would take a mere mismatch for success.
inline const FinishedRun* run_of(const FinishedRun& value) {
  return &value;
}
inline const FinishedRun* run_of(const Result<FinishedRun>& value) {
  if (value) return &*value;
  ADD_FAILURE() << "this did not run: " << value.error().message;
  return nullptr;
}

// One line an entry, the first kShown of them.
template <class List, class Show>
void show_list(std::ostream& out, const char* what, const List& list, Show show) {
  if (list.empty()) {
    out << "which has no " << what;
    return;
  }
  out << "which has these " << what << ":";
  std::size_t shown = 0;
  for (const auto& entry : list) {
    if (shown++ == kShown) {
      out << "\n    and " << list.size() - kShown << " more";
      break;
    }
    out << "\n    ";
    show(entry);
  }
}

inline void show_finding(std::ostream& out, const CountedFinding& entry) {
  const Finding& finding = entry.finding;
  out << finding.code << ' ' << to_string(finding.severity) << ": " << finding.message;
  if (!finding.path.empty()) out << ": " << finding.path;
  if (entry.count > 1) out << " (" << entry.count << " times)";
  if (finding.process != nullptr) out << "\n      by:  " << program_of(finding.process);
  if (!finding.fix.empty()) out << "\n      fix: " << finding.fix;
  if (!finding.policy.file.empty() && finding.policy.line > 0)
    out << "\n      at:  " << finding.policy.file << ':' << finding.policy.line << " (" << finding.policy.key << ')';
}

template <class Keep>
std::vector<CountedFinding> findings_where(const FinishedRun& run, Keep keep) {
  std::vector<CountedFinding> kept;
  std::ranges::copy_if(run.report.findings, std::back_inserter(kept), keep);
  return kept;
}

inline void show_connections(std::ostream& out, const FinishedRun& run) {
  show_list(out, "connections", run.report.connections, [&](const CountedConnection& entry) {
    const ConnectEvent& connection = entry.connection;
    out << program_of(connection.process) << " -> " << connection.destination << ": "
        << (!connection.allowed    ? "refused"
            : connection.connected ? "allowed"
                                   : "allowed, but it failed");
  });
}

inline void show_lost(std::ostream& out, const FinishedRun& run) {
  std::vector<std::string> lines;
  for (const LostFile& file : run.report.lost)
    lines.push_back(file.what.path + " (" + to_string(file.what.change) + ", " + file.file_class + ")");
  for (const FoldedLoss& fold : run.report.folded)
    lines.push_back(std::to_string(fold.count) + " more below " + fold.what.path + ", not named each");
  show_list(out, "losses", lines, [&](const std::string& line) { out << line; });
}

// Whether such a path was written below a directory whose losses are only counted.
inline bool was_folded(const std::string& pattern, const FinishedRun& run) {
  const auto folded = [&](const std::string& path) {
    return matches_path(pattern, path) && std::ranges::any_of(run.report.folded, [&](const FoldedLoss& loss) {
             return path.starts_with(loss.what.path + "/");
           });
  };
  return !run.report.folded.empty() && std::ranges::any_of(run.events, [&](const Event& event) {
    const auto* write = std::get_if<WriteEvent>(&event.body);
    return write != nullptr && write->outcome == WriteOutcome::landed && (folded(write->path) || folded(write->to));
  });
}

inline void show_records(std::ostream& out, const FinishedRun& run) {
  // The last ones: what went wrong stands at the end.
  const auto& all = run.records;
  const std::vector<LogRecord> last(all.size() > kShown ? all.end() - kShown : all.begin(), all.end());
  show_list(out, all.size() > kShown ? "last records" : "records", last, [&](const LogRecord& record) {
    out << to_string(record.stream) << ' ' << to_string(record.level) << ": " << record.message;
  });
}

inline void show_end(std::ostream& out, const FinishedRun& run) {
  out << "which exited " << run.exit_code << (run.timed_out ? " after its time was over" : "") << ", ";
  show_records(out, run);
}

// A matcher made of three functions: does it match, what is there instead, and the words for it.
template <class Test, class Show>
class RunMatcher {
 public:
  using is_gtest_matcher = void;
  RunMatcher(std::string positive, std::string negative, Test test, Show show)
      : positive_(std::move(positive)),
        negative_(std::move(negative)),
        test_(std::move(test)),
        show_(std::move(show)) {}

  template <class Run>
  bool MatchAndExplain(const Run& value, ::testing::MatchResultListener* listener) const {
    std::ostringstream text;
    const FinishedRun* run = run_of(value);
    const bool good = run != nullptr && test_(*run);
    if (run != nullptr) show_(text, *run);
    *listener << text.str();
    return good;
  }
  void DescribeTo(std::ostream* out) const { *out << positive_; }
  void DescribeNegationTo(std::ostream* out) const { *out << negative_; }

 private:
  std::string positive_;
  std::string negative_;
  Test test_;
  Show show_;
};

inline auto connection_matcher(const std::string& program, const std::string& destination, const char* word,
                               bool (*verdict)(const ConnectEvent&)) {
  const std::string what = program + " -> " + destination;
  return RunMatcher(
      "had " + what + " " + word, "never had " + what + " " + word,
      [=](const FinishedRun& run) {
        return std::ranges::any_of(run.report.connections, [&](const CountedConnection& entry) {
          const ConnectEvent& connection = entry.connection;
          return verdict(connection) && is_program(program, connection.process) &&
                 matches_destination(destination, connection.destination);
        });
      },
      show_connections);
}

}  // namespace testing_detail

// A connection of `program` to `destination` that cofferdam refused.
inline auto Refused(const std::string& program, const std::string& destination) {
  return testing_detail::connection_matcher(program, destination, "refused",
                                            [](const ConnectEvent& connection) { return !connection.allowed; });
}

// One that cofferdam allowed, whether somebody answered or not.
inline auto Allowed(const std::string& program, const std::string& destination) {
  return testing_detail::connection_matcher(program, destination, "allowed",
                                            [](const ConnectEvent& connection) { return connection.allowed; });
}

// One that was allowed and came about.
inline auto Connected(const std::string& program, const std::string& destination) {
  return testing_detail::connection_matcher(program, destination, "connected", [](const ConnectEvent& connection) {
    return connection.allowed && connection.connected;
  });
}

// A file, directory or link that the app wrote, changed or removed and that was gone at the end. Of losses that the
// report only counts (folded) those match that the kept events name.
inline auto Lost(const std::string& pattern) {
  return testing_detail::RunMatcher(
      "lost " + pattern, "did not lose " + pattern,
      [=](const FinishedRun& run) {
        return std::ranges::any_of(
                   run.report.lost,
                   [&](const LostFile& file) { return testing_detail::matches_path(pattern, file.what.path); }) ||
               testing_detail::was_folded(pattern, run);
      },
      testing_detail::show_lost);
}

// A finding of this code, of any severity; with `program`, one that this program caused.
inline auto HasFinding(const std::string& code, const std::string& program = "*") {
  const std::string what = code + (program == "*" ? "" : " of " + program);
  return testing_detail::RunMatcher(
      "has the finding " + what, "has no finding " + what,
      [=](const FinishedRun& run) {
        return std::ranges::any_of(run.report.findings, [&](const CountedFinding& entry) {
          return entry.finding.code == code && testing_detail::is_program(program, entry.finding.process);
        });
      },
      [](std::ostream& out, const FinishedRun& run) {
        testing_detail::show_list(out, "findings", run.report.findings,
                                  [&](const CountedFinding& entry) { testing_detail::show_finding(out, entry); });
      });
}

// No error and no warning. Notes (a temporary file that is lost) are no fault.
inline auto NoFindings() {
  const auto counts = [](const CountedFinding& entry) { return entry.finding.severity != Severity::note; };
  return testing_detail::RunMatcher(
      "has no error or warning", "has an error or a warning",
      [=](const FinishedRun& run) { return std::ranges::none_of(run.report.findings, counts); },
      [=](std::ostream& out, const FinishedRun& run) {
        testing_detail::show_list(out, "findings", testing_detail::findings_where(run, counts),
                                  [&](const CountedFinding& entry) { testing_detail::show_finding(out, entry); });
      });
}

// The app's own exit status, 128 + N for signal N. A run whose time was over has none.
inline auto Exited(int code) {
  return testing_detail::RunMatcher(
      "exited " + std::to_string(code), "did not exit " + std::to_string(code),
      [=](const FinishedRun& run) { return run.exit_code == code && !run.timed_out; }, testing_detail::show_end);
}

inline auto TimedOut() {
  return testing_detail::RunMatcher(
      "ran out of time", "ended in time", [](const FinishedRun& run) { return run.timed_out; },
      testing_detail::show_end);
}

// A record whose message is matched: by a text that it contains, or by any matcher of strings.
inline auto Logged(const ::testing::Matcher<const std::string&>& message) {
  std::ostringstream what;
  message.DescribeTo(&what);
  return testing_detail::RunMatcher(
      "logged a message that " + what.str(), "logged no message that " + what.str(),
      [=](const FinishedRun& run) {
        return std::ranges::any_of(run.records,
                                   [&](const LogRecord& record) { return message.Matches(record.message); });
      },
      testing_detail::show_records);
}
inline auto Logged(const std::string& text) {
  return Logged(::testing::Matcher<const std::string&>(::testing::HasSubstr(text)));
}
inline auto Logged(const char* text) {
  return Logged(std::string(text));
}

// What GoogleTest prints as the value; the matcher says the rest.
inline void PrintTo(const FinishedRun& run, std::ostream* out) {
  *out << "a run";
  if (!run.report.command.empty()) *out << " of " << run.report.command.front();
}
inline void PrintTo(const Result<FinishedRun>& run, std::ostream* out) {
  if (run) {
    PrintTo(*run, out);
  } else {
    *out << "a run that did not start";
  }
}

}  // namespace cofferdam
