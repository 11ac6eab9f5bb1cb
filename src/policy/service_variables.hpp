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
//   - *_URL, *_URI, *_DSN whose value has the scheme of an engine (parse_service_url), or whose name tells the engine
//   in
//     its last word: ELASTICSEARCH_URL=http://search:9200, REDIS_URL=tls://host:6380;
//   - pairs such as PGHOST and PGPORT, REDIS_HOST and REDIS_PORT, whose names tell the engine;
//   - DB_HOST or DB_SOCKET and DB_PORT, DATABASE_HOST and DATABASE_PORT, TYPEORM_HOST and TYPEORM_PORT, when
//     DB_CONNECTION, DB_ENGINE, DB_ADAPTER (DATABASE_..., TYPEORM_CONNECTION) or the port tells it.
// A host may be a list, carry a port of its own, or be the directory of a PostgreSQL socket; a port that is no number
// (Kubernetes sets REDIS_PORT=tcp://10.0.0.1:6379) leaves the engine's own. What is no host is not looked at.
[[nodiscard]] std::vector<ServiceVariable> service_variables(const std::map<std::string, std::string>& environment);

}  // namespace cofferdam::policy
