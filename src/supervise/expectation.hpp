// What a later instance does about one path that an earlier instance had left: the rule of the rehearsal, without I/O.
//
// A program that asks for a path is not yet a program that misses it: before a pid file, a cache or an upload of a
// taken name is made, everybody looks whether it is there. So a look counts only when nobody makes the path afterwards.
// What is opened to be read *and* created at once (PHP's sessions, SQLite) would be empty where it had content: missed.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>

#include "cofferdam/event.hpp"
#include "cofferdam/report.hpp"
#include "kernel/syscall_table.hpp"

namespace cofferdam::supervise {

// One path that an instance left behind, or has beside this one, and who wrote it last.
struct Leftover {
  ScannedChange what;
  ProcessRef writer;  // may be null
  std::string call;   // of the writer; empty when unknown
  std::timespec when{};
  std::string instance = "rehearsal.1";  // whose it was
};

// What one call does to a path.
enum class Touch {
  none,
  look,    // asks whether it is there, or what it is
  read,    // opens it for what it holds, or enters it
  update,  // opens it for what it holds, and creates it when it is missing
  make,    // creates or replaces it, whatever was there, or only adds to it (a log)
};

// What has become of a leftover in the later instance.
enum class Fate {
  untouched,
  made,      // made anew before anybody had opened it to read: nothing is missed
  asked,     // looked for in vain
  wanted,    // opened to read in vain
  remade,    // opened to read in vain and made anew: a cache or a state, nobody can tell
  reopened,  // opened to read and write, and created empty where it had content
  outdated,  // changed or deleted by the first instance; the version of before was opened to read
};

// `open_flags` of open, openat, openat2 and creat; ignored for other kinds.
[[nodiscard]] Touch touch_of(kernel::NotifyKind kind, std::uint64_t open_flags);

// `there`: whether the path exists at the time of the call.
[[nodiscard]] Fate next_fate(Fate fate, Touch touch, bool there, const ScannedChange& left);

// Whether the later instance has missed what was left.
[[nodiscard]] constexpr bool is_missed(Fate fate) {
  return fate == Fate::asked || fate == Fate::wanted || fate == Fate::reopened;
}

}  // namespace cofferdam::supervise
