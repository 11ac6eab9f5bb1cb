#include "cli/options.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "cli/option_tables.hpp"
#include "policy/rule_catalog.hpp"
#include "policy/values.hpp"

namespace po = boost::program_options;

namespace cofferdam::cli {

namespace {

// Splits the arguments into ours and the command: Boost would look for options in the command as well.
struct Split {
  std::vector<std::string> own;
  std::vector<std::string> rest;
};

Split split_command(const std::vector<std::string>& arguments, const po::options_description& options) {
  Split split;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") {
      split.rest.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
      return split;
    }
    if (!argument.starts_with('-') || argument == "-") {
      split.rest.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
      return split;
    }
    split.own.push_back(argument);
    const std::string name = argument.starts_with("--") ? argument.substr(2) : argument.substr(1, 1);
    const bool attached =
        argument.find('=') != std::string::npos || (!argument.starts_with("--") && argument.size() > 2);
    const po::option_description* known = options.find_nothrow(argument.starts_with("--") ? name : "-" + name, false);
    if (known != nullptr && !attached && known->semantic()->max_tokens() > 0 && i + 1 < arguments.size() &&
        arguments[i + 1] != "--") {
      split.own.push_back(arguments[++i]);
    }
  }
  return split;
}

// For commands whose own options may stand on either side of their words; after `--` all are words.
Split split_words(const std::vector<std::string>& arguments, const po::options_description& options) {
  Split words;
  for (std::vector<std::string> rest = arguments; !rest.empty();) {
    Split split = split_command(rest, options);
    const bool separated = rest.size() > split.own.size() + split.rest.size();
    words.own.insert(words.own.end(), split.own.begin(), split.own.end());
    const auto taken = separated || split.rest.empty() ? split.rest.end() : split.rest.begin() + 1;
    words.rest.insert(words.rest.end(), split.rest.begin(), taken);
    rest.assign(taken, split.rest.end());
  }
  return words;
}

std::string nearest_option(const std::string& wrong, const po::options_description& options) {
  std::vector<std::string> names;
  for (const auto& option : options.options()) names.push_back("--" + option->long_name());
  const std::vector<std::string_view> views(names.begin(), names.end());
  const auto near = base::nearest(wrong, views);
  return near ? "; did you mean " + std::string(*near) + "?" : "";
}

Result<po::variables_map> parse(const std::vector<std::string>& own, const po::options_description& options) {
  try {
    const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::variables_map values;
    po::store(po::command_line_parser(own).options(options).style(style).run(), values);
    po::notify(values);
    return values;
  } catch (const po::unknown_option& unknown) {
    const std::string name = unknown.get_option_name();
    return fail("unknown option " + base::printable(name) + nearest_option(name, options), 0, 2);
  } catch (const po::error& error) {
    return fail(error.what(), 0, 2);
  }
}

std::string text_of(const po::variables_map& values, const char* name) {
  return values.count(name) != 0 ? values[name].as<std::string>() : std::string();
}

std::optional<std::string> value_of(const po::variables_map& values, const char* name) {
  if (values.count(name) == 0) return std::nullopt;
  return values[name].as<std::string>();
}

RunOptions run_options_of(const po::variables_map& values, std::vector<std::string> command) {
  RunOptions result;
  result.policy = value_of(values, "policy");
  result.policy_base = values.count("policy-base") != 0 ? text_of(values, "policy-base") : "";
  result.policy_text = text_of(values, "policy-text");
  result.user = value_of(values, "user");
  result.format = text_of(values, "format");
  result.report = text_of(values, "report");
  result.events = text_of(values, "events");
  result.keep_writes = text_of(values, "keep-writes");
  const std::string fail_on = text_of(values, "fail-on");
  if (values.count("fail-on") != 0) {
    for (const std::string_view part : base::split(fail_on, ',')) result.fail_on.emplace_back(part);
  }
  result.baseline = text_of(values, "baseline");
  result.update_baseline = values.count("update-baseline") != 0;
  result.verbose = values.count("verbose") != 0;
  result.help = values.count("help") != 0;
  result.command = std::move(command);
  return result;
}

Result<RunOptions> parse_command(const std::vector<std::string>& arguments, const po::options_description& options) {
  Split split = split_command(arguments, options);
  auto values = parse(split.own, options);
  if (!values) return std::unexpected(values.error());
  return run_options_of(*values, std::move(split.rest));
}

// The first is the one that is meant when nothing is said.
Result<std::string> format_of(const po::variables_map& values, const std::vector<std::string>& known) {
  const auto format = value_of(values, "format");
  if (!format) return known.front();
  if (std::ranges::find(known, *format) != known.end()) return *format;
  return fail("--format " + base::printable(*format) + ": must be one of " + base::join(known, ", "), 0, 2);
}

Result<std::optional<unsigned>> replicas_of(const po::variables_map& values) {
  constexpr unsigned kMost = 100;
  const auto text = value_of(values, "replicas");
  if (!text) return std::nullopt;
  unsigned count = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (error != std::errc() || end != text->data() + text->size() || count == 0 || count > kMost) {
    return fail("--replicas '" + base::printable(*text) + "': must be a number from 1 to 100", 0, 2);
  }
  return count;
}

// A descriptor that was inherited; the standard ones have a use already.
Result<int> parent_pipe_of(const po::variables_map& values) {
  const auto text = value_of(values, "parent-pipe");
  if (!text) return -1;
  int fd = -1;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), fd);
  if (error != std::errc() || end != text->data() + text->size() || fd < 3) {
    return fail("--parent-pipe '" + base::printable(*text) + "': must be the number of a descriptor from 3 on", 0, 2);
  }
  return fd;
}

Result<void> check_run_options(const RunOptions& options) {
  constexpr std::string_view kFormats[] = {"pretty", "json", "raw"};
  if (!options.format.empty() && std::ranges::find(kFormats, std::string_view(options.format)) == std::end(kFormats)) {
    return fail("--format " + base::printable(options.format) + ": must be pretty, json or raw", 0, 2);
  }
  if (options.update_baseline && options.baseline.empty()) {
    return fail("--update-baseline needs the file: --baseline FILE", 0, 2);
  }
  for (const std::string& what : options.fail_on) {
    if (what != "error" && what != "warning" && policy::find_rule(what) == nullptr) {
      return fail("--fail-on '" + base::printable(what) +
                      "': must be error, warning or a code such as CD201 "
                      "(cofferdam explain lists them)",
                  0, 2);
    }
  }
  return {};
}

// A day at most: what is longer is a mistake.
Result<std::optional<double>> seconds_of(const po::variables_map& values, const char* name) {
  constexpr double kLongest = 86400;
  const auto text = value_of(values, name);
  if (!text) return std::nullopt;
  double seconds = -1;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc() || end != text->data() + text->size() || !(seconds >= 0 && seconds <= kLongest)) {
    return fail(std::string("--") + name + " '" + base::printable(*text) + "': must be a number of seconds, 0 to 86400",
                0, 2);
  }
  return seconds;
}

}  // namespace

Result<RunOptions> parse_run(const std::vector<std::string>& arguments) {
  Split split = split_command(arguments, run_options());
  auto values = parse(split.own, run_options());
  if (!values) return std::unexpected(values.error());
  RunOptions options = run_options_of(*values, std::move(split.rest));
  if (auto good = check_run_options(options); !good) return std::unexpected(good.error());
  const auto replicas = replicas_of(*values);
  if (!replicas) return std::unexpected(replicas.error());
  options.replicas = *replicas;
  if (!options.policy_base.empty() && !options.policy_base.starts_with('/'))
    return fail("--policy-base '" + base::printable(options.policy_base) + "': must be an absolute path", 0, 2);
  const auto parent_pipe = parent_pipe_of(*values);
  if (!parent_pipe) return std::unexpected(parent_pipe.error());
  options.parent_pipe = *parent_pipe;
  return options;
}

Result<RehearseOptions> parse_rehearse(const std::vector<std::string>& arguments) {
  Split split = split_command(arguments, rehearse_options());
  auto values = parse(split.own, rehearse_options());
  if (!values) return std::unexpected(values.error());
  RehearseOptions options;
  options.run = run_options_of(*values, std::move(split.rest));
  if (auto good = check_run_options(options.run); !good) return std::unexpected(good.error());
  options.drive = text_of(*values, "drive");
  if (values->count("reader") != 0) options.readers = (*values)["reader"].as<std::vector<std::string>>();
  const auto ready_after = seconds_of(*values, "ready-after");
  const auto reader_for = seconds_of(*values, "reader-for");
  if (!ready_after || !reader_for) return std::unexpected((!ready_after ? ready_after : reader_for).error());
  options.ready_after = *ready_after;
  options.reader_for = *reader_for;
  return options;
}

Result<LearnOptions> parse_learn(const std::vector<std::string>& arguments) {
  Split split = split_command(arguments, learn_options());
  auto values = parse(split.own, learn_options());
  if (!values) return std::unexpected(values.error());
  LearnOptions options;
  options.run = run_options_of(*values, std::move(split.rest));
  if (auto good = check_run_options(options.run); !good) return std::unexpected(good.error());
  const auto output = value_of(*values, "output");
  const auto merge = value_of(*values, "merge");
  if (merge && (output || options.run.policy)) {
    return fail("--merge names the policy to extend and the file to write; leave --" +
                std::string(output ? "output" : "policy") + " out");
  }
  if (output) options.output = *output;
  if (merge) options.output = *merge;
  options.merge = merge.has_value();
  options.overwrite = values->count("force") != 0;
  const auto egress = value_of(*values, "egress");
  if (egress && *egress != "deny") return fail("--egress " + base::printable(*egress) + ": only deny is possible");
  options.deny_egress = egress.has_value();
  if (merge && egress) return fail("--egress belongs to a new policy; write egress: deny into the file instead");
  return options;
}

Result<RunOptions> parse_shell(const std::vector<std::string>& arguments) {
  return parse_command(arguments, shell_options());
}

Result<CheckOptions> parse_check(const std::vector<std::string>& arguments) {
  const Split split = split_words(arguments, check_options());
  auto values = parse(split.own, check_options());
  if (!values) return std::unexpected(values.error());
  CheckOptions options;
  options.files = split.rest;
  options.policy_text = text_of(*values, "policy-text");
  options.help = values->count("help") != 0;
  auto format = format_of(*values, {"text", "json", "sarif"});
  if (!format) return std::unexpected(format.error());
  options.format = *format;
  return options;
}

Result<DoctorOptions> parse_doctor(const std::vector<std::string>& arguments) {
  const Split split = split_command(arguments, doctor_options());
  auto values = parse(split.own, doctor_options());
  if (!values) return std::unexpected(values.error());
  if (!split.rest.empty()) return fail("takes no argument: " + base::printable(split.rest.front()), 0, 2);
  return DoctorOptions{value_of(*values, "policy"), text_of(*values, "policy-text"), values->count("json") != 0,
                       values->count("help") != 0};
}

Result<ExplainOptions> parse_explain(const std::vector<std::string>& arguments) {
  const Split split = split_words(arguments, explain_options());
  auto values = parse(split.own, explain_options());
  if (!values) return std::unexpected(values.error());
  ExplainOptions options;
  options.words = split.rest;
  options.policy = value_of(*values, "policy");
  options.policy_text = text_of(*values, "policy-text");
  options.program = text_of(*values, "as");
  options.write_path = text_of(*values, "write");
  options.effective = values->count("effective") != 0;
  options.help = values->count("help") != 0;
  if (options.help) return options;
  const auto asked = values->count("as") + values->count("write") + values->count("effective");
  if (asked > 1) return fail("one of --as, --write and --effective at a time", 0, 2);
  if (values->count("as") != 0 && (options.program.empty() || options.words.size() != 1)) {
    return fail("write --as PROGRAM DESTINATION, such as --as psql db:5432", 0, 2);
  }
  if (values->count("as") == 0 && asked != 0 && !options.words.empty()) {
    return fail("one argument too many: " + base::printable(options.words.front()), 0, 2);
  }
  if (values->count("write") != 0 && options.write_path.empty()) return fail("--write needs a path", 0, 2);
  if (asked == 0 && options.policy) return fail("--policy goes with --as, --write or --effective", 0, 2);
  if (asked == 0 && values->count("policy-text") != 0) {
    return fail("--policy-text goes with --as, --write or --effective", 0, 2);
  }
  return options;
}

Result<LogsTestOptions> parse_logs_test(const std::vector<std::string>& arguments) {
  const Split split = split_command(arguments, logs_options());
  auto values = parse(split.own, logs_options());
  if (!values) return std::unexpected(values.error());
  if (!split.rest.empty()) {
    return fail("takes no argument: " + base::printable(split.rest.front()) + "; the sample comes from stdin", 0, 2);
  }
  return LogsTestOptions{value_of(*values, "policy"), text_of(*values, "sink"), values->count("stderr") != 0,
                         values->count("help") != 0};
}

Result<TestOptions> parse_test(const std::vector<std::string>& arguments) {
  constexpr std::string_view kFormats[] = {"human", "tap", "junit", "json"};
  constexpr unsigned kMostJobs = 256;
  const Split split = split_words(arguments, test_options());
  auto values = parse(split.own, test_options());
  if (!values) return std::unexpected(values.error());
  TestOptions options;
  options.places = split.rest;
  options.help = values->count("help") != 0;
  options.list = values->count("list") != 0;
  options.fail_fast = values->count("fail-fast") != 0;
  options.allow_skips = values->count("allow-skips") != 0;
  options.verbose = values->count("verbose") != 0;
  options.only = text_of(*values, "run");
  options.report = text_of(*values, "report");
  if (const auto pattern = policy::parse_regex(options.only); !pattern)
    return fail("--run: " + pattern.error().message + "; " + pattern.error().hint, 0, 2);
  if (const auto format = value_of(*values, "format")) options.format = *format;
  if (std::ranges::find(kFormats, std::string_view(options.format)) == std::end(kFormats))
    return fail("--format " + base::printable(options.format) + ": must be human, tap, junit or json", 0, 2);
  if (const auto jobs = value_of(*values, "jobs")) {
    const auto number = policy::parse_count(*jobs);
    if (!number || *number > kMostJobs)
      return fail("--jobs '" + base::printable(*jobs) + "': must be a number from 1 to 256", 0, 2);
    options.jobs = static_cast<unsigned>(*number);
  }
  return options;
}

Result<ReportOptions> parse_report(const std::vector<std::string>& arguments) {
  const Split split = split_words(arguments, report_options());
  const std::vector<std::string>& files = split.rest;
  auto values = parse(split.own, report_options());
  if (!values) return std::unexpected(values.error());
  ReportOptions options;
  options.all = values->count("all") != 0;
  options.help = values->count("help") != 0;
  if (options.help) return options;
  auto format = format_of(*values, {"text", "json", "html", "sarif", "junit"});
  if (!format) return std::unexpected(format.error());
  options.format = *format;
  if (files.empty()) return fail("no file. Usage: cofferdam report FILE, of cofferdam run --report FILE", 0, 2);
  if (files.size() > 1) return fail("one file at a time: " + base::printable(files[1]), 0, 2);
  options.file = files.front();
  options.output = text_of(*values, "output");
  options.baseline = text_of(*values, "baseline");
  return options;
}

Result<ExportOptions> parse_export(const std::vector<std::string>& arguments) {
  const po::options_description options = export_options();
  Split split = split_command(arguments, options);
  const auto values = parse(split.own, options);
  if (!values) return std::unexpected(values.error());
  ExportOptions result;
  result.help = values->count("help") != 0;
  if (result.help) return result;
  result.to = text_of(*values, "to");
  if (result.to != "docker" && result.to != "compose" && result.to != "kubernetes") {
    return fail(result.to.empty() ? "--to is missing: docker, compose or kubernetes"
                                  : "--to " + base::printable(result.to) + ": must be docker, compose or kubernetes",
                0, 2);
  }
  result.policy = value_of(*values, "policy");
  result.image = value_of(*values, "image").value_or(result.image);
  result.name = value_of(*values, "name").value_or(result.name);
  result.workdir = value_of(*values, "workdir").value_or(result.workdir);
  if (!result.workdir.starts_with('/')) return fail("--workdir must be an absolute path in the image", 0, 2);
  result.runtime = text_of(*values, "runtime");
  result.strict = values->count("strict") != 0;
  result.command = std::move(split.rest);
  if (values->count("port") == 0) return result;
  for (const std::string& text : (*values)["port"].as<std::vector<std::string>>()) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size() || port == 0) {
      return fail("--port '" + base::printable(text) + "': must be a number from 1 to 65535", 0, 2);
    }
    result.ports.push_back(port);
  }
  return result;
}

}  // namespace cofferdam::cli
