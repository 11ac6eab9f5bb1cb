// Whether what one destination allows is allowed by another one as well.
#pragma once

#include "cofferdam/policy.hpp"

namespace cofferdam::policy {

// As text and addresses say it; no name is looked up, so a name is covered by the same name alone. Port 0 is any port.
[[nodiscard]] bool covers(const Destination& wide, const Destination& narrow);

// Every address of IPv4 or of IPv6.
[[nodiscard]] bool is_everywhere(const Destination& destination);

}  // namespace cofferdam::policy
