#include "kernel/filter.hpp"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "kernel/fd.hpp"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace cofferdam::kernel {
namespace {

using Op = Condition::Op;

// What one libseccomp comparison can say about one register. libseccomp's orderings and equalities read 64 bits;
// its masked equality with an empty high mask reads the low word, as the kernel does with an int. So every condition
// becomes masked equalities, a range one for each aligned block of a power of two; only the open end of `outside` is
// an ordering, where a high half that is not 0 can but add a refusal.
struct Test {
  unsigned arg = 0;
  bool above = false;  // register > value, all 64 bits
  std::uint32_t mask = 0;
  std::uint32_t value = 0;
};
using Tests = std::vector<Test>;

// Appends the blocks that make up [first, end).
void append_range(Tests& tests, unsigned arg, std::uint64_t first, std::uint64_t end) {
  while (first < end) {
    const std::uint64_t aligned = first == 0 ? std::uint64_t{1} << 32 : first & (~first + 1);
    const std::uint64_t size = std::min(aligned, std::bit_floor(end - first));
    tests.push_back(
        {.arg = arg, .mask = ~static_cast<std::uint32_t>(size - 1), .value = static_cast<std::uint32_t>(first)});
    first += size;
  }
}

// Joins tests that differ in one bit of their value: fewer rules cost less to compile.
void join(Tests& tests) {
  for (std::size_t left = 0; left < tests.size(); ++left) {
    for (std::size_t right = left + 1; right < tests.size(); ++right) {
      const std::uint32_t difference = tests[left].value ^ tests[right].value;
      if (tests[left].above || tests[right].above || tests[left].mask != tests[right].mask ||
          !std::has_single_bit(difference)) {
        continue;
      }
      tests[left].mask &= ~difference;
      tests[left].value &= ~difference;
      tests.erase(tests.begin() + static_cast<std::ptrdiff_t>(right));
      left = static_cast<std::size_t>(-1);
      break;
    }
  }
}

// The alternatives of a condition: it holds when one of them does.
Tests alternatives(const Condition& condition, const FilterOptions& options) {
  const unsigned arg = condition.arg;
  const std::span values{condition.values.data(), condition.value_count};
  const auto pid = static_cast<std::uint32_t>(options.protected_pid);
  Tests tests;
  switch (condition.op) {
    case Op::none:
    case Op::other_than: break;
    case Op::one_of:
      for (const std::uint32_t value : values) tests.push_back({.arg = arg, .mask = condition.mask, .value = value});
      break;
    case Op::any_bit:
      for (std::uint32_t bits = condition.mask; bits != 0; bits &= bits - 1) {
        tests.push_back({.arg = arg, .mask = bits & (~bits + 1), .value = bits & (~bits + 1)});
      }
      return tests;
    case Op::outside: {
      std::uint64_t first = 0;
      for (const std::uint32_t value : values) {
        append_range(tests, arg, first, value);
        first = std::uint64_t{value} + 1;
      }
      tests.push_back({.arg = arg, .above = true, .value = values.back()});
      break;
    }
    case Op::protected_pid: tests.push_back({.arg = arg, .mask = 0xffffffff, .value = pid}); break;
    case Op::protected_group: tests.push_back({.arg = arg, .mask = 0xffffffff, .value = ~pid + 1}); break;
  }
  join(tests);
  return tests;
}

// Adds `test` to a conjunction. False when nothing can satisfy both. libseccomp takes one test for each argument,
// so tests of the same bits are folded into one.
bool conjoin(Tests& rule, const Test& test) {
  for (Test& other : rule) {
    if (other.arg != test.arg) continue;
    if (other.above || test.above || ((other.value ^ test.value) & other.mask & test.mask) != 0) return false;
    other.mask |= test.mask;
    other.value |= test.value;
    return true;
  }
  rule.push_back(test);
  return true;
}

// The rules of a row: it matches when one of them does.
std::vector<Tests> rules_of(const SyscallRow& row, const FilterOptions& options) {
  std::vector<Tests> rules{{}};
  for (const Condition& condition : row.conditions) {
    if (condition.op == Op::none || condition.op == Op::other_than) continue;
    std::vector<Tests> product;
    for (const Test& test : alternatives(condition, options)) {
      for (Tests rule : rules) {
        if (conjoin(rule, test)) product.push_back(std::move(rule));
      }
    }
    rules = std::move(product);
  }
  return rules;
}

std::unexpected<Error> refused(std::string_view what, int error) {
  return fail("seccomp filter: " + std::string(what) + ": " + std::strerror(error), error);
}

struct Call {
  const SyscallRow* row;
  std::vector<Tests> rules;
};

// The rows in scope by number, and those of one number in table order.
std::vector<Call> calls_of(const FilterOptions& options) {
  std::vector<Call> calls;
  for (const SyscallRow& row : syscall_table()) {
    if (in_scope(row, options)) calls.push_back({&row, rules_of(row, options)});
  }
  std::ranges::stable_sort(calls, {}, [](const Call& call) { return call.row->number; });
  return calls;
}

// libseccomp's time grows with the square of a program's length, so the calls are compiled in parts of neighbouring
// numbers, and a dispatcher in front jumps to the part of a number. It also shortens the way of the calls whose
// arguments are read, which the kernel's cache of allowed calls can't serve.
constexpr std::size_t kParts = 8;

std::vector<std::span<const Call>> parts_of(std::span<const Call> calls) {
  std::size_t total = 0;
  for (const Call& call : calls) total += call.rules.size();
  std::vector<std::span<const Call>> parts;
  std::size_t begin = 0;
  std::size_t weight = 0;
  for (std::size_t at = 0; at < calls.size(); ++at) {
    weight += calls[at].rules.size();
    const bool last = at + 1 == calls.size();
    if (!last && (weight * kParts < total || calls[at + 1].row->number == calls[at].row->number)) continue;
    parts.push_back(calls.subspan(begin, at + 1 - begin));
    begin = at + 1;
    weight = 0;
  }
  return parts;
}

Result<void> add_call(scmp_filter_ctx context, const Call& call) {
  const SyscallRow& row = *call.row;
  const std::uint32_t action =
      row.action == Action::notify ? SCMP_ACT_NOTIFY : SCMP_ACT_ERRNO(static_cast<std::uint32_t>(row.errnum));
  for (const Tests& rule : call.rules) {
    std::array<scmp_arg_cmp, 6> comparisons{};
    unsigned count = 0;
    for (const Test& test : rule) {
      comparisons.at(count++) = test.above ? scmp_arg_cmp{test.arg, SCMP_CMP_GT, test.value, 0}
                                           : scmp_arg_cmp{test.arg, SCMP_CMP_MASKED_EQ, test.mask, test.value};
    }
    if (const int error = seccomp_rule_add_exact_array(context, action, row.number, count, comparisons.data())) {
      return refused(row.name, -error);
    }
  }
  // Calls whose arguments are read come first in their part.
  if (row.conditions[0].op != Op::none) (void)seccomp_syscall_priority(context, row.number, 255);
  return {};
}

// Appends the program of one part to `file`.
Result<void> export_part(std::span<const Call> calls, int file) {
  const std::unique_ptr<void, decltype(&seccomp_release)> context{seccomp_init(SCMP_ACT_ALLOW), &seccomp_release};
  if (context == nullptr) return fail("seccomp filter: out of memory", ENOMEM);
  if (const int error = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS); error != 0) {
    return refused("foreign architectures", -error);
  }
  for (const Call& call : calls) {
    if (Result<void> added = add_call(context.get(), call); !added) return added;
  }
  const int error = seccomp_export_bpf(context.get(), file);
  if (error != 0) return refused("export", -error);
  return {};
}

constexpr sock_filter load(std::size_t offset) {
  return {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)};
}
constexpr sock_filter answer(std::uint32_t value) {
  return {BPF_RET | BPF_K, 0, 0, value};
}
constexpr sock_filter jump(std::size_t distance) {
  return {BPF_JMP | BPF_JA, 0, 0, static_cast<std::uint32_t>(distance)};
}
// Skips `if_true` or `if_false` instructions.
constexpr sock_filter test(int comparison, std::uint32_t operand, std::uint8_t if_true, std::uint8_t if_false) {
  return {static_cast<std::uint16_t>(BPF_JMP | comparison | BPF_K), if_true, if_false, operand};
}

// Appends: allow the row's call when `comparison` of the condition's register with its mask gives `wanted`.
// Expects the number in the accumulator and leaves it there.
void append_pass(std::vector<sock_filter>& code, const SyscallRow& row, const Condition& condition, int comparison,
                 bool wanted) {
  code.push_back(test(BPF_JEQ, static_cast<std::uint32_t>(row.number), 0, 4));
  code.push_back(load(offsetof(seccomp_data, args) + condition.arg * sizeof(std::uint64_t)));
  code.push_back(test(comparison, condition.mask, wanted ? 0 : 1, wanted ? 1 : 0));
  code.push_back(answer(SECCOMP_RET_ALLOW));
  code.push_back(load(offsetof(seccomp_data, nr)));
}

// What libseccomp can't say: an answer for x32 that is not the one for foreign architectures, and a value that passes
// (its default is to allow, and then it takes refusals only; 31 rules, one for each bit, would say the same). Calls
// that one test of bits decides pass here as well, for they are the hot ones: a read-only openat, a plain sendto.
// Then the jump to the part of the number. `starts` are offsets from the end of the dispatcher.
std::vector<sock_filter> dispatcher(std::span<const Call> calls, std::span<const std::span<const Call>> parts,
                                    std::span<const std::size_t> starts) {
  constexpr std::uint32_t kX32 = 0x40000000;
  std::vector<sock_filter> code{load(offsetof(seccomp_data, arch)), test(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0),
                                answer(SECCOMP_RET_KILL_PROCESS),   load(offsetof(seccomp_data, nr)),
                                test(BPF_JGE, kX32, 0, 1),          answer(SECCOMP_RET_ERRNO | ENOSYS)};
  for (const Call& call : calls) {
    const SyscallRow& row = *call.row;
    const auto same_number = [&](const Call& other) { return other.row->number == row.number; };
    if (std::ranges::count_if(calls, same_number) != 1) continue;
    for (const Condition& condition : row.conditions) {
      if (condition.op == Op::other_than) append_pass(code, row, condition, BPF_JEQ, true);
      if (condition.op == Op::any_bit) append_pass(code, row, condition, BPF_JSET, false);
    }
  }
  const std::size_t end = code.size() + 2 * parts.size() - 1;
  for (std::size_t part = parts.size(); part-- > 0;) {
    if (part > 0) code.push_back(test(BPF_JGE, static_cast<std::uint32_t>(parts[part].front().row->number), 0, 1));
    code.push_back(jump(starts[part] + end - code.size() - 1));
  }
  return code;
}
}  // namespace

bool in_scope(const SyscallRow& row, const FilterOptions& options) noexcept {
  for (const Condition& condition : row.conditions) {
    const bool needs_pid = condition.op == Op::protected_pid || condition.op == Op::protected_group;
    if (needs_pid && options.protected_pid == 0) return false;
  }
  switch (row.scope) {
    case Scope::both: return true;
    case Scope::container: return options.container;
    case Scope::shared_pids: return options.shared_pid_namespace;
    case Scope::broker: return options.broker;
    case Scope::egress: return options.egress;
    case Scope::rehearsal: return options.rehearsal;
    case Scope::terminals: return !options.terminals;
    case Scope::debugging: return !options.debugging;
  }
  return true;
}

Result<std::vector<sock_filter>> compile_filter(const FilterOptions& options) {
  // Set by hand, so that libseccomp doesn't probe the running kernel: the program is the same everywhere, and a
  // kernel without notification refuses it when it is loaded. 5 is the first level that has notification.
  constexpr unsigned kApiLevel = 5;
  if (const int error = seccomp_api_set(kApiLevel); error != 0) return refused("libseccomp is too old", -error);

  const std::vector<Call> calls = calls_of(options);
  const std::vector<std::span<const Call>> parts = parts_of(calls);
  const Fd file{::memfd_create("cofferdam-filter", MFD_CLOEXEC)};
  if (!file) return refused("memfd_create", errno);
  std::vector<std::size_t> starts;
  off_t size = 0;
  for (const std::span<const Call> part : parts) {
    starts.push_back(static_cast<std::size_t>(size) / sizeof(sock_filter));
    if (Result<void> exported = export_part(part, file.get()); !exported) {
      return std::unexpected(std::move(exported.error()));
    }
    size = ::lseek(file.get(), 0, SEEK_CUR);
    if (size <= 0 || size % static_cast<off_t>(sizeof(sock_filter)) != 0) return refused("exported program", EIO);
  }

  std::vector<sock_filter> program = dispatcher(calls, parts, starts);
  const std::size_t prefix = program.size();
  program.resize(prefix + static_cast<std::size_t>(size) / sizeof(sock_filter));
  if (program.size() > BPF_MAXINSNS) return refused("program too long", E2BIG);
  if (::pread(file.get(), &program[prefix], static_cast<std::size_t>(size), 0) != size) return refused("read", EIO);
  return program;
}

int load_filter(const sock_fprog* program, unsigned flags) noexcept {
  const unsigned long wanted = flags | SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  long listener = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, wanted, program);
  if (listener < 0 && errno == EINVAL) {
    const unsigned long older = wanted & ~static_cast<unsigned long>(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    listener = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, older, program);
  }
  return listener < 0 ? -errno : static_cast<int>(listener);
}

}  // namespace cofferdam::kernel
