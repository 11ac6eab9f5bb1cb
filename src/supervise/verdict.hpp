// May this caller connect there? A pure decision: no I/O, no clock, no memory of earlier calls. It fails closed:
// what isn't known counts against the caller.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cofferdam/event.hpp"
#include "plan/address.hpp"
#include "plan/backing_services.hpp"

namespace cofferdam::supervise {

// What the caller is to the policy. `unknown` (its identity could not be read) never gets more than `other`.
enum class Role { app, one_off, other, unknown };

enum class Reason {
  not_a_database,           // allowed: the database rule says nothing about it
  allowed_by_default,       // the policy has no `database.allow`, and the caller is the app or a one-off
  allowed_by_rule,          // a row names caller and destination
  not_the_app,              // refused: a process that is not the app
  destination_not_allowed,  // refused: the app or a one-off, and no row for it names the destination
  caller_unknown,           // refused: nobody knows who it is
};
[[nodiscard]] const char* to_string(Reason reason);

struct Verdict {
  bool allowed = false;
  Reason reason = Reason::caller_unknown;
  std::string engine;  // "postgres"; "database" when nothing tells which; empty when it is none
  PolicyRef policy;    // the row that decided, else the list or `database`; empty for not_a_database
};

// The network as the supervisor sees it.
struct NetworkView {
  // Of plan::hosts_to_resolve(). What a name stands for now admits a caller; what it has stood for in this run is a
  // database as well, and is `earlier` where that differs.
  std::map<std::string, std::vector<plan::IpAddress>> resolved;
  std::map<std::string, std::vector<plan::IpAddress>> earlier = {};
  std::vector<plan::IpAddress> own;  // addresses of this machine's interfaces
};

// The names that may by now stand for this destination: those of rules with its port, unless a rule names it already.
// Ask for them before the verdict.
[[nodiscard]] std::vector<std::string> unsettled_hosts(const plan::Endpoint& destination,
                                                       const plan::DatabaseRules& rules, const NetworkView& network);
// The names of the rules that do name it: worth asking for again at leisure.
[[nodiscard]] std::vector<std::string> settled_hosts(const plan::Endpoint& destination,
                                                     const plan::DatabaseRules& rules, const NetworkView& network);

// The engine when this destination is a database, else "". It is one by its port or its socket, and whatever
// its port when `database.allow` or a *_URL or *_DSN variable names it. All addresses of this machine are one
// destination here, and a name that has not been resolved may be any address: its port counts everywhere.
// A socket's path must be the canonical one (/var/run and /run count as the same).
[[nodiscard]] std::string database_engine(const plan::Endpoint& destination, const plan::DatabaseRules& rules,
                                          const NetworkView& network);

// The verdict on a connect to `destination` (see database_engine). A row that names the loopback address admits
// every loopback address, the unspecified one and this machine's own; any other row admits what it says. A
// name that has not been resolved admits nothing.
[[nodiscard]] Verdict judge(Role caller, const plan::Endpoint& destination, const plan::DatabaseRules& rules,
                            const NetworkView& network);

// The row of `allow`, else of `named`, that names this destination, whoever may use it. Null when none does.
[[nodiscard]] const plan::DatabaseRule* naming_rule(const plan::Endpoint& destination, const plan::DatabaseRules& rules,
                                                    const NetworkView& network);

// Where the environment says that a database is, when the destination is another one of the same engine on this
// machine, which nothing names: "localhost" in the code. Null when the destination is as it should be.
[[nodiscard]] const plan::DatabaseRule* named_elsewhere(const plan::Endpoint& destination,
                                                        const plan::DatabaseRules& rules, const NetworkView& network);

}  // namespace cofferdam::supervise
