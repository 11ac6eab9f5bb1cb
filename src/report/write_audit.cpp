#include "report/write_audit.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <unordered_set>

#include "base/text.hpp"

namespace cofferdam::report {

namespace {

constexpr std::uint32_t kNobody = std::numeric_limits<std::uint32_t>::max();

enum class Effect { write, create, create_second, remove, move };
struct CallEffect {
  std::string_view call;
  Effect effect;
};
// Calls that are not named here write to what they name.
constexpr std::array<CallEffect, 14> kEffects = {{{"mkdir", Effect::create},
                                                  {"mkdirat", Effect::create},
                                                  {"mknod", Effect::create},
                                                  {"mknodat", Effect::create},
                                                  {"symlink", Effect::create},
                                                  {"symlinkat", Effect::create},
                                                  {"link", Effect::create_second},
                                                  {"linkat", Effect::create_second},
                                                  {"unlink", Effect::remove},
                                                  {"unlinkat", Effect::remove},
                                                  {"rmdir", Effect::remove},
                                                  {"rename", Effect::move},
                                                  {"renameat", Effect::move},
                                                  {"renameat2", Effect::move}}};

Effect effect_of(std::string_view call) {
  const auto row = std::find_if(kEffects.begin(), kEffects.end(), [&](const CallEffect& e) { return e.call == call; });
  return row == kEffects.end() ? Effect::write : row->effect;
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  return slash == 0 ? path.substr(0, path.size() > 1 ? 1 : 0) : path.substr(0, slash);
}

std::string command_key(const ProcessInfo& process, bool with_arguments) {
  std::string key = process.exe;
  if (!with_arguments) return key;
  for (const std::string& argument : process.argv) {
    key += '\0';
    key += argument;
  }
  return key;
}

}  // namespace

WriteAudit::Trace& WriteAudit::trace_of(const std::string& path, bool removal) {
  const auto known = paths_.find(path);
  if (known != paths_.end()) return known->second;
  const std::size_t limit = removal ? 2 * max_paths_ : max_paths_;
  if (paths_.size() < limit && path_bytes_ + path.size() <= kMaxPathBytes) {
    path_bytes_ += path.size();
    return paths_[path];
  }
  const std::string directory(parent_of(path));
  const auto folder = folded_.find(directory);
  if (folder != folded_.end()) return folder->second;
  if (folded_.size() < max_paths_) return folded_[directory];
  lossy_ = true;
  return rest_;
}

std::uint32_t WriteAudit::index_of(const ProcessRef& process) {
  if (process == nullptr) return kNobody;
  const bool crowded = processes_.size() >= kMaxProcesses;
  // The worker that wrote is named by its pid; when there are too many, by its command, then by its program.
  std::string key = command_key(*process, true);
  if (!crowded) key += '\0' + std::to_string(process->pid);
  auto known = process_index_.find(key);
  if (known == process_index_.end() && crowded) {
    key = command_key(*process, false);
    known = process_index_.find(key);
  }
  if (known != process_index_.end()) return known->second;
  if (processes_.size() >= 2 * kMaxProcesses) return kNobody;
  processes_.push_back(process);
  return process_index_[key] = static_cast<std::uint32_t>(processes_.size() - 1);
}

void WriteAudit::add_writer(Trace& trace, const ProcessRef& process, std::uint64_t count) {
  const std::uint32_t index = index_of(process);
  if (index == kNobody) return;
  const auto known = std::find_if(trace.writers.begin(), trace.writers.end(),
                                  [&](const auto& writer) { return writer.first == index; });
  if (known != trace.writers.end()) {
    known->second += count;
  } else if (trace.writers.size() < kMaxWriters) {
    trace.writers.emplace_back(index, count);
  }
}

void WriteAudit::record(std::uint64_t seq, const WriteEvent& event, std::uint64_t count) {
  if (event.outcome == WriteOutcome::refused) return;
  if (event.outcome == WriteOutcome::failed) {
    // A missing permission is a guess from the mode bits; an ACL or a further group may have let the write through.
    const bool guessed = event.errnum == EACCES || event.errnum == EPERM;
    if (guessed) add_writer(trace_of(event.path, false), event.process, count);
    if (guessed && !event.to.empty()) add_writer(trace_of(event.to, false), event.process, count);
    return;
  }
  const Effect effect = effect_of(event.call);
  if (effect == Effect::move && !event.to.empty()) {
    move(seq, event, count);
    return;
  }
  const std::string& path = effect == Effect::create_second && !event.to.empty() ? event.to : event.path;
  Trace& trace = trace_of(path, effect == Effect::remove);
  add_writer(trace, event.process, count);
  if (effect == Effect::remove) trace.removed = seq;
  if (effect == Effect::create || effect == Effect::create_second) trace.created = seq;
}

void WriteAudit::move(std::uint64_t seq, const WriteEvent& event, std::uint64_t count) {
  Trace& source = trace_of(event.path, true);
  source.removed = seq;
  // Copied: the reference dies when the next trace is made.
  const auto before = source.writers;
  add_writer(source, event.process, count);
  Trace& target = trace_of(event.to, false);
  target.moved_here = true;
  add_writer(target, event.process, count);
  // Who wrote the file under its temporary name wrote this one.
  for (const auto& [index, times] : before) add_writer(target, processes_[index], times);
}

const WriteAudit::Trace* WriteAudit::find(std::string_view path) const {
  const auto known = paths_.find(std::string(path));
  return known == paths_.end() ? nullptr : &known->second;
}

const WriteAudit::Trace* WriteAudit::witness_of(const std::string& path) const {
  if (const Trace* own = find(path)) return own;
  const auto folded = folded_.find(std::string(parent_of(path)));
  if (folded != folded_.end()) return &folded->second;
  for (std::string_view above = parent_of(path); !above.empty(); above = parent_of(above)) {
    const Trace* trace = find(above);
    if (trace != nullptr && (trace->moved_here || trace->removed != 0)) return trace;
  }
  return lossy_ ? &rest_ : nullptr;
}

Writers WriteAudit::writers_of(const std::string& path) const {
  Writers writers;
  const Trace* trace = witness_of(path);
  if (trace == nullptr) return writers;
  for (const auto& [index, count] : trace->writers) writers.emplace_back(processes_[index], count);
  std::stable_sort(writers.begin(), writers.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return writers;
}

bool WriteAudit::was_removed_since(std::string_view path, std::uint64_t seq) const {
  if (lossy_) return true;
  for (std::string_view at = path; !at.empty(); at = parent_of(at)) {
    const Trace* trace = find(at);
    if (trace != nullptr && trace->removed > seq) return true;
    if (folded_.contains(std::string(parent_of(at)))) return true;  // the removal may be among the folded
  }
  return false;
}

Disagreement WriteAudit::compare(const ScanResult& scan) const {
  Disagreement result;
  const auto note = [](std::uint64_t& count, std::vector<std::string>& examples, const std::string& path) {
    ++count;
    if (examples.size() < kExamples) examples.push_back(path);
  };
  std::unordered_set<std::string_view> scanned;
  for (const ScannedChange& change : scan.changes) {
    scanned.insert(change.path);
    if (change.type == "file" && witness_of(change.path) == nullptr) {
      note(result.unseen, result.unseen_paths, change.path);
    }
  }
  for (const ScannedChange& change : scan.kept) scanned.insert(change.path);
  for (const auto& [path, trace] : paths_) {
    // What was removed before may have come back as it was, which is no change to the scan.
    if (trace.created == 0 || trace.removed != 0 || scanned.contains(path)) continue;
    const bool readable = std::none_of(scan.unreadable.begin(), scan.unreadable.end(),
                                       [&](const std::string& place) { return base::is_beneath(path, place); });
    if (!readable || was_removed_since(path, trace.created)) continue;
    note(result.absent, result.absent_paths, path);
  }
  std::sort(result.absent_paths.begin(), result.absent_paths.end());
  return result;
}

}  // namespace cofferdam::report
