// Runs a seccomp program in user space, as the kernel would, to prove what a compiled filter does.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <span>

#include "cofferdam/result.hpp"

namespace cofferdam::test {

// The value that `program` returns for `data` (SECCOMP_RET_*). Fails on whatever the kernel's checker would refuse on
// the way: an unknown instruction, a load outside seccomp_data or unaligned, a jump or a scratch slot out of bounds,
// a scratch slot read before it is written, an end without a return.
[[nodiscard]] Result<std::uint32_t> evaluate(std::span<const sock_filter> program, const seccomp_data& data);

}  // namespace cofferdam::test
