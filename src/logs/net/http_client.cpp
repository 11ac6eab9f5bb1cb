#include "logs/net/http_client.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/http/string_body.hpp>
#include <utility>

#include "base/text.hpp"
#include "logs/net/socket.hpp"

namespace cofferdam::logs {

namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

constexpr std::size_t kMostBody = 4 << 20;
constexpr std::uint32_t kMostHeader = 64 << 10;
constexpr std::size_t kMostValue = 32 << 10;
constexpr std::size_t kRead = 16 << 10;
constexpr std::size_t kMostUnparsed = kMostHeader + kRead;  // the parser waits for the end of a line that never ends
constexpr int kMostInterim = 8;                             // answers like 103 Early Hints before the real one

using Parser = http::response_parser<http::string_body>;

http::request<http::span_body<const char>> make_request(const HttpUrl& url, std::string_view body,
                                                        const std::map<std::string, std::string>& headers) {
  http::request<http::span_body<const char>> request(http::verb::post, url.target, 11);
  request.set(http::field::host, url.host_header);
  request.set(http::field::user_agent, "cofferdam/" COFFERDAM_VERSION);
  if (!url.authorization.empty()) request.set(http::field::authorization, url.authorization);
  for (const auto& [name, value] : headers) request.set(name, value);
  request.body() = {body.data(), body.size()};
  request.prepare_payload();
  return request;
}

Result<void> write_request(Connection& connection, const http::request<http::span_body<const char>>& request,
                           Deadline deadline) {
  http::request_serializer<http::span_body<const char>> serializer(request);
  Result<void> result;
  while (!serializer.is_done()) {
    error_code error;
    std::size_t written = 0;
    serializer.next(error, [&](error_code&, const auto& buffers) {
      for (auto at = boost::asio::buffer_sequence_begin(buffers);
           result && at != boost::asio::buffer_sequence_end(buffers); ++at) {
        const boost::asio::const_buffer part = *at;
        result = connection.write({static_cast<const char*>(part.data()), part.size()}, deadline);
        written += part.size();
      }
    });
    if (error) return fail("the request can't be written: " + error.message());
    if (!result) return result;
    serializer.consume(written);
  }
  return result;
}

bool begins_like_http(const boost::beast::flat_buffer& buffer) {
  constexpr std::string_view kHttp = "HTTP/";
  const auto bytes = buffer.cdata();
  const std::string_view begin(static_cast<const char*>(bytes.data()), std::min(bytes.size(), kHttp.size()));
  return kHttp.starts_with(begin);
}

// One answer from the connection; `buffer` keeps what came after it.
Result<void> read_answer(Connection& connection, boost::beast::flat_buffer& buffer, Parser& parser,
                         const std::string& place, Deadline deadline) {
  parser.eager(true);
  parser.header_limit(kMostHeader);
  parser.body_limit(kMostBody);
  std::size_t parsed = 0;
  while (!parser.is_done()) {
    error_code error;
    if (buffer.size() != 0) {
      const std::size_t taken = parser.put(buffer.data(), error);
      buffer.consume(taken);
      parsed += taken;
    }
    if (error && error != http::error::need_more) {
      if (error == http::error::body_limit) return fail(place + ": the answer is larger than 4 MiB");
      if (error == http::error::header_limit) return fail(place + ": the answer's header is larger than 64 KiB");
      return fail(place + ": the answer is not HTTP (" + error.message() + ")");
    }
    if (parser.is_done()) break;
    if (kMostUnparsed - buffer.size() < kRead) return fail(place + ": the answer is not HTTP (a line without an end)");
    const auto space = buffer.prepare(kRead);
    const auto got = connection.read(static_cast<char*>(space.data()), space.size(), deadline);
    if (!got) return std::unexpected(got.error());
    if (*got > 0) {
      buffer.commit(*got);
      continue;
    }
    if (!parser.got_some()) return fail(place + ": the connection was closed without an answer");
    error = {};
    parser.put_eof(error);  // an answer without a length ends like this
    if (!error) continue;
    // The parser waits for a header's end once it has seen less than a version.
    if (parsed == 0 && !begins_like_http(buffer)) return fail(place + ": the answer is not HTTP");
    return fail(place + ": the connection was closed in the middle of the answer");
  }
  return {};
}

HttpAnswer to_answer(Parser::value_type&& message) {
  HttpAnswer answer;
  answer.status = static_cast<int>(message.result_int());
  answer.reason = std::string(message.reason());
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c; });
    answer.headers.emplace(std::move(name), std::string(field.value()));
  }
  answer.body = std::move(message.body());
  return answer;
}

}  // namespace

Result<void> check_http_header(std::string_view name, std::string_view value) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";  // RFC 9110 section 5.6.2
  const auto is_token = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kMarks.contains(c);
  };
  if (name.empty() || name.size() > 256 || !std::ranges::all_of(name, is_token)) {
    return fail("\"" + base::printable(name) + "\" can't be the name of an HTTP header");
  }
  const auto is_control = [](char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f'; };
  if (value.size() > kMostValue || std::ranges::any_of(value, is_control)) {
    return fail("the value of the HTTP header " + std::string(name) + " has control characters or more than 32 KiB");
  }
  return {};
}

HttpClient::HttpClient(HttpUrl url) : url_(std::move(url)) {}

Result<HttpAnswer> HttpClient::post(std::string_view body, const std::map<std::string, std::string>& headers,
                                    Deadline deadline) {
  for (const auto& [name, value] : headers) {
    if (auto checked = check_http_header(name, value); !checked) return std::unexpected(checked.error());
  }
  if (auto connected = connect(deadline); !connected) return std::unexpected(connected.error());
  // Given back to the client only when the whole exchange went well.
  Connection connection = *std::exchange(connection_, std::nullopt);
  const auto written = write_request(connection, make_request(url_, body, headers), deadline);
  boost::beast::flat_buffer buffer;
  for (int answers = 0; answers <= kMostInterim; ++answers) {
    Parser parser;
    auto read = read_answer(connection, buffer, parser, place_of(url_.endpoint), deadline);
    // A server may answer (413, 401) and close before it has read all; its answer says more than the broken pipe.
    if (!read) return written ? std::unexpected(read.error()) : std::unexpected(written.error());
    if (parser.get().result_int() / 100 == 1) continue;
    if (written && parser.keep_alive() && buffer.size() == 0) connection_.emplace(std::move(connection));
    return to_answer(parser.release());
  }
  return fail(place_of(url_.endpoint) + ": interim answers only");
}

Result<void> HttpClient::connect(Deadline deadline) {
  if (connection_ && connection_->is_stale()) connection_.reset();
  if (connection_) return {};
  auto opened = Connection::open(url_.endpoint, deadline);
  if (!opened) return std::unexpected(opened.error());
  connection_.emplace(std::move(*opened));
  return {};
}

void HttpClient::close() {
  connection_.reset();
}

}  // namespace cofferdam::logs
