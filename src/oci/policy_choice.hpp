// Which policy governs a container.
#pragma once

#include <string>

#include "cofferdam/policy.hpp"
#include "cofferdam/result.hpp"
#include "oci/spec.hpp"

namespace cofferdam::oci {

// The administrator's files.
struct HostPolicies {
  std::string directory = "/etc/cofferdam";
  // DIRECTORY/binding-policy.yaml governs every container, whatever it asks for.
  [[nodiscard]] std::string binding() const { return directory + "/binding-policy.yaml"; }
  // DIRECTORY/policy.yaml governs those that ask for nothing.
  [[nodiscard]] std::string fallback() const { return directory + "/policy.yaml"; }
  // DIRECTORY/policies/NAME.yaml is what they can ask for by name, beside the shipped ones.
  [[nodiscard]] std::string named(const std::string& name) const { return directory + "/policies/" + name + ".yaml"; }
};

struct Choice {
  enum class Kind {
    off,       // the container runs as without cofferdam
    on_host,   // `policy` is a shipped policy's name, or a file of the host
    in_image,  // `policy` is an absolute path in the image
  };
  Kind kind = Kind::on_host;
  std::string policy;
  std::string said_by;  // for messages: "the annotation cofferdam.policy"
};

// In this order: the binding policy of the host, the annotation `cofferdam.policy`, the label of that name (`labels`),
// the variable COFFERDAM_POLICY, the host's fallback, twelve-factor. The value is `off`, a name or an absolute path in
// the image. The sandbox of a Kubernetes pod, which runs nothing of the user's, has none. Errors: a value that is none
// of them.
[[nodiscard]] Result<Choice> choose_policy(const SpecFacts& facts, const std::map<std::string, std::string>& labels,
                                           const HostPolicies& host);

// Whether the container is a one-off, started for a person or a job beside the application: the annotation or label
// `cofferdam.one-off`, or the variable COFFERDAM_ONE_OFF, is true. Errors: a value that is neither true nor false.
[[nodiscard]] Result<bool> is_one_off(const SpecFacts& facts, const std::map<std::string, std::string>& labels);

// The policy as one file (policy::effective_yaml) in container mode, with `root` (absolute) as the file system for a
// policy in the image: nothing of the host is read then, whatever links the image has. Blocks for ten seconds at most.
// Errors name the mistakes of the policy, and who has asked for it.
[[nodiscard]] Result<std::string> flatten_policy(const Choice& choice, const SpecFacts& facts, const std::string& root);

// The labels of the container, which Docker keeps to itself: read from its own record beside the files that it binds
// (/var/lib/docker/containers/ID/config.v2.json). Empty for other engines.
[[nodiscard]] std::map<std::string, std::string> read_docker_labels(const SpecFacts& facts);

}  // namespace cofferdam::oci
