#include "policy/log_layer.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "policy/log_sink.hpp"
#include "policy/log_words.hpp"
#include "policy/node_values.hpp"
#include "policy/values.hpp"

namespace cofferdam::policy {
namespace {

constexpr std::uint64_t kLargestRecord = 256 << 10;

bool is_same_place(const LogSink& a, const LogSink& b) {
  return a.type == b.type && a.path == b.path && a.address == b.address;
}

class Reader {
 public:
  Reader(const PathBase& base, bool shipped, Mistakes& mistakes)
      : base_(base), shipped_(shipped), mistakes_(mistakes) {}

  LogLayer read(const Node& logs) {
    set(&Logs::capture, choice_of<LogCapture>(child(logs, "capture"), kCaptureWords));
    set(&Logs::syslog_socket, boolean_of(child(logs, "syslog_socket")));
    read_max_record(child(logs, "max_record"));
    set(&Logs::shutdown_timeout, value_of(child(logs, "shutdown_timeout"), &parse_duration));
    read_parse(child(logs, "parse"));
    const Node& spill = child(logs, "spill");
    set_in(&Logs::spill, &LogSpill::path, path_of(child(spill, "path"), base_, shipped_, mistakes_));
    set_in(&Logs::spill, &LogSpill::size, value_of(child(spill, "size"), &parse_size));
    for (const Node& row : child(logs, "sinks").items) {
      if (auto sink = read_log_sink(row, base_, shipped_, mistakes_)) {
        layer_.push_back([sink = std::move(*sink)](Logs& all) { add_sink(all.sinks, sink); });
      }
    }
    return std::move(layer_);
  }

 private:
  template <class T>
  void set(T Logs::* member, std::optional<T> value) {
    if (value) layer_.push_back([member, value = std::move(*value)](Logs& logs) { logs.*member = value; });
  }
  template <class Part, class T>
  void set_in(Part Logs::* part, T Part::* member, std::optional<T> value) {
    if (!value) return;
    layer_.push_back([part, member, value = std::move(*value)](Logs& logs) { logs.*part.*member = value; });
  }

  void read_max_record(const Node& node) {
    const auto size = value_of(node, &parse_record_size);
    if (!size) return;
    if (*size > kLargestRecord) {
      mistakes_.error(node.place, code::kValue, "the record size " + in_quotes(node.text) + " is too large",
                      "at most 256KiB; container runtimes break lines above 16KiB");
      return;
    }
    set(&Logs::max_record, std::optional(static_cast<std::uint32_t>(*size)));
  }

  void read_parse(const Node& parse) {
    set_in(&Logs::parse, &LogParse::json, choice_of<LogStructured>(child(parse, "json"), kStructuredWords));
    set_in(&Logs::parse, &LogParse::logfmt, choice_of<LogStructured>(child(parse, "logfmt"), kStructuredWords));
    const auto multiline = rules_of(child(parse, "multiline"), kMultilineRules);
    set_in(&Logs::parse, &LogParse::multiline, multiline);
    if (multiline) set_in(&Logs::parse, &LogParse::multiline_chosen, std::optional(true));
    set_in(&Logs::parse, &LogParse::strip_ansi, choice_of<bool>(child(parse, "ansi"), kAnsiWords));
    set_in(&Logs::parse, &LogParse::redact, rules_of(child(parse, "redact"), kRedactRules));
    for (std::string& name : texts_of(child(parse, "redact_values"))) {
      layer_.push_back([name = std::move(name)](Logs& logs) {
        auto& names = logs.parse.redact_values;
        if (std::ranges::find(names, name) == names.end()) names.push_back(name);
      });
    }
    set_in(&Logs::parse, &LogParse::rate, value_of(child(parse, "rate"), &parse_count));
    set_in(&Logs::parse, &LogParse::burst, value_of(child(parse, "burst"), &parse_count));
    set_in(&Logs::parse, &LogParse::sample, value_of(child(parse, "sample"), &parse_count));
  }

  template <std::size_t n>
  static std::optional<std::vector<std::string>> rules_of(const Node& node,
                                                          const std::array<std::string_view, n>& all) {
    if (node.kind == Node::Kind::list) return texts_of(node);
    if (node.kind != Node::Kind::scalar) return std::nullopt;
    if (node.text == "all") return std::vector<std::string>(all.begin(), all.end());
    return std::vector<std::string>();
  }

  // A row stands for the one of its name in what the file extends; without a name, for the one that leads to the same
  // place.
  static void add_sink(std::vector<LogSink>& sinks, const LogSink& sink) {
    const auto same = std::ranges::find_if(sinks, [&](const LogSink& each) {
      if (each.name != sink.name || each.origin.file == sink.origin.file) return false;
      return !sink.name.empty() || is_same_place(each, sink);
    });
    if (same == sinks.end()) {
      sinks.push_back(sink);
    } else {
      *same = sink;
    }
  }

  const PathBase& base_;
  bool shipped_;
  Mistakes& mistakes_;
  LogLayer layer_;
};

class Completion {
 public:
  explicit Completion(Logs& logs) : logs_(logs) {}

  std::vector<Diagnostic> complete() {
    name_all();
    for (std::size_t i = 0; i < logs_.sinks.size(); ++i) {
      LogSink& sink = logs_.sinks[i];
      choose_when_full(sink);
      check_place(sink, i);
      if (sink.type == LogSink::Type::sentry) complete_sentry(sink);
    }
    if (logs_.sinks.size() > kMaxLogSinks) {
      wrong(logs_.sinks[kMaxLogSinks], "more than " + std::to_string(kMaxLogSinks) + " log sinks",
            "leave the rest to a collector");
    }
    return std::move(mistakes_);
  }

 private:
  void wrong(const LogSink& sink, std::string message, std::string hint) {
    mistakes_.push_back({Severity::error, sink.origin, std::string(code::kValue), std::move(message), std::move(hint)});
  }

  void name_all() {
    std::vector<std::string> taken;
    const auto is_taken = [&](const std::string& name) { return std::ranges::find(taken, name) != taken.end(); };
    for (const LogSink& sink : logs_.sinks) {
      if (sink.name.empty()) continue;
      if (is_taken(sink.name)) wrong(sink, "two log sinks have the name " + in_quotes(sink.name), "rename one of them");
      taken.push_back(sink.name);
    }
    for (LogSink& sink : logs_.sinks) {
      if (!sink.name.empty()) continue;
      const std::string type(word_of(kSinkWords, sink.type));
      sink.name = type;
      for (int number = 2; is_taken(sink.name); ++number) sink.name = type + "-" + std::to_string(number);
      taken.push_back(sink.name);
    }
  }

  void choose_when_full(LogSink& sink) {
    if (is_remote(sink.type) && !sink.when_full_chosen) {
      sink.when_full = logs_.spill.path.empty() ? LogSink::WhenFull::drop_oldest : LogSink::WhenFull::spill;
    }
    if (sink.when_full == LogSink::WhenFull::spill && logs_.spill.path.empty()) {
      wrong(sink, "the sink " + in_quotes(sink.name) + " is to spill, and there is no spill",
            "add logs.spill: {path: /var/tmp/NAME}, or write when_full: drop-oldest");
    }
  }

  void check_place(const LogSink& sink, std::size_t index) {
    const auto before = logs_.sinks.begin() + static_cast<std::ptrdiff_t>(index);
    const auto same = std::find_if(logs_.sinks.begin(), before, [&](const LogSink& each) {
      return is_same_place(each, sink) && (sink.type == LogSink::Type::file || each.match == sink.match);
    });
    if (same == before) return;
    if (sink.type == LogSink::Type::file) {
      wrong(sink, "two log sinks write to " + in_quotes(sink.path), "give each a file of its own");
    } else {
      wrong(sink, "the log sink " + in_quotes(sink.name) + " gets the same as " + in_quotes(same->name) + ", once more",
            "remove one of them, or give them a match");
    }
  }

  void complete_sentry(LogSink& sink) {
    if (!sink.match.at_least) sink.match.at_least = LogLevel::error;
    if (sink.match.streams.empty()) {
      sink.match.streams = {LogStream::out, LogStream::err, LogStream::syslog, LogStream::own};
    }
    // A stack trace that is no record of its own would be an error a line.
    if (!logs_.parse.multiline_chosen) logs_.parse.multiline.assign(kMultilineRules.begin(), kMultilineRules.end());
  }

  Logs& logs_;
  std::vector<Diagnostic> mistakes_;
};

}  // namespace

LogLayer read_logs(const Node& logs, const PathBase& base, bool shipped, Mistakes& mistakes) {
  return Reader(base, shipped, mistakes).read(logs);
}

std::vector<Diagnostic> complete_logs(Logs& logs) {
  return Completion(logs).complete();
}

}  // namespace cofferdam::policy
