// What is known of one image of a process, and the rules that compare two of them. Pure.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kernel/procfs.hpp"
#include "plan/plan.hpp"
#include "supervise/hash_set.hpp"
#include "supervise/program_place.hpp"
#include "supervise/script.hpp"

namespace cofferdam::supervise {

struct ImageTuple {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  kernel::AuxiliaryVector vector;
  bool operator==(const ImageTuple&) const = default;
};

struct ImageTupleHash {
  std::size_t operator()(const ImageTuple& tuple) const noexcept;
};

struct ExecRecord {
  ImageTuple tuple;
  std::string executable;                  // path, as the app sees it
  std::vector<std::string> argv;           // as it was at the exec, but for the app cut; never shown unredacted
  std::vector<std::string> shown;          // argv as findings and events show it: redacted, at most some 1 KiB
  bool secret = false;                     // what a row would name of this program (up to its script) holds a secret
  std::vector<std::string> loader_values;  // NAME=value of what steers loaders, sorted; kept of the app only
  bool loads_as_app = false;               // its loader_values are the app's
  std::string differs;                     // the variable without which it would count as the app
  ScriptArgument script;
  std::string script_path;           // settled_path, as the app sees it; empty when there is no such file
  std::string script_words;          // the same as it was written, but absolute
  InterpreterHome home;              // of an interpreter that has one (has_home)
  std::string directory;             // the working directory at the exec; kept of the app only
  std::vector<std::string> lineage;  // program names, itself first
  bool of_app = false;               // the entry command or any process below it
  bool is_app = false;
  bool late = false;  // static, without a first call (Go): taken at a connect, when its argv may be anything
  std::string row;    // of app.also, by which it is the app
};
using RecordRef = std::shared_ptr<const ExecRecord>;

// Whether this is the image of the program that was looked up before the start.
[[nodiscard]] bool is_image_of(const plan::Program& program, const ImageTuple& tuple, const std::string& executable);
// True for busybox and its like, whose name decides what they do.
[[nodiscard]] bool has_many_names(const ExecRecord& record);
// True for interpreters that look for their own things beside argv[0].
[[nodiscard]] bool has_home(const ExecRecord& record);
// The last component of argv[0], or of the executable where there is none.
[[nodiscard]] std::string called_as(const ExecRecord& record);
// What a person would call it: a script under its own name (gunicorn, not python3.11), "python3.11 -m celery" for a
// module, and a program of many names under the one that was called (sh, not dash).
[[nodiscard]] std::string program_name(const ExecRecord& record);

// Rule (b), and rule (c) below, leave loader_values to the caller.
[[nodiscard]] bool same_program(const ExecRecord& app, const ExecRecord& other);
// Rule (c). An interpreter's name means the one on PATH, and the one that the app itself runs on: they differ where
// PATH leads to a version manager's shim, or the app was started from a virtual environment. Options that
// safe_options lets pass may stand before the script although the row's patterns don't have them.
[[nodiscard]] bool matches_row(const plan::AlsoProgram& row, const ExecRecord& record, const ExecRecord& app);

// Nothing between the interpreter of `record` and its script runs code that the app's own options don't run.
[[nodiscard]] bool safe_options(const ExecRecord& record, const ExecRecord& app);

// A longer argument is cut to this, and arguments that are left out are one more, kMore.
inline constexpr std::size_t kLongestArgument = 512;
inline constexpr std::string_view kMore = "...";
// Arguments up to a number and `most_bytes`, the rest as "...".
[[nodiscard]] std::vector<std::string> cut_arguments(std::vector<std::string> argv, std::size_t most_bytes);
// Drops what need not be kept once a record has been judged, unless others are compared with it.
void shorten(ExecRecord& record);

// The records of the images that were seen. Memory is bounded, however many there are: those used longest ago are
// forgotten, kMostApps of the app's own and kMostOthers others stay.
class ExecRecords {
 public:
  static constexpr std::size_t kMostApps = 2048;
  static constexpr std::size_t kMostOthers = 1024;

  // `kept` is never dropped.
  void remember(const RecordRef& record, const RecordRef& kept);
  // This image has no record and shall never have one: its arguments may be anything by now. So it is with those whose
  // record was dropped.
  void bar(const ImageTuple& tuple);
  [[nodiscard]] bool is_barred(const ImageTuple& tuple) const { return barred_.contains(ImageTupleHash()(tuple)); }
  // Null when there is none. What is looked up stays longer.
  [[nodiscard]] RecordRef look_up(const ImageTuple& tuple) const;
  [[nodiscard]] std::size_t size() const { return records_.size(); }

 private:
  // Least recently used first. Apart, so that what the app starts can't drive out what the app is.
  mutable std::list<RecordRef> apps_;
  mutable std::list<RecordRef> others_;
  HashSet barred_;
  std::unordered_map<ImageTuple, std::list<RecordRef>::iterator, ImageTupleHash> records_;
};

}  // namespace cofferdam::supervise
