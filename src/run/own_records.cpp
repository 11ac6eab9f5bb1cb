#include "run/own_records.hpp"

#include <cstring>
#include <string>
#include <variant>
#include <vector>

#include "base/json.hpp"

namespace cofferdam::run {

namespace {

LogLevel level_of(Severity severity) {
  return severity == Severity::error     ? LogLevel::error
         : severity == Severity::warning ? LogLevel::warning
                                         : LogLevel::info;
}

// Field::json is a view: the texts live here until the record has been given away.
class Fields {
 public:
  void add(const char* key, std::string_view text) {
    if (text.empty()) return;
    std::string& json = texts_.emplace_back();
    base::append_json_string(json, text);
    keys_.push_back(key);
  }
  [[nodiscard]] std::vector<logs::Field> list() const {
    std::vector<logs::Field> fields;
    for (std::size_t i = 0; i < keys_.size(); ++i) fields.push_back({keys_[i], texts_[i]});
    return fields;
  }

 private:
  std::vector<const char*> keys_;
  std::vector<std::string> texts_;
};

}  // namespace

void OwnRecords::on_event(const Event& event) {
  if (pump_ == nullptr) return;
  if (const auto* finding = std::get_if<Finding>(&event.body)) tell(*finding);
  const auto* exited = std::get_if<ExitedEvent>(&event.body);
  if (exited == nullptr || !exited->signal) return;
  Fields fields;
  const char* const name = sigabbrev_np(*exited->signal);
  const std::string signal = name == nullptr ? std::to_string(*exited->signal) : "SIG" + std::string(name);
  fields.add("signal", signal);
  pump_->own().tell(LogLevel::critical, "the app was ended by " + signal, fields.list());
}

void OwnRecords::tell(const Finding& finding) {
  if (pump_ == nullptr) return;
  Fields fields;
  fields.add("code", finding.code);
  fields.add("fix", finding.fix);
  fields.add("path", finding.path);
  fields.add("destination", finding.destination);
  fields.add("policy", finding.policy.key);
  if (finding.process != nullptr) fields.add("exe", finding.process->exe);
  pump_->own().tell(level_of(finding.severity), finding.message, fields.list());
}

}  // namespace cofferdam::run
