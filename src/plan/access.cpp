#include "plan/access.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "plan/storage.hpp"

namespace cofferdam::plan {

namespace {

// What is known of sockets by their usual places.
struct SocketKind {
  std::string_view pattern;  // fnmatch(3), of the canonical path
  std::string_view what;
  std::string_view rules;
  std::string_view why;
};
constexpr std::string_view kAll = "storage database network access processes";
constexpr std::string_view kStartsAnything = "it starts programs on this machine that no rule binds";
constexpr std::array<SocketKind, 17> kSockets = {{
    {"*/docker.sock", "Docker", kAll, kStartsAnything},
    {"*/podman.sock", "Podman", kAll, kStartsAnything},
    {"*/containerd.sock", "containerd", kAll, kStartsAnything},
    {"*/crio.sock", "CRI-O", kAll, kStartsAnything},
    {"*/buildkitd.sock", "BuildKit", kAll, kStartsAnything},
    {"*/dbus/system_bus_socket", "the system bus", kAll, kStartsAnything},
    {"/run/user/*/bus", "the session bus", kAll, kStartsAnything},
    {"/run/user/*/systemd/*", "the session's systemd", kAll, kStartsAnything},
    {"/run/systemd/*", "systemd", kAll, kStartsAnything},
    {"/tmp/.X11-unix/X*", "an X server", "access", "its clients see each other's windows and can type into them"},
    {"/run/user/*/wayland-*", "a Wayland compositor", "", "what is drawn and copied there leaves the instance"},
    {"*/ssh-*/agent.*", "an ssh agent", "access", "it lends your keys, with which one logs in to other machines"},
    {"*/keyring/ssh", "an ssh agent", "access", "it lends your keys, with which one logs in to other machines"},
    {"*/keyring/control", "a keyring", "database", "it hands out the passwords that you keep there"},
    {"*/S.gpg-agent*", "a GnuPG agent", "access", "it lends your keys, with which one logs in to other machines"},
    {"*/pulse/native", "a sound server", "", "it has microphone and loudspeaker"},
    {"*/pipewire-*", "a sound and video server", "", "it has microphone, loudspeaker and camera"},
}};

Opening opening_of(const std::string& socket) {
  const auto* kind = std::ranges::find_if(kSockets, [&](const SocketKind& each) {
    return fnmatch(std::string(each.pattern).c_str(), socket.c_str() + (socket.starts_with('@') ? 1 : 0), 0) == 0;
  });
  if (kind == kSockets.end()) return {"the host's socket " + socket, "", "who serves it works outside the policy"};
  return {"the host's socket " + socket + " (" + std::string(kind->what) + ")", kind->rules, kind->why};
}

}  // namespace

std::string_view way_to_a_one_off(Mode mode) {
  return mode == Mode::container
             ? "docker run -it --entrypoint sh IMAGE, or docker compose run --rm --entrypoint sh SERVICE"
             : "cofferdam shell -- COMMAND";
}

AccessPlan access_plan(Mode mode, const Access& access, bool one_off) {
  AccessPlan plan;
  plan.one_off = way_to_a_one_off(mode);
  plan.terminals = one_off || access.remote_login;
  plan.logins = access.remote_login;
  plan.debugging = access.debug;
  plan.policy = {"access", access.origin.file, access.origin.line};
  return plan;
}

EnforcementRow access_row(Mode mode, const HostFacts& host, const Policy& policy, bool one_off) {
  EnforcementRow row{"access", Level::full, {}, {}};
  if (policy.access.remote_login) {
    row.level = Level::none;
    row.chosen = true;
    row.mechanism = "terminals, interactive shells and any port";
    row.advice = "anybody whom the app lets in can log in, because the policy says so (access.remote_login: allow)";
    return row;
  }
  if (one_off) {
    row.mechanism = "a one-off, with a terminal of its own; ports bound by the launcher";
    return row;
  }
  row.mechanism = mode == Mode::local ? "session of its own, no terminals in /dev" : "session of its own, terminals ";
  if (mode == Mode::container) {
    row.mechanism += host.landlock_abi > 0 ? "closed by the filter and Landlock" : "closed by the filter";
  }
  row.mechanism += "; interactive shells ended at their start; ports bound by the launcher";
  if (!policy.access.debug) row.mechanism += "; nobody traces anybody";
  return row;
}

std::vector<Opening> openings_of(const Policy& policy) {
  std::vector<Opening> openings;
  if (policy.access.debug) {
    openings.push_back({"debugging (access.debug: allow)", "database access",
                        "a process that traces another one acts as it, the app included"});
  }
  for (const std::string& socket : policy.sockets) openings.push_back(opening_of(canonical(socket)));
  return openings;
}

void weaken(std::vector<EnforcementRow>& rows, const std::vector<Opening>& openings) {
  for (const Opening& opening : openings) {
    for (const std::string_view rule : base::split(opening.rules, ' ')) {
      const auto row = std::ranges::find(rows, rule, &EnforcementRow::rule);
      if (row == rows.end()) continue;
      if (row->level == Level::full) {
        row->level = Level::partial;
        row->chosen = true;
      }
      if (!row->advice.empty()) row->advice += "; ";
      row->advice += "the policy lets in " + opening.what + ": " + std::string(opening.why);
    }
  }
}

std::string notice_of(const Opening& opening) {
  std::string text = opening.what + " is let in: " + std::string(opening.why);
  if (opening.rules.empty()) return text;
  text += opening.rules.find(' ') == std::string_view::npos ? "; that weakens the rule " : "; that weakens the rules ";
  for (const char c : opening.rules) text += c == ' ' ? std::string(", ") : std::string(1, c);
  return text;
}

}  // namespace cofferdam::plan
