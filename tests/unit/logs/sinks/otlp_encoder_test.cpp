#include "logs/sinks/otlp_encoder.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "logs/sinks/protobuf.hpp"

namespace cofferdam::logs {
namespace {

using nlohmann::json;

// --- a reader of the wire format: what the request says, in the shape of its JSON form
// --------------------------------

json read_value(std::string_view message);

json read_members(std::string_view message, std::uint32_t id) {
  json members = json::array();
  while (const auto field = protobuf::take_field(message)) {
    if (field->id != id) continue;
    json member;
    std::string_view pair = field->bytes;
    while (const auto part = protobuf::take_field(pair)) {
      if (part->id == 1) member["key"] = std::string(part->bytes);
      if (part->id == 2) member["value"] = read_value(part->bytes);
    }
    members.push_back(member);
  }
  return members;
}

json read_value(std::string_view message) {
  const auto field = protobuf::take_field(message);
  if (!field) return json::object();
  EXPECT_TRUE(message.empty());
  switch (field->id) {
    case 1: return {{"stringValue", std::string(field->bytes)}};
    case 2: return {{"boolValue", field->number == 1}};
    case 3: return {{"intValue", std::to_string(static_cast<std::int64_t>(field->number))}};
    case 4: return {{"doubleValue", std::bit_cast<double>(field->number)}};
    case 5: {
      json values = json::array();
      std::string_view elements = field->bytes;
      while (const auto element = protobuf::take_field(elements)) values.push_back(read_value(element->bytes));
      return {{"arrayValue", {{"values", values}}}};
    }
    case 6: return {{"kvlistValue", {{"values", read_members(field->bytes, 1)}}}};
    case 7: return {{"bytesValue", std::vector<std::uint8_t>(field->bytes.begin(), field->bytes.end())}};
    default: ADD_FAILURE() << "AnyValue has no field " << field->id; return {};
  }
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
    text += digits.data();
  }
  return text;
}

json read_record(std::string_view message) {
  json record;
  record["attributes"] = read_members(message, 6);
  while (const auto field = protobuf::take_field(message)) {
    switch (field->id) {
      case 1: record["timeUnixNano"] = std::to_string(field->number); break;
      case 2: record["severityNumber"] = field->number; break;
      case 3: record["severityText"] = std::string(field->bytes); break;
      case 5: record["body"] = read_value(field->bytes); break;
      case 6: break;
      case 9: record["traceId"] = hex(field->bytes); break;
      case 10: record["spanId"] = hex(field->bytes); break;
      case 11: record["observedTimeUnixNano"] = std::to_string(field->number); break;
      default: ADD_FAILURE() << "LogRecord: field " << field->id; break;
    }
  }
  return record;
}

std::string_view only_field(std::string_view& message, std::uint32_t id) {
  const auto field = protobuf::take_field(message);
  EXPECT_TRUE(field && field->id == id);
  return field ? field->bytes : std::string_view();
}

json read_request(std::string_view request) {
  std::string_view resource_logs = only_field(request, 1);
  EXPECT_TRUE(request.empty());
  const std::string_view resource = only_field(resource_logs, 1);
  std::string_view scope_logs = only_field(resource_logs, 2);
  EXPECT_TRUE(resource_logs.empty());
  std::string_view scope = only_field(scope_logs, 1);
  json records = json::array();
  while (!scope_logs.empty()) records.push_back(read_record(only_field(scope_logs, 2)));
  const std::string name(only_field(scope, 1));
  const std::string version(only_field(scope, 2));
  return {{"resourceLogs",
           {{{"resource", {{"attributes", read_members(resource, 1)}}},
             {"scopeLogs", {{{"scope", {{"name", name}, {"version", version}}}, {"logRecords", records}}}}}}}};
}

const std::map<std::string, std::string> kResource = {{"service.name", "shop"},
                                                      {"deployment.environment.name", "\"x\""}};

json as_protobuf(std::span<const Record> records) {
  return read_request(OtlpEncoder(OtlpEncoder::Format::protobuf, kResource).encode(records));
}
json as_json(std::span<const Record> records) {
  return json::parse(OtlpEncoder(OtlpEncoder::Format::json, kResource).encode(records));
}
const json& record_of(const json& request, std::size_t i = 0) {
  return request["resourceLogs"][0]["scopeLogs"][0]["logRecords"][i];
}

Record plain_record(std::string_view message) {
  Record record;
  record.time = 1700000000123456789;
  record.seq = 7;
  record.message = message;
  return record;
}

// --------------------------------------------------------------------------------------------------------------------

TEST(OtlpEncoder, WritesTheSameInBothForms) {
  const std::vector<Field> fields = {{"user.id", "42"}, {"tags", R"(["a",{"b":null,"c":1.5}])"}};
  Record record = plain_record("h\u00e9llo \"world\"\n\x01");
  record.fields = fields;
  record.level = LogLevel::error;
  record.stream = Stream::err;
  record.eol = false;
  record.partial_id = 3;
  record.partial_n = 2;
  record.partial_last = false;
  record.trace_id = "0af7651916cd43dd8448eb211c80319c";
  record.span_id = "b7ad6b7169203331";
  const std::vector<Record> records = {record, plain_record("")};
  const json expected = json::parse(R"({"resourceLogs":[{
    "resource":{"attributes":[{"key":"deployment.environment.name","value":{"stringValue":"\"x\""}},
                              {"key":"service.name","value":{"stringValue":"shop"}}]},
    "scopeLogs":[{"scope":{"name":"cofferdam","version":")" COFFERDAM_VERSION R"("},"logRecords":[
      {"timeUnixNano":"1700000000123456789","observedTimeUnixNano":"1700000000123456789",
       "severityNumber":17,"severityText":"error","body":{"stringValue":"h\u00e9llo \"world\"\n\u0001"},
       "traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331",
       "attributes":[
         {"key":"log.iostream","value":{"stringValue":"stderr"}},
         {"key":"cofferdam.seq","value":{"intValue":"7"}},
         {"key":"cofferdam.partial.id","value":{"intValue":"3"}},
         {"key":"cofferdam.partial.n","value":{"intValue":"2"}},
         {"key":"cofferdam.partial.last","value":{"boolValue":false}},
         {"key":"cofferdam.eol","value":{"boolValue":false}},
         {"key":"user.id","value":{"intValue":"42"}},
         {"key":"tags","value":{"arrayValue":{"values":[{"stringValue":"a"},{"kvlistValue":{"values":[
           {"key":"b","value":{}},{"key":"c","value":{"doubleValue":1.5}}]}}]}}}]},
      {"timeUnixNano":"1700000000123456789","observedTimeUnixNano":"1700000000123456789",
       "severityNumber":9,"severityText":"info","body":{"stringValue":""},
       "attributes":[{"key":"log.iostream","value":{"stringValue":"stdout"}},
                     {"key":"cofferdam.seq","value":{"intValue":"7"}}]}]}]}]})");
  EXPECT_EQ(as_protobuf(records), expected);
  EXPECT_EQ(as_json(records), expected);
}

TEST(OtlpEncoder, WritesGaps) {
  Record gap = plain_record("3 records are missing: buffer full");
  gap.stream = Stream::own;
  gap.level = LogLevel::warning;
  gap.gap_count = 3;
  gap.gap_first = 5;
  gap.gap_reason = "buffer full";
  const json request = as_protobuf({&gap, 1});
  EXPECT_EQ(request, as_json({&gap, 1}));
  EXPECT_EQ(record_of(request)["severityNumber"], 13);
  EXPECT_EQ(record_of(request)["attributes"], json::parse(R"([
      {"key":"cofferdam.stream","value":{"stringValue":"cofferdam"}},
      {"key":"cofferdam.seq","value":{"intValue":"7"}},
      {"key":"cofferdam.gap.count","value":{"intValue":"3"}},
      {"key":"cofferdam.gap.first","value":{"intValue":"5"}},
      {"key":"cofferdam.gap.reason","value":{"stringValue":"buffer full"}}])"));
}

TEST(OtlpEncoder, KeepsBytesThatAreNoText) {
  Record record = plain_record(std::string_view("\xff\x00\x80z", 4));
  record.text = false;
  EXPECT_EQ(record_of(as_protobuf({&record, 1}))["body"], json::parse(R"({"bytesValue":[255,0,128,122]})"));
  EXPECT_EQ(record_of(as_json({&record, 1}))["body"], json::parse(R"({"bytesValue":"/wCAeg=="})"));
}

// The text of a field and its AnyValue, in both forms.
TEST(OtlpEncoder, KeepsTheTypesOfFields) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"0", R"({"intValue":"0"})"},
      {"-9223372036854775808", R"({"intValue":"-9223372036854775808"})"},
      {"9223372036854775807", R"({"intValue":"9223372036854775807"})"},
      {"9223372036854775808", R"({"stringValue":"9223372036854775808"})"},
      {"1.0", R"({"doubleValue":1.0})"},
      {"-1e-3", R"({"doubleValue":-0.001})"},
      {"1e400", R"({"stringValue":"1e400"})"},
      {"true", R"({"boolValue":true})"},
      {"false", R"({"boolValue":false})"},
      {"null", "{}"},
      {R"("\u00e9\ud800")", R"({"stringValue":"\u00e9\ufffd"})"},
      {"[]", R"({"arrayValue":{"values":[]}})"},
      {"{}", R"({"kvlistValue":{"values":[]}})"},
      {"[[1],[]]",
       R"({"arrayValue":{"values":[{"arrayValue":{"values":[{"intValue":"1"}]}},{"arrayValue":{"values":[]}}]}})"},
      {R"({"a\tb":"c"})", R"({"kvlistValue":{"values":[{"key":"a\tb","value":{"stringValue":"c"}}]}})"},
  };
  for (const auto& [text, expected] : cases) {
    const Field field{"x", text};
    Record record = plain_record("");
    record.fields = {&field, 1};
    EXPECT_EQ(record_of(as_protobuf({&record, 1}))["attributes"][2]["value"], json::parse(expected)) << text;
    EXPECT_EQ(record_of(as_json({&record, 1}))["attributes"][2]["value"], json::parse(expected)) << text;
  }
}

TEST(OtlpEncoder, WritesWhatIsNestedTooDeepAsText) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  const auto depth_of = [](const json& request) {
    json value = record_of(request)["attributes"][2]["value"];
    std::size_t depth = 0;
    while (value.contains("arrayValue") && !value["arrayValue"]["values"].empty()) {
      value = json(value["arrayValue"]["values"][0]);
      ++depth;
    }
    return std::pair(depth, value);
  };
  const std::string deepest = nested(30);
  const std::string deeper = nested(33);
  const std::array<Field, 2> fields = {Field{"x", deepest}, Field{"x", deeper}};
  Record record = plain_record("");
  record.fields = {&fields[0], 1};
  EXPECT_EQ(depth_of(as_protobuf({&record, 1})),
            std::pair(std::size_t{29}, json::parse(R"({"arrayValue":{"values":[]}})")));
  record.fields = {&fields[1], 1};
  EXPECT_EQ(depth_of(as_protobuf({&record, 1})), std::pair(std::size_t{30}, json{{"stringValue", "[[[]]]"}}));
  EXPECT_EQ(depth_of(as_json({&record, 1})), std::pair(std::size_t{30}, json{{"stringValue", "[[[]]]"}}));
}

TEST(OtlpEncoder, NeverLetsAFieldTakeOneOfItsNames) {
  const std::array<Field, 3> fields = {Field{"log.iostream", "1"}, Field{"cofferdam.seq", "2"}, Field{"seq", "3"}};
  Record record = plain_record("");
  record.fields = fields;
  const json attributes = record_of(as_protobuf({&record, 1}))["attributes"];
  EXPECT_EQ(attributes[2]["key"], "app.log.iostream");
  EXPECT_EQ(attributes[3]["key"], "app.cofferdam.seq");
  EXPECT_EQ(attributes[4]["key"], "seq");
}

TEST(OtlpEncoder, LeavesIdsOutThatAreNone) {
  for (const auto& [trace, span] :
       {std::pair<const char*, const char*>{"00000000000000000000000000000000", "0000000000000000"},
        {"0af7", "b7"},
        {"xaf7651916cd43dd8448eb211c80319c", "-7ad6b7169203331"}}) {
    Record record = plain_record("");
    record.trace_id = trace;
    record.span_id = span;
    const json request = as_protobuf({&record, 1});
    EXPECT_FALSE(record_of(request).contains("traceId") || record_of(request).contains("spanId")) << trace;
    EXPECT_EQ(request, as_json({&record, 1}));
  }
}

// Lengths of one, two, three and four bytes.
TEST(OtlpEncoder, WritesLengthsOfAnySize) {
  for (const std::size_t size : {0, 1, 100, 127, 128, 16383, 16384, 3000000}) {
    const std::string message(size, 'x');
    const Record record = plain_record(message);
    EXPECT_EQ(record_of(as_protobuf({&record, 1}))["body"]["stringValue"], message);
  }
}

TEST(OtlpEncoder, WritesTheSameBytesAgain) {
  const std::vector<Record> records(100, plain_record("again"));
  for (const auto format : {OtlpEncoder::Format::protobuf, OtlpEncoder::Format::json}) {
    EXPECT_EQ(OtlpEncoder(format, kResource).encode(records), OtlpEncoder(format, kResource).encode(records));
  }
}

TEST(OtlpAnswer, IsReadInBothForms) {
  std::string partial;
  protobuf::append_message(partial, 1, [](std::string& out) {
    protobuf::append_number(out, 1, 300);
    protobuf::append_bytes(out, 2, "too old");
  });
  auto answer = read_otlp_success(partial, "application/x-protobuf");
  EXPECT_EQ(answer.rejected, 300u);
  EXPECT_EQ(answer.message, "too old");
  for (const char* body :
       {R"({"partialSuccess":{"rejectedLogRecords":"300","errorMessage":"too old"}})",
        R"({"x":[1],"partialSuccess":{"y":{},"rejectedLogRecords":300,"errorMessage":"too old"}})"}) {
    answer = read_otlp_success(body, "application/json; charset=utf-8");
    EXPECT_EQ(answer.rejected, 300u);
    EXPECT_EQ(answer.message, "too old");
  }
}

TEST(OtlpAnswer, IsEmptyWhereItIsNone) {
  for (const std::string body :
       {"", "{", "{}", "[]", "null", R"({"partialSuccess":null})", R"({"partialSuccess":{"rejectedLogRecords":"-1"}})",
        "\x0a", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "\x0b\x0c", "\x08\x01", "\xff"}) {
    for (const char* type : {"application/json", "application/x-protobuf", "text/html", ""}) {
      EXPECT_EQ(read_otlp_success(body, type).rejected, 0u) << body << " " << type;
    }
  }
}

TEST(OtlpStatus, IsReadInThreeForms) {
  std::string status;
  protobuf::append_number(status, 1, 3);
  protobuf::append_bytes(status, 2, "bad tenant");
  EXPECT_EQ(read_otlp_status(status, "application/x-protobuf"), "bad tenant");
  EXPECT_EQ(read_otlp_status(R"({"code":3,"message":"bad tenant"})", "application/json"), "bad tenant");
  EXPECT_EQ(read_otlp_status("bad tenant", "text/plain; charset=utf-8"), "bad tenant");
  EXPECT_EQ(read_otlp_status("<html>", "text/html"), "");
}

}  // namespace
}  // namespace cofferdam::logs
