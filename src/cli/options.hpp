// The command line. The only Boost code; its exceptions end here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cofferdam/result.hpp"

namespace cofferdam::cli {

struct RunOptions {
  std::optional<std::string> policy;
  std::string policy_base;  // absolute; empty: the directory of the policy's file
  std::string policy_text;  // empty: none
  std::optional<std::string> user;
  std::string format;  // empty: by what stdout is
  std::string report;
  std::string events;
  std::string keep_writes;
  std::optional<unsigned> replicas;  // 1 to 100
  int parent_pipe = -1;              // a descriptor, 3 or more; -1: none
  std::vector<std::string> fail_on;
  std::string baseline;          // empty: none
  bool update_baseline = false;  // writes `baseline`
  std::vector<std::string> command;
  bool verbose = false;
  bool help = false;
};

struct RehearseOptions {
  RunOptions run;
  std::string drive;
  std::vector<std::string> readers;
  std::optional<double> ready_after;  // seconds
  std::optional<double> reader_for;   // seconds
};

struct LearnOptions {
  RunOptions run;
  std::string output = "cofferdam.yaml";
  bool merge = false;      // into `output`
  bool overwrite = false;  // --force
  bool deny_egress = false;
};

struct CheckOptions {
  std::vector<std::string> files;
  std::string policy_text;      // empty: none
  std::string format = "text";  // text, json or sarif
  bool help = false;
};

struct DoctorOptions {
  std::optional<std::string> policy;
  std::string policy_text;  // empty: none
  bool json = false;
  bool help = false;
};

struct ExplainOptions {
  std::vector<std::string> words;  // codes; with --as the destination
  std::optional<std::string> policy;
  std::string policy_text;  // empty: none
  std::string program;      // --as
  std::string write_path;   // --write
  bool effective = false;
  bool help = false;
};

struct LogsTestOptions {
  std::optional<std::string> policy;
  std::string sink;          // empty: all of them
  bool from_stderr = false;  // the sample is what the app writes to stderr
  bool help = false;
};

struct TestOptions {
  std::vector<std::string> places;  // files and directories; empty: the working directory
  std::string format = "human";     // human, tap, junit or json
  std::string report;               // a file for it, while stdout shows the human form; empty: stdout
  std::string only;                 // --run, an extended regular expression
  unsigned jobs = 0;                // 0: as many as processors
  bool list = false;
  bool fail_fast = false;
  bool allow_skips = false;
  bool verbose = false;
  bool help = false;
};

struct ReportOptions {
  std::string file;             // "-": stdin
  std::string format = "text";  // text, json, html, sarif or junit
  std::string output;           // a file; empty: stdout
  std::string baseline;         // empty: none
  bool all = false;             // nothing is folded
  bool help = false;
};

struct ExportOptions {
  std::string to;  // docker, compose or kubernetes
  std::optional<std::string> policy;
  std::string image = "IMAGE";
  std::string name = "web";
  std::string workdir = "/app";
  std::vector<std::uint16_t> ports;
  std::string runtime;
  std::vector<std::string> command;
  bool strict = false;
  bool help = false;
};

// Everything from the first word that is no option, or after `--`, is the command.
[[nodiscard]] Result<RunOptions> parse_run(const std::vector<std::string>& arguments);
[[nodiscard]] Result<RunOptions> parse_shell(const std::vector<std::string>& arguments);
[[nodiscard]] Result<RehearseOptions> parse_rehearse(const std::vector<std::string>& arguments);
[[nodiscard]] Result<LearnOptions> parse_learn(const std::vector<std::string>& arguments);
[[nodiscard]] Result<CheckOptions> parse_check(const std::vector<std::string>& arguments);
[[nodiscard]] Result<DoctorOptions> parse_doctor(const std::vector<std::string>& arguments);
// Options may stand on either side of the codes. At most one of --as, --write and --effective is given, and what it
// needs is there.
[[nodiscard]] Result<ExplainOptions> parse_explain(const std::vector<std::string>& arguments);
// Of `logs test`.
[[nodiscard]] Result<LogsTestOptions> parse_logs_test(const std::vector<std::string>& arguments);
// Options may stand on either side of the files.
[[nodiscard]] Result<TestOptions> parse_test(const std::vector<std::string>& arguments);
// Options may stand on either side of the one file.
[[nodiscard]] Result<ReportOptions> parse_report(const std::vector<std::string>& arguments);

// The words after the options are the container's command.
[[nodiscard]] Result<ExportOptions> parse_export(const std::vector<std::string>& arguments);

// The options of a command, for --help.
[[nodiscard]] std::string run_help();
[[nodiscard]] std::string shell_help();
[[nodiscard]] std::string rehearse_help();
[[nodiscard]] std::string learn_help();
[[nodiscard]] std::string check_help();
[[nodiscard]] std::string doctor_help();
[[nodiscard]] std::string explain_help();
[[nodiscard]] std::string test_help();
[[nodiscard]] std::string report_help();
[[nodiscard]] std::string logs_help();
[[nodiscard]] std::string export_help();

}  // namespace cofferdam::cli
