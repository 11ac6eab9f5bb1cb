// What came of a case, before it is judged.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cofferdam/report.hpp"

namespace cofferdam::harness {

// One record of the console sink.
struct Record {
  std::string stream;
  std::string level;
  std::string message;                        // bytes as the app wrote them
  bool partial = false;                       // no line end follows
  std::map<std::string, std::string> fields;  // scalar members; others as JSON
};

struct Outcome {
  std::string directory;               // of the case, as the app saw it
  std::optional<std::string> trouble;  // why the case could not be carried out; empty: it was
  bool timed_out = false;
  bool interrupted = false;
  int exit = 0;          // of cofferdam run
  bool stopped = false;  // by us, after the driver
  std::vector<Record> records;
  std::string messages;          // cofferdam's own, on stderr
  std::optional<Report> report;  // unset: nothing was started
  std::string drive_output;
  std::optional<int> drive_exit;
  std::vector<std::string> host_changes;
  std::vector<std::string> service_output;  // of each service, for people
  std::chrono::milliseconds duration{0};    // of cofferdam run
};

// Of `--format json`; what is no record is left out.
[[nodiscard]] std::vector<Record> read_records(const std::string& text);
// What the app wrote to one stream.
[[nodiscard]] std::string stream_text(const std::vector<Record>& records, const std::string& stream);

}  // namespace cofferdam::harness
