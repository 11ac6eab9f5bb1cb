// A policy in the words of an engine. What the engine can't enforce is listed, never left out in silence.
#pragma once

#include <string>
#include <vector>

#include "export/container.hpp"

namespace cofferdam::exporting {

struct Exported {
  std::string text;
  std::vector<Missing> missing;
};

// A `docker run` command, one option a line.
[[nodiscard]] Exported to_docker(const Container& container, const Wishes& wishes);
// A compose file of the Compose Specification with one service.
[[nodiscard]] Exported to_compose(const Container& container, const Wishes& wishes);
// A Deployment, a Service where there are ports, and a NetworkPolicy where egress is denied.
[[nodiscard]] Exported to_kubernetes(const Container& container, const Wishes& wishes);

}  // namespace cofferdam::exporting
