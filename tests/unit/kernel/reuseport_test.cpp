#include "kernel/reuseport.hpp"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

namespace cofferdam::kernel {
namespace {

TEST(BalanceProgram, NobodyOpenLeavesItToTheKernel) {
  const auto program = balance_program({}, {});
  ASSERT_EQ(program.size(), 1U);
  EXPECT_EQ(program[0].code, BPF_RET | BPF_K);
  EXPECT_EQ(program[0].k, UINT32_MAX);
}

TEST(BalanceProgram, TooManyAreLeftToTheKernel) {
  std::vector<std::uint32_t> open(kMostBalanced + 1);
  std::iota(open.begin(), open.end(), 0U);
  EXPECT_EQ(balance_program(open, {}).size(), 1U);
  open.pop_back();
  EXPECT_LE(balance_program(open, {}).size(), static_cast<std::size_t>(BPF_MAXINSNS));
}

TEST(BalanceProgram, EachOpenSocketIsReturnedOnce) {
  const std::array<std::uint32_t, 3> open = {0, 2, 5};
  std::vector<std::uint32_t> returned;
  for (const sock_filter& step : balance_program(open, {})) {
    if (step.code == (BPF_RET | BPF_K)) returned.push_back(step.k);
  }
  EXPECT_EQ(returned, (std::vector<std::uint32_t>{0, 2, 5}));
}

}  // namespace
}  // namespace cofferdam::kernel
