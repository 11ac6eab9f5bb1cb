#include "support/bpf_evaluator.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace cofferdam::test {
namespace {

struct Machine {
  std::uint32_t accumulator = 0;
  std::uint32_t index = 0;
  std::array<std::uint32_t, BPF_MEMWORDS> scratch{};
  std::array<bool, BPF_MEMWORDS> written{};
};

std::unexpected<Error> broken(std::size_t at, const std::string& what) {
  return fail("bpf: instruction " + std::to_string(at) + ": " + what, EINVAL);
}

bool jump_taken(std::uint16_t operation, std::uint32_t accumulator, std::uint32_t operand) {
  switch (operation) {
    case BPF_JEQ: return accumulator == operand;
    case BPF_JGT: return accumulator > operand;
    case BPF_JGE: return accumulator >= operand;
    default: return (accumulator & operand) != 0;  // BPF_JSET
  }
}
}  // namespace

Result<std::uint32_t> evaluate(std::span<const sock_filter> program, const seccomp_data& data) {
  Machine machine;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& step = program[at];
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (step.k % 4 != 0 || step.k > sizeof(data) - 4) return broken(at, "load outside seccomp_data");
        std::memcpy(&machine.accumulator, reinterpret_cast<const char*>(&data) + step.k, 4);
        break;
      case BPF_LD | BPF_IMM: machine.accumulator = step.k; break;
      case BPF_LDX | BPF_IMM: machine.index = step.k; break;
      case BPF_LD | BPF_MEM:
      case BPF_LDX | BPF_MEM:
        if (step.k >= BPF_MEMWORDS || !machine.written.at(step.k)) return broken(at, "read of an unwritten slot");
        ((step.code & BPF_LDX) == BPF_LDX ? machine.index : machine.accumulator) = machine.scratch.at(step.k);
        break;
      case BPF_ST:
      case BPF_STX:
        if (step.k >= BPF_MEMWORDS) return broken(at, "scratch slot out of bounds");
        machine.scratch.at(step.k) = step.code == BPF_ST ? machine.accumulator : machine.index;
        machine.written.at(step.k) = true;
        break;
      case BPF_MISC | BPF_TAX: machine.index = machine.accumulator; break;
      case BPF_MISC | BPF_TXA: machine.accumulator = machine.index; break;
      case BPF_ALU | BPF_AND | BPF_K: machine.accumulator &= step.k; break;
      case BPF_ALU | BPF_AND | BPF_X: machine.accumulator &= machine.index; break;
      case BPF_JMP | BPF_JA:
        if (step.k >= program.size() - at - 1) return broken(at, "jump out of bounds");
        at += step.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
      case BPF_JMP | BPF_JGT | BPF_K:
      case BPF_JMP | BPF_JGE | BPF_K:
      case BPF_JMP | BPF_JSET | BPF_K: {
        const std::size_t left = program.size() - at - 1;
        if (step.jt >= left || step.jf >= left) return broken(at, "jump out of bounds");
        at += jump_taken(BPF_OP(step.code), machine.accumulator, step.k) ? step.jt : step.jf;
        break;
      }
      case BPF_RET | BPF_K: return step.k;
      case BPF_RET | BPF_A: return machine.accumulator;
      default: return broken(at, "unknown code " + std::to_string(step.code));
    }
  }
  return broken(program.size(), "no return");
}

}  // namespace cofferdam::test
