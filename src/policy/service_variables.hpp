// Which services does the environment describe? Reads URLs, and the host and port that some programs keep apart.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "policy/service_url.hpp"

namespace cofferdam::policy {

struct ServiceVariable {
  std::string name;                        // "DATABASE_URL", "PGHOST"
  std::vector<ServiceEndpoint> endpoints;  // with an engine, each
  std::string problem;  // looks like a database's, but can't be read: why; shows nothing of the value
};

// In order of the names:
//   - *_URL, *_URI, *_DSN whose value has the scheme of an engine (parse_service_url);
//   - pairs such as PGHOST and PGPORT, REDIS_HOST and REDIS_PORT, whose names tell the engine;
//   - DB_HOST and DB_PORT, DATABASE_HOST and DATABASE_PORT, when DB_CONNECTION, DB_ENGINE, DB_ADAPTER (DATABASE_...) or
//   the
//     port tells it.
// A host may be a list, carry a port of its own, or be the directory of a PostgreSQL socket; a port that is no number
// (Kubernetes sets REDIS_PORT=tcp://10.0.0.1:6379) leaves the engine's own. What is no host is not looked at.
[[nodiscard]] std::vector<ServiceVariable> service_variables(const std::map<std::string, std::string>& environment);

}  // namespace cofferdam::policy
