#include "report/write_audit.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <functional>

#include "base/text.hpp"

namespace cofferdam::report {

namespace {

constexpr std::size_t kMostMarks = 0xffff;  // Mark::next can name so many

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

std::size_t command_key(const ProcessInfo& process, bool with_arguments, bool with_pid) {
  std::string key = process.exe;
  if (with_arguments) {
    for (const std::string& argument : process.argv) {
      key += '\0';
      key += argument;
    }
  }
  if (with_pid) key += '\0' + std::to_string(process.pid);
  return std::hash<std::string>{}(key);
}

}  // namespace

Trace& WriteAudit::trace_of(std::string_view path, bool removal) {
  const PathHash hash = hash_path(path);
  if (Trace* known = paths_.find(hash)) return *known;
  const std::size_t limit = removal ? max_paths_ + max_paths_ / 2 : max_paths_;
  if (paths_.size() < limit) return paths_.insert(hash);
  const PathHash directory = hash_path(parent_of(path));
  if (Trace* folder = folded_.find(directory)) return *folder;
  if (folded_.size() < max_paths_ / 4) return folded_.insert(directory);
  lossy_ = true;
  return rest_;
}

std::uint16_t WriteAudit::index_of(const ProcessRef& process) {
  if (process == nullptr) return kNobody;
  const bool crowded = processes_.size() >= kMaxProcesses;
  // The worker that wrote is named by its pid; when there are too many, by its command, then by its program.
  std::size_t key = command_key(*process, true, true);
  auto known = process_index_.find(key);
  if (known == process_index_.end() && crowded) {
    key = command_key(*process, true, false);
    known = process_index_.find(key);
    if (known == process_index_.end() && processes_.size() >= kMaxProcesses + kMaxProcesses / 2) {
      key = command_key(*process, false, false);
      known = process_index_.find(key);
    }
  }
  if (known != process_index_.end()) return known->second;
  if (processes_.size() >= 2 * kMaxProcesses) return kNobody;
  processes_.push_back(process);
  return process_index_[key] = static_cast<std::uint16_t>(processes_.size() - 1);
}

void WriteAudit::add_mark(Trace& trace, std::uint16_t process, std::uint64_t count, std::int64_t first,
                          std::int64_t last) {
  if (process == kNobody) return;
  const auto times = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, 0xffffffff));
  Mark* mark = &trace.writer;
  for (std::size_t length = 1; mark->process != kNobody && mark->process != process; ++length) {
    if (mark->next == 0) {
      if (marks_.empty()) marks_.emplace_back();
      if (length >= kMaxWriters || marks_.size() >= kMostMarks) return;
      mark->next = static_cast<std::uint16_t>(marks_.size());  // before marks_ grows: `mark` may lie in it
      mark = &marks_.emplace_back();
      break;
    }
    mark = &marks_[mark->next];
  }
  mark->process = process;
  mark->add(times, first, last);
}

WriteAudit::Place WriteAudit::write(const std::string& path, const WriteEvent& event, std::int64_t when,
                                    std::uint64_t count, bool removal) {
  Trace& trace = trace_of(path, removal);
  const std::uint16_t process = index_of(event.process);
  add_mark(trace, process, count, when, when);
  return {&trace, process};
}

WriteAudit::Place WriteAudit::record(const WriteEvent& event, const std::timespec& when, std::uint64_t count) {
  if (event.outcome == WriteOutcome::refused) return {};
  const std::int64_t time = to_nanoseconds(when);
  if (event.outcome == WriteOutcome::failed) {
    // A missing permission is a guess from the mode bits; an ACL or a further group may have let the write through.
    const bool guessed = event.errnum == EACCES || event.errnum == EPERM;
    if (guessed && !event.to.empty()) (void)write(event.to, event, time, count, false);
    return guessed ? write(event.path, event, time, count, false) : Place{};
  }
  if (++number_ == 0) lossy_ = true;  // after four billion writes nobody knows what came first
  const Effect effect = effect_of(event.call);
  if (effect == Effect::move && !event.to.empty()) {
    move(event, time, count);
    return {};
  }
  const std::string& path = effect == Effect::create_second && !event.to.empty() ? event.to : event.path;
  const Place place = write(path, event, time, count, effect == Effect::remove);
  if (effect == Effect::remove) remove(path, *place.trace);
  if (effect == Effect::create || effect == Effect::create_second) create(path, *place.trace);
  return place;
}

void WriteAudit::repeat(const Place& place, const std::timespec& when, std::uint64_t count) {
  if (place.trace == nullptr) return;
  const std::int64_t time = to_nanoseconds(when);
  add_mark(*place.trace, place.process, count, time, time);
}

void WriteAudit::create(const std::string& path, const Trace& trace) {
  // What was removed before may come back as it was, which is no change to the scan. What a folder stands for can't be
  // told apart.
  if (trace.path != hash_path(path) || trace.removed != 0) return;
  if (creations_.size() >= kMaxCreations || creation_bytes_ + path.size() > kMaxCreationBytes) return;
  if (creations_.try_emplace(trace.path, Creation{path, number_}).second) creation_bytes_ += path.size();
}

void WriteAudit::remove(const std::string& path, Trace& trace) {
  trace.removed = number_;
  const auto creation = creations_.find(hash_path(path));
  if (creation == creations_.end()) return;
  creation_bytes_ -= creation->second.path.size();
  creations_.erase(creation);
}

void WriteAudit::move(const WriteEvent& event, std::int64_t when, std::uint64_t count) {
  const std::uint16_t process = index_of(event.process);
  Trace& source = trace_of(event.path, true);
  Trace& target = trace_of(event.to, false);
  // Who wrote the file under its temporary name wrote this one. Copied: marks move when one is added.
  std::vector<Mark> before;
  if (&source != &target && source.writer.process != kNobody) {
    before.push_back(source.writer);
    while (before.back().next != 0) before.push_back(marks_[before.back().next]);
  }
  remove(event.path, source);
  add_mark(source, process, count, when, when);
  target.moved_here = true;
  add_mark(target, process, count, when, when);
  for (const Mark& mark : before) add_mark(target, mark.process, mark.count, mark.first, mark.last);
}

const Trace* WriteAudit::witness_of(std::string_view path) const {
  // No event names a longer path than the kernel does; to hash such ones at every level would take seconds.
  const auto find = [](const TraceTable& traces, std::string_view name) {
    return name.size() < PATH_MAX ? traces.find(hash_path(name)) : nullptr;
  };
  if (const Trace* own = find(paths_, path)) return own;
  if (const Trace* folder = find(folded_, parent_of(path))) return folder;
  for (std::string_view above = parent_of(path); !above.empty(); above = parent_of(above)) {
    const Trace* trace = find(paths_, above);
    if (trace != nullptr && (trace->moved_here || trace->removed != 0)) return trace;
  }
  return lossy_ ? &rest_ : nullptr;
}

Writers WriteAudit::writers_of(const std::string& path) const {
  Writers writers;
  const Trace* trace = witness_of(path);
  if (trace == nullptr || trace->writer.process == kNobody) return writers;
  for (const Mark* mark = &trace->writer;; mark = &marks_[mark->next]) {
    writers.push_back({processes_[mark->process], mark->count, to_timespec(mark->first), to_timespec(mark->last)});
    if (mark->next == 0) break;
  }
  std::stable_sort(writers.begin(), writers.end(), [](const Writer& a, const Writer& b) { return a.count > b.count; });
  return writers;
}

bool WriteAudit::was_removed_since(std::string_view path, std::uint32_t number) const {
  for (std::string_view at = path; !at.empty(); at = parent_of(at)) {
    const Trace* trace = paths_.find(hash_path(at));
    if (trace != nullptr && trace->removed > number) return true;
    if (folded_.find(hash_path(parent_of(at))) != nullptr) return true;  // the removal may be among the folded
  }
  return false;
}

void WriteAudit::visit(const ScannedChange& change) {
  creations_.erase(hash_path(change.path));
  if (change.type != "file" || witness_of(change.path) != nullptr) return;
  ++found_.unseen;
  if (found_.unseen_paths.size() < kExamples) found_.unseen_paths.push_back(change.path);
}

Disagreement WriteAudit::conclude(const ScanResult& scan) {
  for (const ScannedChange& change : scan.kept) creations_.erase(hash_path(change.path));
  for (const auto& [hash, creation] : creations_) {
    const bool readable = std::none_of(scan.unreadable.begin(), scan.unreadable.end(), [&](const Unreadable& place) {
      return base::is_beneath(creation.path, place.path);
    });
    if (lossy_ || !readable || was_removed_since(creation.path, creation.number)) continue;
    ++found_.absent;
    if (found_.absent_paths.size() < kExamples) found_.absent_paths.push_back(creation.path);
  }
  std::sort(found_.absent_paths.begin(), found_.absent_paths.end());
  return std::move(found_);
}

std::size_t WriteAudit::bytes() const {
  return paths_.bytes() + folded_.bytes() + marks_.capacity() * sizeof(Mark) + creation_bytes_ +
         (creations_.size() + process_index_.size()) * 96;  // their nodes and buckets
}

}  // namespace cofferdam::report
