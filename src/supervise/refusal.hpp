// The words for a refused (or a doubtful) connection: what, to which database, who asked, why production refuses it
// too, what to do.
#pragma once

#include <string>
#include <string_view>

#include "cofferdam/event.hpp"
#include "supervise/identity.hpp"
#include "supervise/verdict.hpp"

namespace cofferdam::supervise {

// True for a shell, make and package managers: as the entry they stand in the app's place.
[[nodiscard]] bool only_starts_others(std::string_view program);

// CD201 not the app, CD202 looks like the app's own worker (`row` is the app.also row that admits it), CD203 a
// destination that database.allow does not name, CD204 a caller that could not be identified.
[[nodiscard]] Finding refusal_finding(const ConnectEvent& event, const Verdict& verdict, const Caller& caller,
                                      const std::string& row);

// CD204: not even the address of the connection could be read.
[[nodiscard]] Finding unreadable_finding(const ProcessRef& process);

// CD205: the app's own connection to a database of this machine while the environment names another one, `rule`.
[[nodiscard]] Finding hard_coded_finding(const ConnectEvent& event, const plan::DatabaseRule& rule);

// CD206: a destination that `network.egress: deny` leaves closed.
[[nodiscard]] Finding egress_finding(const std::string& destination, const PolicyRef& policy,
                                     const ProcessRef& process);

// CD401: a socket of the host that the policy does not let in.
[[nodiscard]] Finding host_socket_finding(const std::string& destination, const ProcessRef& process);

}  // namespace cofferdam::supervise
