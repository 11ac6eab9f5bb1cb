// parse_event of cofferdam/event.hpp.
#include <string>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "report/json_values.hpp"

namespace cofferdam {
namespace report {
namespace {

using Body = decltype(Event::body);

Body read_started(const json& value) {
  return StartedEvent{text_at(value, "mode"), texts_at(value, "command"), enforcement_of(value),
                      texts_at(value, "notices")};
}
Body read_exec(const json& value) {
  return ExecEvent{process_of(at(value, "process")), integer_at(value, "parent").value_or(0)};
}
Body read_write(const json& value) {
  WriteEvent write;
  write.call = text_at(value, "call");
  write.path = text_at(value, "path");
  write.to = text_at(value, "to");
  const std::string outcome = text_at(value, "outcome");
  for (const WriteOutcome known : {WriteOutcome::landed, WriteOutcome::refused, WriteOutcome::failed}) {
    if (outcome == to_string(known)) write.outcome = known;
  }
  write.by = text_at(value, "by");
  write.errnum = integer_at(value, "errno").value_or(0);
  write.process = process_of(at(value, "process"));
  return write;
}
Body read_connect(const json& value) {
  return connect_of(value);
}
Body read_gap(const json& value) {
  return GapEvent{number_at(value, "count"), text_at(value, "reason"), text_at(value, "sink")};
}
Body read_finding(const json& value) {
  return finding_of(value);
}
Body read_repeated(const json& value) {
  return RepeatedEvent{number_at(value, "of"), number_at(value, "count"), time_at(value, "last")};
}
Body read_exited(const json& value) {
  return ExitedEvent{integer_at(value, "code"), integer_at(value, "signal")};
}

struct Reader {
  std::string_view event;
  Body (*read)(const json&);
};
constexpr Reader kReaders[] = {{"started", read_started},   {"exec", read_exec},    {"write", read_write},
                               {"connect", read_connect},   {"gap", read_gap},      {"finding", read_finding},
                               {"repeated", read_repeated}, {"exited", read_exited}};

}  // namespace
}  // namespace report

Result<Event> parse_event(std::string_view line) {
  using report::json;
  const json value = json::parse(line.begin(), line.end(), nullptr, false);
  if (value.is_discarded()) return fail("this is no JSON, so no event: " + base::printable(line.substr(0, 80)), 0, 2);
  const std::string name = report::text_at(value, "event");
  for (const report::Reader& reader : report::kReaders) {
    if (name != reader.event) continue;
    return Event{report::number_at(value, "seq"), report::time_at(value, "ts"), report::text_at(value, "instance"),
                 reader.read(value)};
  }
  return fail(name.empty() ? "this is JSON, but no event of cofferdam"
                           : "this cofferdam does not know the event " + base::printable(name),
              0, 2);
}

}  // namespace cofferdam
