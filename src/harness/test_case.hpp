// A policy test as the file has it: values, each expectation with its place.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cofferdam/diagnostic.hpp"

namespace cofferdam::harness {

using Milliseconds = std::chrono::milliseconds;

// What must hold for a text; what is left out holds.
struct TextMatcher {
  Origin where;
  std::optional<std::string> equals;  // line ends at the end do not count
  std::vector<std::string> contains;
  std::vector<std::string> lacks;
  std::string regex;  // extended; of a line
};

struct RecordRow {
  Origin where;
  std::string stream;  // empty: any
  std::string level;
  std::optional<TextMatcher> message;
  std::map<std::string, std::string> fields;
};

struct FindingRow {
  Origin where;
  std::string code = {};
  std::optional<std::uint64_t> count = {};  // unset: at least one
  std::string process = {};                 // globs; empty: any
  std::string path = {};
  std::string destination = {};
  std::string severity = {};
};

struct ConnectionRow {
  Origin where;
  std::string destination = {};
  std::string process = {};
  std::optional<std::uint64_t> count = {};
  bool allowed = false;
};

struct PathRow {
  Origin where;
  std::string glob;
};

struct Expectations {
  Origin where;  // of `expect`, or of the case
  std::optional<int> exit;
  std::optional<int> signal;
  std::optional<TextMatcher> out;
  std::optional<TextMatcher> err;
  std::optional<TextMatcher> messages;
  std::vector<RecordRow> logs;
  std::vector<FindingRow> findings;
  bool other_findings = false;
  std::vector<PathRow> lost;
  bool other_losses = true;
  std::vector<PathRow> kept;
  std::vector<ConnectionRow> connections;
  std::map<std::string, std::string> enforcement;  // rule -> level
  bool host_unchanged = true;
  std::optional<Milliseconds> at_least;
  std::optional<Milliseconds> at_most;
};

// When something outside is ready; all that is set must hold.
struct Ready {
  std::optional<std::uint16_t> port;
  std::string http;
  std::string line;
  Milliseconds timeout{10'000};
};

struct Service {
  Origin where;
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;
  std::optional<Ready> ready;
};

struct TestCase {
  Origin where;
  std::string name;
  std::string policy;  // absolute, or a shipped name
  std::string with;    // text of a policy without `extends`, lines as in the test file; empty: none
  std::vector<std::string> command;
  std::string directory;  // absolute; empty: an empty one
  std::map<std::string, std::string> files;
  std::map<std::string, std::string> environment;
  std::vector<std::string> inherit;
  std::string stdin_text;
  std::vector<Service> services;
  std::optional<std::uint64_t> replicas;
  std::optional<Ready> ready;
  std::string drive;
  Milliseconds timeout{30'000};
  std::vector<std::string> needs;
  std::string skip;
  Expectations expect;
};

}  // namespace cofferdam::harness
