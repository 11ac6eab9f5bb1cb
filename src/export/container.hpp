// What of a policy an engine can enforce by itself, before it is written for one of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cofferdam/policy.hpp"

namespace cofferdam::exporting {

struct Wishes {
  std::string image = "IMAGE";
  std::string name = "web";
  std::string working_directory = "/app";  // of the image: what stands for `.`
  std::string project;                     // the directory on this machine that became it; empty: none
  std::string home;                        // on this machine; what lies there is in no image
  std::vector<std::uint16_t> ports;
  std::vector<std::string> command;  // empty: the image's own
  std::string runtime;               // the engine's runtime, or RuntimeClass; empty: its default
};

struct Scratch {
  std::string path;
  std::uint64_t size = 0;  // bytes
  bool exec = true;
};

// A part of the policy that the engine does not enforce.
struct Missing {
  std::string key;      // of the policy
  std::string why;      // what is not the same
  std::string instead;  // what to do; may be empty
};

struct Container {
  std::vector<Scratch> scratch;
  std::vector<std::string> kept;  // persistent: a volume
  std::uint64_t memory = 0;       // bytes; 0: no limit, and so the others
  std::uint64_t cpu = 0;          // thousandths
  std::uint64_t processes = 0;
  std::uint64_t open_files = 0;
  std::map<std::string, std::string> set;
  std::vector<std::string> passed;  // variables that have to come from outside
  std::vector<std::string> devices;
  std::string stop_signal;
  std::chrono::seconds stop_grace{10};
  std::uint32_t replicas = 1;
  Restart restart = Restart::never;
  std::optional<Readiness> readiness;
  std::vector<Destination> egress;  // what stays open with `network.egress: deny`, databases among them
  bool egress_denied = false;
  std::vector<Missing> missing;  // whatever the engine is
};

[[nodiscard]] Container container_of(const Policy& policy, const Wishes& wishes);

}  // namespace cofferdam::exporting
