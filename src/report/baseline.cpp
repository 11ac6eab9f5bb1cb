#include "report/baseline.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/json.hpp"
#include "base/text.hpp"
#include "report/classify.hpp"
#include "report/json_values.hpp"
#include "report/loss_kinds.hpp"
#include "report/passing.hpp"

namespace cofferdam::report {

namespace {

constexpr unsigned kFirstEphemeral = 32768;  // ip(7), ip_local_port_range
constexpr std::string_view kHead = R"({"cofferdam_baseline":1})";

// Told once for all files, wherever they lie: the path is an example.
bool is_everywhere(std::string_view code) {
  constexpr std::array<std::string_view, 3> kCodes = {"CD102", "CD119", "CD120"};
  return std::ranges::find(kCodes, code) != kCodes.end();
}

// Of several files a finding names their place, of a single one itself: the place is the same tomorrow.
std::string_view place_of(const CountedFinding& counted) {
  const std::string_view path = counted.finding.path;
  if (!path.starts_with('/')) return path;
  if (const LossKind* kind = find_loss_kind_of_code(counted.finding.code)) {
    return counted.count == 1 ? place_of_class(path, kind->file_class) : path;
  }
  if (counted.finding.code == "CD121") return path.substr(0, path.find('/', 1));  // beneath /tmp
  return path;
}

std::string relative(std::string_view path, const std::string& directory, const std::string& home) {
  const auto below = [&](const std::string& top, const char* name) {
    return name + std::string(path.substr(top.size()));
  };
  if (directory.size() > 1 && base::is_beneath(path, directory)) return below(directory, ".");
  if (home.size() > 1 && base::is_beneath(path, home)) return below(home, "~");
  return std::string(path);
}

std::string without_ephemeral_port(const std::string& destination) {
  const std::size_t colon = destination.rfind(':');
  if (destination.starts_with("unix:") || colon == std::string::npos) return without_passing(destination);
  unsigned port = 0;
  std::from_chars(destination.data() + colon + 1, destination.data() + destination.size(), port);
  return port < kFirstEphemeral ? destination : destination.substr(0, colon + 1) + "*";
}

std::string program_of(const Finding& finding) {
  if (!finding.process) return "";
  const ProcessInfo& process = *finding.process;
  return process.lineage.empty() ? base::base_name(process.exe) : process.lineage.front();
}

}  // namespace

BaselineEntry entry_of(const CountedFinding& counted, const std::string& directory, const std::string& home) {
  const Finding& finding = counted.finding;
  BaselineEntry entry{finding.code, program_of(finding), ""};
  if (!finding.destination.empty()) {
    entry.what = without_ephemeral_port(finding.destination);
  } else if (finding.code == "CD115") {
    entry.what = finding.fix;  // names the cache
  } else if (!is_everywhere(finding.code)) {
    entry.what = without_passing(relative(place_of(counted), directory, home));
  }
  return entry;
}

Baseline baseline_of(const Report& report, const std::string& home) {
  Baseline baseline;
  for (const CountedFinding& finding : report.findings) baseline.insert(entry_of(finding, report.directory, home));
  return baseline;
}

std::string to_text(const Baseline& baseline) {
  std::string text = std::string(kHead) + "\n";
  for (const BaselineEntry& entry : baseline) {
    base::JsonWriter line;
    line.begin_object().field("code", entry.code).field("program", entry.program).field("what", entry.what);
    line.end_object();
    text += line.take() + "\n";
  }
  return text;
}

Result<Baseline> parse_baseline(std::string_view text) {
  Baseline baseline;
  int number = 0;
  for (const std::string_view line : base::split(text, '\n')) {
    ++number;
    const std::string place = "line " + std::to_string(number) + ": ";
    if (number == 1) {
      if (line != kHead) return fail(place + "no baseline of cofferdam (--update-baseline writes one)");
      continue;
    }
    if (line.empty()) continue;
    const json value = json::parse(line.begin(), line.end(), nullptr, false);
    BaselineEntry entry{text_at(value, "code"), text_at(value, "program"), text_at(value, "what")};
    if (entry.code.empty())
      return fail(place + R"(no entry such as {"code":"CD110","program":"app","what":"./media"})");
    baseline.insert(std::move(entry));
  }
  return baseline;
}

Compared take_known(Report& report, const Baseline& baseline, const std::string& home) {
  Baseline seen;
  Compared compared;
  compared.known = std::erase_if(report.findings, [&](const CountedFinding& finding) {
    BaselineEntry entry = entry_of(finding, report.directory, home);
    if (!baseline.contains(entry)) return false;
    seen.insert(std::move(entry));
    return true;
  });
  std::ranges::set_difference(baseline, seen, std::back_inserter(compared.vanished));
  return compared;
}

}  // namespace cofferdam::report
