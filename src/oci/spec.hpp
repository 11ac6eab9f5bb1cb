// The documents of an OCI bundle: what they say, and what they say once a policy stands in them. Everything that is not
// changed on purpose stays as it is, keys that are unknown here among it, in its order.
//
// config.json: https://github.com/opencontainers/runtime-spec/blob/main/config.md
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/policy.hpp"
#include "cofferdam/result.hpp"

namespace cofferdam::oci {

// Where cofferdam and the policy are found inside of a container: on its /dev, a tmpfs of its own with every engine, so
// that nothing is left in the image.
inline constexpr std::string_view kDirectory = "/dev/cofferdam";
inline constexpr std::string_view kLauncher = "/dev/cofferdam/cofferdam";
inline constexpr std::string_view kPolicy = "/dev/cofferdam/policy.yaml";

// What the choice of a policy needs to know.
struct SpecFacts {
  std::string root;               // of the image, as written: relative to the bundle, or absolute
  std::string working_directory;  // in the image
  std::string home;               // HOME of the process; empty when unset
  std::map<std::string, std::string> environment;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> bind_sources;       // on the host
  std::vector<std::string> anonymous_volumes;  // where an image's VOLUMEs are that nobody has named
};
[[nodiscard]] Result<SpecFacts> read_spec(std::string_view config);

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t mode = 01777;
};

struct Governed {
  std::string launcher;     // this binary, on the host
  std::string policy_file;  // on the host
  const Policy& policy;     // what is in it
  const SpecFacts& facts;   // of the same config
  bool one_off = false;     // the container is somebody's session (cofferdam shell), and not the application
  // Whether a path of the host lies on a tmpfs: what is written there is on no disk.
  std::function<bool(const std::string&)> on_tmpfs;
  // Whose a directory of the image is; nothing when it is not there. A tmpfs in its place is theirs as well.
  std::function<std::optional<Owner>(const std::string&)> in_image;
};

// An anonymous volume is storage that the image's author has planned: it becomes a tmpfs, and a row of the policy where
// that has none for it.
void add_volumes(Policy& policy, const SpecFacts& facts);

// The config with the policy in it: the launcher before the process, no new privileges, a read-only root, a tmpfs for
// each that the policy names, in the place of anonymous volumes, too; what is bound from a disk becomes read-only
// unless the policy keeps it. Doing it twice is the same as doing it once. Errors: text that is no config, or one
// without a process.
[[nodiscard]] Result<std::string> govern_spec(std::string_view config, const Governed& by);

struct ProcessFacts {
  bool terminal = false;
};
// The document of `exec --process`.
[[nodiscard]] Result<ProcessFacts> read_process(std::string_view process);
[[nodiscard]] Result<std::string> govern_process(std::string_view process);

}  // namespace cofferdam::oci
