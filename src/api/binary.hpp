// The cofferdam binary that belongs to this library.
#pragma once

#include <string>

#include "cofferdam/result.hpp"

namespace cofferdam::api {

// Its path: `wanted`, else COFFERDAM_BINARY, else beside this library. It has been asked for its version, once for each
// file (device, inode, time); another version than the library's is an error. Safe to call from any thread.
[[nodiscard]] Result<std::string> find_binary(const std::string& wanted);

}  // namespace cofferdam::api
