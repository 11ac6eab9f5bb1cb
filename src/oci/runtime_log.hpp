// How an OCI runtime tells its engine what went wrong.
#pragma once

#include <string>

#include "oci/call.hpp"

namespace cofferdam::oci {

// Appends a line to the engine's --log, as JSON where that was asked for: engines show the last line of level error to
// the user. Without --log it goes to stderr. Standard output and standard error of `create` are the app's.
void log_error(const Call& call, const std::string& message);

}  // namespace cofferdam::oci
