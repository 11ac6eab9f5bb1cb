#include "supervise/threads.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/redact.hpp"

namespace cofferdam::supervise {

ProcessRef describe_process(const Identities& identities, const kernel::ThreadView& view,
                            const kernel::ThreadStatus& status, const RecordRef& record) {
  constexpr std::size_t kMostArguments = 4096;  // bytes read of an image that has no record
  auto info = std::make_shared<ProcessInfo>();
  info->pid = status.inner_pid;
  if (record) {
    info->exe = record->executable;
    info->argv = record->shown;
    info->lineage = record->lineage;
    return info;
  }
  if (auto executable = view.executable_path()) info->exe = std::move(*executable);
  if (auto argv = view.arguments(kMostArguments)) info->argv = base::redact_argv(*argv);
  if (!info->exe.empty()) info->lineage.push_back(info->exe.substr(info->exe.rfind('/') + 1));
  for (std::string& name : identities.ancestors(status.ppid)) info->lineage.push_back(std::move(name));
  return info;
}

KnownThread* Threads::find(pid_t tid) {
  if (const auto known = by_tid_.find(tid); known != by_tid_.end()) {
    // A handle to a dead thread shows no files, even when the number is in use again.
    if (faccessat(known->second->second.view.directory(), "stat", F_OK, 0) == 0) {
      order_.splice(order_.begin(), order_, known->second);
      return &order_.front().second;
    }
    order_.erase(known->second);
    by_tid_.erase(known);
  }
  auto view = kernel::ThreadView::open(tid);
  if (!view) return nullptr;
  const auto status = view->status();
  if (!status) return nullptr;
  RecordRef record = identities_.record_of(*view);
  ProcessRef process = describe_process(identities_, *view, *status, record);
  order_.emplace_front(tid, KnownThread{std::move(*view), *status, std::move(record), std::move(process)});
  by_tid_[tid] = order_.begin();
  if (order_.size() > kMost) {
    by_tid_.erase(order_.back().first);
    order_.pop_back();
  }
  return &order_.front().second;
}

void Threads::forget_process(pid_t tgid) {
  for (auto entry = order_.begin(); entry != order_.end();) {
    if (entry->second.status.tgid == tgid) {
      by_tid_.erase(entry->first);
      entry = order_.erase(entry);
    } else {
      ++entry;
    }
  }
}

}  // namespace cofferdam::supervise
