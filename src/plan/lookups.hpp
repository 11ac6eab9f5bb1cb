// Questions about host names that are answered while the caller does other things. Nothing here waits.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "plan/address.hpp"

namespace cofferdam::plan {

// Where names are looked up; the defaults are the system's, other values are for tests.
struct ResolverOptions {
  std::string hosts_file = "/etc/hosts";
  std::string servers = {};      // "address:port,..." instead of the name servers of resolv.conf
  std::string resolv_conf = {};  // another file than /etc/resolv.conf
};

struct NameAnswer {
  std::string host = {};                  // as it was asked for
  std::vector<IpAddress> addresses = {};  // empty when `error` says why there are none
  std::chrono::seconds ttl{0};  // the least one of the records; 0 from the hosts file, which may change at once
  std::string error = {};       // whole sentence, the name included
  int errnum = 0;               // ETIMEDOUT when nobody answered in time, else 0
};

// One or more names at a time: from the hosts file, else from DNS by c-ares, IPv4 and IPv6, with the search domains and
// options of resolv.conf. Both files are read anew for each round (from the first question to the last answer), so a
// machine that changes its network is followed. Not asked: mDNS, NIS, LDAP and other NSS modules.
class Lookups {
 public:
  explicit Lookups(ResolverOptions options = {});
  Lookups(const Lookups&) = delete;
  Lookups& operator=(const Lookups&) = delete;
  ~Lookups();

  // What takes longer than `timeout` is answered with ETIMEDOUT.
  void ask(const std::string& host, std::chrono::milliseconds timeout);
  [[nodiscard]] bool is_asking(const std::string& host) const;
  [[nodiscard]] bool busy() const;

  // Readable when there is something to do; one descriptor for the whole life.
  [[nodiscard]] int poll_fd() const;
  // Call it when poll_fd() is readable or next_look() has passed.
  void work();
  // How long nobody needs to look; -1 ms for ever.
  [[nodiscard]] std::chrono::milliseconds next_look() const;
  // The answers that have come since the last call.
  [[nodiscard]] std::vector<NameAnswer> take();

 private:
  class Round;
  ResolverOptions options_;
  int epoll_;
  std::unique_ptr<Round> round_;
  std::vector<NameAnswer> answers_;
};

// ASCII lower case, without the dot at the end.
[[nodiscard]] std::string normal_name(std::string_view host);

}  // namespace cofferdam::plan
