// The OTLP/HTTP sink (opentelemetry-proto: docs/specification.md, "OTLP/HTTP").
#include <algorithm>
#include <array>
#include <string>

#include "base/redact.hpp"
#include "base/text.hpp"
#include "logs/net/gzip.hpp"
#include "logs/net/http_client.hpp"
#include "logs/sinks/otlp_encoder.hpp"
#include "logs/sinks/sender.hpp"

namespace cofferdam::logs {

namespace {

using Outcome = SendResult::Outcome;

// What the specification says about an answer; every status that is not here means: not taken, never to be repeated.
struct StatusRow {
  int status;
  Outcome outcome;
  const char* advice;  // for people, after the status
};
constexpr std::array<StatusRow, 15> kStatuses = {{
    {200, Outcome::delivered, ""},
    {201, Outcome::delivered, ""},  // Fluent Bit
    {202, Outcome::delivered, ""},
    {204, Outcome::delivered, ""},  // Loki
    {429, Outcome::retry, ""},
    {502, Outcome::retry, ""},
    {503, Outcome::retry, ""},
    {504, Outcome::retry, ""},
    {401, Outcome::failed, "the server wants other credentials; see headers"},
    {403, Outcome::failed, "the server does not allow it with these credentials; see headers"},
    {404, Outcome::failed, "nothing takes OTLP logs at this path; see endpoint"},
    {405, Outcome::failed, "nothing takes OTLP logs at this path; see endpoint"},
    {407, Outcome::failed, "a proxy stands before the server, and cofferdam knows none"},
    {415, Outcome::failed, "the server does not take this encoding; see encoding and compress"},
    {501, Outcome::failed, "the server takes no logs"},
}};

// What a server says, on one line, without what looks like a secret.
std::string quoted(std::string_view text) {
  constexpr std::size_t kMost = 200;
  std::string shown = base::redact_url(base::printable(text.substr(0, kMost)));
  return text.size() > kMost ? shown + "..." : shown;
}

std::string status_line(const HttpAnswer& answer) {
  std::string line = std::to_string(answer.status);
  return answer.reason.empty() ? line : line + " " + quoted(answer.reason);
}

class OtlpSender : public Sender {
 public:
  OtlpSender(HttpUrl url, const LogSink& sink, const std::map<std::string, std::string>& resource)
      : encoder_(sink.json ? OtlpEncoder::Format::json : OtlpEncoder::Format::protobuf, resource),
        gzip_(sink.compress == LogSink::Compress::gzip),
        json_(sink.json),
        headers_(sink.headers),
        place_((url.endpoint.transport == Endpoint::Transport::tls ? "https://" : "http://") + url.host_header +
               url.target.substr(0, url.target.find('?'))),
        client_(std::move(url)) {
    headers_["Content-Type"] = sink.json ? "application/json" : "application/x-protobuf";
    if (gzip_) headers_["Content-Encoding"] = "gzip";
  }

  [[nodiscard]] bool acknowledges() const override { return true; }
  [[nodiscard]] std::string describe() const override { return "otlp " + place_; }

  [[nodiscard]] std::string encode(std::span<const Record> records) override {
    std::string body = encoder_.encode(records);
    return gzip_ ? gzip(body) : body;
  }

  [[nodiscard]] SendResult send(std::string_view body, std::size_t records, Deadline deadline) override {
    const auto answer = client_.post(body, headers_, deadline);
    if (!answer) return {Outcome::retry, 0, std::nullopt, answer.error().message};
    return judge(*answer, records);
  }

  // A request without records, which servers take (OTLP, "OTLP/HTTP Response").
  [[nodiscard]] SendResult reach(Deadline deadline) override {
    const std::string body = json_ ? "{}" : "";
    return send(gzip_ ? gzip(body) : body, 0, deadline);
  }

  void idle() override { client_.close(); }

 private:
  static std::string header(const HttpAnswer& answer, const char* name) {
    const auto found = answer.headers.find(name);
    return found == answer.headers.end() ? "" : found->second;
  }

  static SendResult judge(const HttpAnswer& answer, std::size_t records) {
    const auto row = std::ranges::find(kStatuses, answer.status, &StatusRow::status);
    SendResult result;
    result.outcome = row == kStatuses.end() ? Outcome::rejected : row->outcome;
    const std::string type = header(answer, "content-type");
    if (result.outcome == Outcome::delivered) {
      const OtlpAnswer said = read_otlp_success(answer.body, type);
      result.rejected_records = std::min<std::uint64_t>(said.rejected, records);
      if (said.rejected > 0) result.why = "rejected by the server: " + quoted(said.message);
      return result;
    }
    result.why = status_line(answer);
    if (row != kStatuses.end() && *row->advice != '\0') result.why += std::string(": ") + row->advice;
    if (answer.status / 100 == 3) {
      result.outcome = Outcome::failed;
      result.why += ": the server sends elsewhere, to " + quoted(header(answer, "location")) + "; see endpoint";
    }
    if (const std::string said = read_otlp_status(answer.body, type); !said.empty()) {
      result.why += " (" + quoted(said) + ")";
    }
    if (result.outcome == Outcome::retry) {
      result.retry_after = parse_retry_after(header(answer, "retry-after"), std::chrono::system_clock::now());
    }
    return result;
  }

  OtlpEncoder encoder_;
  bool gzip_;
  bool json_;
  std::map<std::string, std::string> headers_;
  std::string place_;  // without user, password and query
  HttpClient client_;
};

// Those that the sink or HTTP itself decides.
Result<void> check_headers(const std::map<std::string, std::string>& headers) {
  constexpr std::array<std::string_view, 6> kOurs = {"connection", "content-encoding", "content-length", "content-type",
                                                     "host",       "transfer-encoding"};
  for (const auto& [name, value] : headers) {
    if (auto checked = check_http_header(name, value); !checked) return fail("headers: " + checked.error().message);
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c; });
    if (std::ranges::find(kOurs, lower) != kOurs.end()) return fail("headers: " + name + " is set by cofferdam itself");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Sender>> make_otlp_sender(const LogSink& sink, const SenderContext& context) {
  auto url = parse_http_url(sink.address);
  if (!url) return fail("endpoint: " + url.error().message);
  if (url->target == "/") url->target = "/v1/logs";
  url->endpoint.ca_file = sink.ca_file;
  url->endpoint.verify = sink.verify;
  if (auto checked = check_endpoint(url->endpoint); !checked) return std::unexpected(checked.error());
  if (auto checked = check_headers(sink.headers); !checked) return std::unexpected(checked.error());

  std::map<std::string, std::string> resource = {
      {"service.name", context.app.empty() ? "unknown_service" : context.app},
      {"service.instance.id", context.instance},
      {"host.name", context.host},
  };
  for (const auto& [key, value] : sink.resource) resource[key] = value;
  return std::make_unique<OtlpSender>(*std::move(url), sink, resource);
}

}  // namespace cofferdam::logs
