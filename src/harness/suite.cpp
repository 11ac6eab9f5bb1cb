#include "harness/suite.hpp"

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <thread>

namespace cofferdam::harness {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kEnding = ".test.yaml";

bool is_left_out(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  return (name.starts_with('.') && name.size() > 1) || name == "node_modules";
}

void find_below(const std::string& place, std::vector<std::string>& files) {
  std::error_code error;
  auto entry = fs::recursive_directory_iterator(place, fs::directory_options::skip_permission_denied, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      if (is_left_out(*entry)) entry.disable_recursion_pending();
    } else if (entry->path().string().ends_with(kEnding)) {
      files.push_back(entry->path().lexically_normal().string());
    }
  }
}

bool is_readable(int fd) {
  pollfd polled = {fd, POLLIN, 0};
  return poll(&polled, 1, 0) > 0;
}

CaseResult result_of(const WrittenCase& written, const SuiteOptions& options, const RunContext& context) {
  const auto begin = std::chrono::steady_clock::now();
  CaseResult result;
  CaseRun run = run_case(written, context);
  result.file = written.file();
  result.test = std::move(run.test);
  result.outcome = std::move(run.outcome);
  result.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  if (run.skipped.empty()) {
    result.problems = judge(result.test, result.outcome);
    result.verdict = result.problems.empty() ? CaseResult::Verdict::passed : CaseResult::Verdict::failed;
    return result;
  }
  result.reason = std::move(run.skipped);
  result.verdict = options.skips_fail ? CaseResult::Verdict::failed : CaseResult::Verdict::skipped;
  if (options.skips_fail)
    result.problems.push_back({result.test.where, "skipped: " + result.reason,
                               "where CI is set a skipped case has failed; --allow-skips permits it"});
  return result;
}

}  // namespace

Result<std::vector<std::string>> find_tests(const std::vector<std::string>& places) {
  std::vector<std::string> files;
  for (const std::string& place : places) {
    std::error_code error;
    const auto status = fs::status(place, error);
    if (!fs::exists(status)) return fail("there is no file or directory " + place, 0, 2);
    if (fs::is_directory(status)) {
      find_below(place, files);
    } else {
      files.push_back(place);
    }
  }
  std::ranges::sort(files);
  files.erase(std::ranges::unique(files).begin(), files.end());
  return files;
}

std::vector<CaseResult> run_suite(const std::vector<WrittenCase>& cases, const SuiteOptions& options,
                                  const RunContext& context, const std::function<void(const CaseResult&)>& tell) {
  std::vector<CaseResult> results(cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    results[i].file = cases[i].file();
    results[i].test = cases[i].shown();
  }
  std::vector<bool> done(cases.size());
  std::mutex mutex;
  std::size_t told = 0;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stop{false};
  const auto work = [&] {
    while (!stop && !is_readable(context.interrupt)) {
      const std::size_t mine = next++;
      if (mine >= cases.size()) return;
      CaseResult result = result_of(cases[mine], options, context);
      if (options.fail_fast && result.verdict == CaseResult::Verdict::failed) stop = true;
      const std::scoped_lock lock(mutex);
      results[mine] = std::move(result);
      done[mine] = true;
      for (; told < cases.size() && done[told]; ++told) tell(results[told]);
    }
  };
  std::vector<std::thread> workers;
  for (std::size_t i = 0; i < std::min<std::size_t>(options.jobs, cases.size()); ++i) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
  // Behind a case that was never begun, others may have ended.
  for (; told < cases.size(); ++told) {
    if (done[told]) tell(results[told]);
  }
  return results;
}

Count count(const std::vector<CaseResult>& results) {
  Count count;
  for (const CaseResult& result : results) {
    switch (result.verdict) {
      case CaseResult::Verdict::passed: ++count.passed; break;
      case CaseResult::Verdict::failed: ++count.failed; break;
      case CaseResult::Verdict::skipped: ++count.skipped; break;
      case CaseResult::Verdict::not_run: ++count.not_run; break;
    }
  }
  return count;
}

}  // namespace cofferdam::harness
