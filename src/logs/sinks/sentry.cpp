// The Sentry sink: errors as events of a project.
#include <algorithm>
#include <array>
#include <string>

#include "base/redact.hpp"
#include "base/text.hpp"
#include "logs/net/gzip.hpp"
#include "logs/net/http_client.hpp"
#include "logs/sinks/sender.hpp"
#include "logs/sinks/sentry_dsn.hpp"
#include "logs/sinks/sentry_encoder.hpp"
#include "logs/sinks/sentry_limits.hpp"

namespace cofferdam::logs {

namespace {

using Outcome = SendResult::Outcome;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kUsualLimit{60};  // 429 that says no time

// Every status that is not here: below 300 taken, 5xx repeated, else refused for good.
struct StatusRow {
  int status;
  Outcome outcome;
  const char* advice;  // for people, after the status
};
constexpr std::array<StatusRow, 6> kStatuses = {{
    {401, Outcome::failed, "the server does not know the DSN's key; see dsn"},
    {403, Outcome::failed, "the project is disabled, or does not take this key; see dsn"},
    {404, Outcome::failed, "there is no such project, or no Sentry; see dsn"},
    {405, Outcome::failed, "nothing takes envelopes at this path; see dsn"},
    {407, Outcome::failed, "a proxy stands before the server, and cofferdam knows none"},
    {413, Outcome::rejected, "the event is too large"},
}};

std::string quoted(std::string_view text) {
  constexpr std::size_t kMost = 200;
  std::string shown = base::redact_url(base::printable(text.substr(0, kMost)));
  return text.size() > kMost ? shown + "..." : shown;
}

class SentrySender : public Sender {
 public:
  SentrySender(SentryDsn dsn, SentryEncoder encoder)
      : encoder_(std::move(encoder)), place_(std::move(dsn.place)), client_(std::move(dsn.url)) {
    headers_["Content-Type"] = "application/x-sentry-envelope";
    headers_["Content-Encoding"] = "gzip";
    headers_["X-Sentry-Auth"] =
        "Sentry sentry_version=7, sentry_client=cofferdam/" COFFERDAM_VERSION ", sentry_key=" + dsn.key;
  }

  // An envelope has one event at most.
  [[nodiscard]] BatchLimits limits() const override { return {1, 1 << 20, std::chrono::milliseconds(0)}; }
  [[nodiscard]] bool acknowledges() const override { return true; }
  [[nodiscard]] std::string describe() const override { return "sentry " + place_; }

  [[nodiscard]] std::string encode(std::span<const Record> records) override {
    std::string envelope;
    for (const Record& record : records) envelope += encoder_.encode(record);
    return gzip(envelope);
  }

  [[nodiscard]] SendResult send(std::string_view body, std::size_t /*records*/, Deadline deadline) override {
    // The protocol asks that nothing is sent meanwhile, and nothing kept to be sent later.
    if (const auto left = limited_until_ - steady_clock::now(); left > steady_clock::duration::zero()) {
      return limited(std::chrono::ceil<seconds>(left));
    }
    const auto answer = client_.post(body, headers_, deadline);
    if (!answer) return {Outcome::retry, 0, std::nullopt, answer.error().message};
    return judge(*answer);
  }

  // An envelope without an event is refused: whether the key is right shows with the first one.
  [[nodiscard]] SendResult reach(Deadline deadline) override {
    const auto connected = client_.connect(deadline);
    return connected ? SendResult{} : SendResult{Outcome::retry, 0, std::nullopt, connected.error().message};
  }

  void idle() override { client_.close(); }

 private:
  static std::string header(const HttpAnswer& answer, const char* name) {
    const auto found = answer.headers.find(name);
    return found == answer.headers.end() ? "" : found->second;
  }
  static SendResult limited(seconds left) {
    return {Outcome::rejected, 0, std::nullopt, "Sentry takes no events for " + std::to_string(left.count()) + " s"};
  }

  SendResult judge(const HttpAnswer& answer) {
    // Also an answer of 200 may limit what comes next.
    auto limit = parse_sentry_limits(header(answer, "x-sentry-rate-limits"));
    if (answer.status == 429 && !limit) {
      limit = kUsualLimit;
      const auto asked = parse_retry_after(header(answer, "retry-after"), std::chrono::system_clock::now());
      if (asked) limit = std::chrono::ceil<seconds>(*asked);
    }
    if (limit) limited_until_ = steady_clock::now() + *limit;
    if (answer.status / 100 == 2) return {};
    if (answer.status == 429) return limited(*limit);

    SendResult result;
    result.why = std::to_string(answer.status);
    if (!answer.reason.empty()) result.why += " " + quoted(answer.reason);
    const auto row = std::ranges::find(kStatuses, answer.status, &StatusRow::status);
    if (row != kStatuses.end()) {
      result.outcome = row->outcome;
      result.why += std::string(": ") + row->advice;
    } else if (answer.status / 100 == 3) {
      result.outcome = Outcome::failed;
      result.why += ": the server sends elsewhere, to " + quoted(header(answer, "location")) + "; see dsn";
    } else {
      result.outcome = answer.status >= 500 || answer.status == 408 ? Outcome::retry : Outcome::rejected;
    }
    // Relay says there what it did not understand.
    if (const std::string said = header(answer, "x-sentry-error"); !said.empty())
      result.why += " (" + quoted(said) + ")";
    if (result.outcome == Outcome::retry) {
      result.retry_after = parse_retry_after(header(answer, "retry-after"), std::chrono::system_clock::now());
    }
    return result;
  }

  SentryEncoder encoder_;
  std::string place_;
  std::map<std::string, std::string> headers_;
  HttpClient client_;
  steady_clock::time_point limited_until_;
};

}  // namespace

Result<std::unique_ptr<Sender>> make_sentry_sender(const LogSink& sink, const SenderContext& context) {
  auto dsn = parse_sentry_dsn(sink.address);
  if (!dsn) return fail("dsn: " + dsn.error().message);
  dsn->url.endpoint.ca_file = sink.ca_file;
  dsn->url.endpoint.verify = sink.verify;
  if (auto checked = check_endpoint(dsn->url.endpoint); !checked) return std::unexpected(checked.error());
  return std::make_unique<SentrySender>(
      *std::move(dsn), SentryEncoder({context.instance, context.app, context.host, sink.environment, sink.release}));
}

}  // namespace cofferdam::logs
