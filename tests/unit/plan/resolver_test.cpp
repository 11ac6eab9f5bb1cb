#include "plan/resolver.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

namespace cofferdam::plan {
namespace {

using namespace std::chrono_literals;

std::string shown(const Result<std::vector<IpAddress>>& result) {
  if (!result) return "error: " + result.error().message;
  std::string text;
  for (const IpAddress& address : *result) text += (text.empty() ? "" : " ") + to_string(address);
  return text;
}

// A UDP port on the loopback address that never answers, unless it is told what to say.
class NameServer {
 public:
  NameServer() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    socklen_t length = sizeof address;
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
  }
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  ~NameServer() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    close(socket_);
  }

  // Answers each A query with `address`, each AAAA query with no record; without an address, and for every other name
  // than `only` when that is given: no such name.
  void answer_with(const std::string& address, const std::string& only = "") {
    thread_ = std::thread([this, address, only] {
      while (!stop_) {
        pollfd wait{.fd = socket_, .events = POLLIN, .revents = 0};
        if (poll(&wait, 1, 20) > 0) reply(address, only);
      }
    });
  }

  [[nodiscard]] ResolverOptions options() const {
    return {.hosts_file = "/dev/null", .servers = "127.0.0.1:" + std::to_string(port_)};
  }
  [[nodiscard]] int queries() const { return queries_; }

 private:
  void reply(const std::string& known, const std::string& only) {
    std::array<unsigned char, 1024> packet{};
    sockaddr_in peer{};
    socklen_t peer_length = sizeof peer;
    const ssize_t received = recvfrom(socket_, packet.data(), 512, 0, reinterpret_cast<sockaddr*>(&peer), &peer_length);
    if (received < 12) return;
    ++queries_;
    std::size_t end = 12;
    std::string name;
    while (packet.at(end) != 0) {
      const std::string_view label(reinterpret_cast<const char*>(&packet.at(end + 1)), packet.at(end));
      name += (name.empty() ? "" : ".") + std::string(label);
      end += packet.at(end) + 1U;
    }
    const std::string address = only.empty() || name == only ? known : "";
    const bool wants_v4 = packet.at(end + 2) == 1;
    end += 5;
    packet[2] = 0x84;  // an authoritative answer
    packet[3] = address.empty() ? 3 : 0;
    packet[6] = packet[7] = packet[8] = packet[9] = packet[10] = packet[11] = 0;
    in_addr value{};
    if (!address.empty() && wants_v4 && inet_pton(AF_INET, address.c_str(), &value) == 1) {
      packet[7] = 1;
      const std::array<unsigned char, 12> record = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4};
      std::ranges::copy(record, packet.begin() + static_cast<std::ptrdiff_t>(end));
      std::memcpy(packet.data() + end + record.size(), &value, sizeof value);
      end += record.size() + sizeof value;
    }
    sendto(socket_, packet.data(), end, 0, reinterpret_cast<const sockaddr*>(&peer), peer_length);
  }

  int socket_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<int> queries_ = 0;
  std::thread thread_;
};

class HostsFile {
 public:
  explicit HostsFile(const std::string& text) {
    std::string name = testing::TempDir() + "hosts-XXXXXX";
    const int file = mkstemp(name.data());
    EXPECT_GE(file, 0);
    close(file);
    path_ = name;
    std::ofstream(path_) << text;
  }
  HostsFile(const HostsFile&) = delete;
  HostsFile& operator=(const HostsFile&) = delete;
  ~HostsFile() { unlink(path_.c_str()); }
  [[nodiscard]] ResolverOptions options() const { return {.hosts_file = path_, .servers = "127.0.0.1:1"}; }

 private:
  std::string path_;
};

TEST(Resolver, LiteralsNeedNoQuery) {
  const NameServer silent;
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"10.0.0.5", "10.0.0.5"},         {"::1", "::1"},
      {"FD00::1", "fd00::1"},           {"::ffff:10.0.0.5", "10.0.0.5"},
      {"127.1", "127.0.0.1"},           {"0x7f000001", "127.0.0.1"},
      {"2130706433", "127.0.0.1"},      {"0177.0.0.1", "127.0.0.1"},
      {"localhost", "127.0.0.1 ::1"},   {"LOCALHOST.", "127.0.0.1 ::1"},
      {"db.localhost", "127.0.0.1 ::1"}};
  for (const auto& [host, addresses] : rows) EXPECT_EQ(shown(resolve(host, 0ms, silent.options())), addresses) << host;
  EXPECT_EQ(silent.queries(), 0);
}

TEST(Resolver, NamesNeedAQuery) {
  for (const char* host : {"db", "localhost.example.com", "mylocalhost", "1.2.3.4.5", "cafe", "db.10", ""}) {
    EXPECT_FALSE(resolve_without_query(host).has_value()) << host;
  }
}

TEST(Resolver, HostsFileComesFirst) {
  const HostsFile hosts(
      "# comment\n127.0.1.1 laptop\n10.0.0.5\tdb.local  DB # cache\n10.0.0.6 db.local.other\nfd00::5 db\n"
      "10.0.0.5 db\nnonsense db\n\n10.0.0.9 last");
  EXPECT_EQ(shown(resolve("db", 1s, hosts.options())), "10.0.0.5 fd00::5");
  EXPECT_EQ(shown(resolve("Db.Local.", 1s, hosts.options())), "10.0.0.5");
  EXPECT_EQ(shown(resolve("laptop", 1s, hosts.options())), "127.0.1.1");
  EXPECT_EQ(shown(resolve("last", 1s, hosts.options())), "10.0.0.9");
  EXPECT_TRUE(shown(resolve("cache", 300ms, hosts.options())).starts_with("error: "));
}

TEST(Resolver, AsksTheNameServer) {
  NameServer server;
  server.answer_with("10.0.0.7");
  EXPECT_EQ(shown(resolve("db.example.com", 5s, server.options())), "10.0.0.7");
  EXPECT_GT(server.queries(), 0);
}

TEST(Resolver, MissingHostsFileIsNoError) {
  NameServer server;
  server.answer_with("10.0.0.7");
  ResolverOptions options = server.options();
  options.hosts_file = "/nonexistent/hosts";
  EXPECT_EQ(shown(resolve("db.example.com", 5s, options)), "10.0.0.7");
}

TEST(Resolver, SearchDomainsAreTried) {
  NameServer server;
  server.answer_with("10.0.0.7", "db.test.example");
  const HostsFile resolv_conf("search other.example test.example\noptions ndots:1\n");
  ResolverOptions options = server.options();
  options.resolv_conf = resolv_conf.options().hosts_file;
  EXPECT_EQ(shown(resolve("db", 5s, options)), "10.0.0.7");
  EXPECT_TRUE(shown(resolve("cache", 5s, options)).starts_with("error: "));
}

TEST(Resolver, AllNamesAreAskedAtOnceAndKeepTheirOrder) {
  NameServer server;
  server.answer_with("10.0.0.7");
  const auto answers = resolve_all({"b.example.com", "a b", "a.example.com"}, 5s, server.options());
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_EQ(answers[0].host, "b.example.com");
  EXPECT_EQ(answers[0].ttl, 60s);
  EXPECT_NE(answers[1].error, "");
  EXPECT_EQ(answers[2].addresses.size(), 1U);
}

TEST(Resolver, TheTimeIsForAllNamesTogether) {
  const NameServer silent;
  const auto start = std::chrono::steady_clock::now();
  const auto answers = resolve_all({"a.example.com", "b.example.com", "c.example.com"}, 300ms, silent.options());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 900ms);
  for (const NameAnswer& answer : answers) EXPECT_EQ(answer.errnum, ETIMEDOUT);
}

TEST(Lookups, AskingDoesNotWait) {
  NameServer silent;
  Lookups lookups(silent.options());
  const auto start = std::chrono::steady_clock::now();
  lookups.ask("db.example.com", 10s);
  lookups.work();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 200ms);
  EXPECT_TRUE(lookups.is_asking("db.example.com"));
  EXPECT_TRUE(lookups.take().empty());
  EXPECT_GT(lookups.next_look().count(), 0);

  silent.answer_with("10.0.0.7");
  pollfd ready{.fd = lookups.poll_fd(), .events = POLLIN, .revents = 0};
  std::vector<NameAnswer> answers;
  while (answers.empty() && std::chrono::steady_clock::now() - start < 5s) {
    poll(&ready, 1, static_cast<int>(lookups.next_look().count()));
    lookups.work();
    answers = lookups.take();
  }
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].host, "db.example.com");
  EXPECT_FALSE(lookups.busy());
  EXPECT_EQ(lookups.next_look(), -1ms);
}

TEST(Lookups, AChangedHostsFileIsSeen) {
  const HostsFile hosts("10.0.0.5 db\n");
  Lookups lookups(hosts.options());
  const auto ask = [&] {
    lookups.ask("db", 1s);
    const auto answers = lookups.take();
    return answers.empty() || answers[0].addresses.empty() ? "" : to_string(answers[0].addresses[0]);
  };
  EXPECT_EQ(ask(), "10.0.0.5");
  std::ofstream(hosts.options().hosts_file) << "10.0.0.6 db\n";
  EXPECT_EQ(ask(), "10.0.0.6");
}

TEST(Resolver, UnknownNameIsAnError) {
  NameServer server;
  server.answer_with("");
  const auto result = resolve("nosuch.example.com", 5s, server.options());
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().message.find("nosuch.example.com"), std::string::npos);
  EXPECT_EQ(result.error().errnum, 0);
}

TEST(Resolver, SilentServerEndsInTime) {
  const NameServer silent;
  const auto start = std::chrono::steady_clock::now();
  const auto result = resolve("db.example.com", 300ms, silent.options());
  const auto took = std::chrono::steady_clock::now() - start;
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().errnum, ETIMEDOUT) << result.error().message;
  EXPECT_LT(took, 2s);
}

TEST(Resolver, NoTimeIsAnError) {
  const NameServer silent;
  const auto result = resolve("db.example.com", 0ms, silent.options());
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().errnum, ETIMEDOUT);
}

TEST(Resolver, NoNameIsNoQuery) {
  const NameServer silent;
  for (const std::string& host : {std::string(), std::string("a b"), std::string("d\xc3\xa4"), std::string("a\0b", 3),
                                  std::string(254, 'a'), std::string("a\n")}) {
    const auto result = resolve(host, 5s, silent.options());
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().message.find('\n'), std::string::npos);
  }
}

TEST(Resolver, ZonesAreInterfaces) {
  EXPECT_EQ(shown(resolve_without_query("fe80::1%lo").value_or(std::vector<IpAddress>{})), "fe80::1%1");
  EXPECT_EQ(shown(resolve_without_query("fe80::1%7").value_or(std::vector<IpAddress>{})), "fe80::1%7");
  // An interface that is not there (yet): the address counts on every one.
  EXPECT_EQ(shown(resolve_without_query("fe80::1%nosuch0").value_or(std::vector<IpAddress>{})), "fe80::1");
  EXPECT_FALSE(resolve_without_query("db%lo").has_value());
}

}  // namespace
}  // namespace cofferdam::plan
