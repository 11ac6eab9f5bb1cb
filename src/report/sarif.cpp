#include "report/sarif.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <set>

#include "base/json.hpp"
#include "base/text.hpp"
#include "policy/rule_catalog.hpp"
#include "report/baseline.hpp"

namespace cofferdam::report {

namespace {

constexpr const char* kSchema = "https://json.schemastore.org/sarif-2.1.0.json";
constexpr const char* kBase = "PROJECT";

// RFC 3986: what is neither unreserved nor a slash is percent-encoded.
std::string uri_path(std::string_view path) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  std::string out;
  for (const char letter : path) {
    if (kPlain.find(letter) != std::string_view::npos) {
      out += letter;
      continue;
    }
    std::array<char, 4> code{};
    std::snprintf(code.data(), code.size(), "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(letter)));
    out += code.data();
  }
  return out;
}

// FNV-1a of 64 bits: the same in every run and on every machine.
std::string fingerprint(const SarifResult& result) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::string* part : {&result.code, &result.identity}) {
    for (const char letter : *part + '\n') {
      hash ^= static_cast<unsigned char>(letter);
      hash *= 0x100000001b3ULL;
    }
  }
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

class Writer {
 public:
  Writer(std::span<const SarifResult> results, std::string project) : results_(results), project_(std::move(project)) {
    if (!project_.ends_with('/')) project_ += '/';
    for (const SarifResult& result : results) {
      if (std::ranges::find(codes_, result.code) == codes_.end()) codes_.push_back(result.code);
    }
    std::ranges::sort(codes_);
  }

  std::string text() {
    json_.begin_object().field("$schema", kSchema).field("version", "2.1.0");
    json_.key("runs").begin_array().begin_object();
    tool();
    json_.key("originalUriBaseIds").begin_object().key(kBase).begin_object();
    json_.field("uri", "file://" + uri_path(project_)).end_object().end_object();
    json_.key("results").begin_array();
    for (const SarifResult& result : results_) write(result);
    json_.end_array().end_object().end_array().end_object();
    return json_.take() + "\n";
  }

 private:
  void text_member(std::string_view name, std::string_view text) {
    json_.key(name).begin_object().field("text", text).end_object();
  }

  void tool() {
    json_.key("tool").begin_object().key("driver").begin_object();
    json_.field("name", "cofferdam").field("version", COFFERDAM_VERSION);
    json_.key("rules").begin_array();
    for (const std::string& code : codes_) {
      json_.begin_object().field("id", code);
      if (const policy::RuleRow* row = policy::find_rule(code)) {
        text_member("shortDescription", row->title);
        if (!row->production.empty()) text_member("fullDescription", row->production);
        text_member("help", row->fix);
        json_.key("defaultConfiguration").begin_object().field("level", to_string(row->severity)).end_object();
      }
      json_.end_object();
    }
    json_.end_array().end_object().end_object();
  }

  void location(const SarifResult& result) {
    const bool absolute = result.file.starts_with('/');
    const bool inside = !absolute || result.file.starts_with(project_);
    const std::string path = absolute && inside ? result.file.substr(project_.size()) : result.file;
    json_.key("locations").begin_array().begin_object().key("physicalLocation").begin_object();
    json_.key("artifactLocation").begin_object().field("uri", inside ? uri_path(path) : "file://" + uri_path(path));
    if (inside) json_.field("uriBaseId", kBase);
    json_.end_object();
    if (result.line > 0) {
      json_.key("region").begin_object().key("startLine").number(result.line);
      if (result.column > 0) json_.key("startColumn").number(result.column);
      json_.end_object();
    }
    json_.end_object().end_object().end_array();
  }

  void write(const SarifResult& result) {
    json_.begin_object().field("ruleId", result.code);
    const auto rule = std::ranges::find(codes_, result.code) - codes_.begin();
    json_.key("ruleIndex").number(rule).field("level", to_string(result.severity));
    text_member("message", result.message + (result.fix.empty() ? "" : ". Instead: " + result.fix));
    if (!result.file.empty()) location(result);
    json_.key("partialFingerprints").begin_object().field("cofferdam/v1", fingerprint(result)).end_object();
    json_.end_object();
  }

  std::span<const SarifResult> results_;
  std::string project_;  // with a slash at its end
  std::vector<std::string> codes_;
  base::JsonWriter json_;
};

}  // namespace

std::string to_sarif(std::span<const SarifResult> results, const std::string& project) {
  return Writer(results, project).text();
}

std::vector<SarifResult> sarif_results(const Report& report) {
  std::vector<SarifResult> results;
  std::set<std::string> told;
  for (const CountedFinding& counted : report.findings) {
    const Finding& finding = counted.finding;
    const BaselineEntry entry = entry_of(counted, report.directory, "");
    SarifResult result{.code = finding.code,
                       .severity = finding.severity,
                       .message = finding.message,
                       .fix = finding.fix,
                       .file = finding.path,
                       .line = 0,
                       .column = 0,
                       .identity = entry.program + " " + entry.what};
    // Each instance has it.
    if (!told.insert(result.code + "\n" + result.identity + "\n" + result.file + "\n" + result.message).second)
      continue;
    // What is built in is no file of the project, but a result without a place is refused by services.
    if (result.file.empty()) {
      const bool in_a_file = !finding.policy.file.empty() && !finding.policy.file.ends_with(" (built in)");
      result.file = in_a_file ? finding.policy.file : ".";
      result.line = in_a_file ? finding.policy.line : 0;
    }
    results.push_back(std::move(result));
  }
  return results;
}

std::vector<SarifResult> sarif_results(std::span<const Diagnostic> diagnostics) {
  std::vector<SarifResult> results;
  for (const Diagnostic& each : diagnostics) {
    results.push_back({.code = each.code,
                       .severity = each.severity,
                       .message = each.message,
                       .fix = each.hint,
                       .file = each.where.file,
                       .line = each.where.line,
                       .column = each.where.column,
                       .identity = each.where.file + " " + each.message});
  }
  return results;
}

}  // namespace cofferdam::report
