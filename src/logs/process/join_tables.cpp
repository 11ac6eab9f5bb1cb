#include "logs/process/join_tables.hpp"

#include <algorithm>
#include <array>

#include "logs/process/join_matchers.hpp"

namespace cofferdam::logs {

namespace {

using enum JoinState;
using enum JoinVerdict;
using enum JoinHold;
using namespace match;

constexpr std::array kBegin = std::to_array<BeginRow>({
    // Rows are in the order of their first byte; rows without a prefix begin with a digit.
    {"", kElixir, elixir_logged, possible, false, elixir_error},
    {"  + Exception Group Traceback (most recent call last):", kPython, python_group, confirmed, true},
    {"  File \"", kPython, python_syntax, possible, false, python_file_alone},
    {"#<Thread:", kRuby, ruby_thread, possible},
    {"** (", kElixir, elixir_head, confirmed, true, elixir_exception},
    {"<anonymous_script>:", kNode, node_source, possible, false, any_source_place},
    {"=CRASH REPORT==== ", kElixir, erlang_report, confirmed},
    {"=ERROR REPORT==== ", kElixir, erlang_report, confirmed},
    {"=SUPERVISOR REPORT==== ", kElixir, erlang_report, confirmed},
    {"==================", kSanitizer | kGo, sanitizer_rule, possible, false, equals_signs},
    {"==", kSanitizer, sanitizer_report, confirmed, false, sanitizer_mark},
    {"AddressSanitizer:DEADLYSIGNAL", kSanitizer, sanitizer_rule, possible},
    {"Error in atexit._run_exitfuncs:", kPython, python_head, possible},
    {"Error in sys.excepthook:", kPython, python_head, possible},
    {"Exception Group Traceback (most recent call last):", kPython, python_group, confirmed, true},
    {"Exception ignored ", kPython, python_head, possible},
    {"Exception in callback ", kPython, python_head, possible},
    {"Exception in thread \"", kJava, head, confirmed},
    {"Exception in thread ", kPython, python_head, possible},
    {"Fatal Python error: ", kPython, python_fatal, confirmed},
    {"Fatal error: ", kPhp, php_head, confirmed, false, php_fatal},
    {"PHP Fatal error: ", kPhp, php_head, confirmed, false, php_fatal},
    {"SIG", kGo, go_head, possible, false, go_signal},
    {"Stack (most recent call last):", kPython, python_stack, confirmed, true},
    {"Task exception was never retrieved", kPython, python_head, possible},
    {"Traceback (most recent call last):", kPython | kRuby, python_frames, confirmed, true},
    {"UndefinedBehaviorSanitizer:DEADLYSIGNAL", kSanitizer, sanitizer_rule, possible},
    {"Unhandled Exception:", kDotnet, dotnet_head, possible},
    {"Unhandled exception. ", kDotnet, dotnet_head, confirmed},
    {"[", kPhp, php_head, confirmed, false, php_dated_fatal},
    {"[ERROR] FATAL UNHANDLED EXCEPTION: ", kDotnet, dotnet_head, confirmed},
    {"[eval]:", kNode, node_source, possible, false, any_source_place},
    {"concurrent.futures.process._RemoteTraceback:", kPython, python_last, possible, true},
    {"crit: ", kDotnet, dotnet_logged, possible, false, dotnet_category},
    {"fail: ", kDotnet, dotnet_logged, possible, false, dotnet_category},
    {"fatal error: ", kGo, go_head, confirmed},
    {"file:///", kNode, node_source, possible, false, any_source_place},
    {"future: <Task ", kPython, python_head, possible, true},
    {"goroutine ", kGo, go_frames, possible, true, goroutine},
    {"multiprocessing.pool.RemoteTraceback:", kPython, python_last, possible, true},
    {"node:", kNode, node_source, possible, false, any_source_place},
    {"panic: ", kGo, go_head, confirmed},
    {"runtime: ", kGo, go_head, possible},
    {"thread '", kRust, rust_head, confirmed, false, rust_panic_above},
    {"thread '", kRust, rust_message, confirmed, false, rust_panic},
    {"unexpected fault address ", kGo, go_head, possible},
    {"warn: ", kDotnet, dotnet_logged, possible, false, dotnet_category},
});
static_assert(std::ranges::is_sorted(kBegin, {},
                                     [](const BeginRow& row) { return row.prefix.empty() ? '\0' : row.prefix[0]; }));

constexpr std::array kStep = std::to_array<StepRow>({
    // Rows are in the order of their state.
    {head, any_java_frame, "", joins, java_frames, kJava},
    {head, node_frame_with_properties, "", joins, node_properties, kNode},
    {head, any_node_frame, "", joins, node_frames, kNode},
    {head, any_dotnet_frame, "", joins, dotnet_frames, kDotnet},
    {head, starts, " ---> ", joins, dotnet_frames, kDotnet},
    {head, equals, "Stack trace:", joins, php_frames, kPhp},
    {head, starts, "Caused by: ", joins, java_caused, kJava},
    {head, blank, "", may, head_gap, kRust},
    {head, text_line, "", may, head},
    {head_gap, equals, "Caused by:", joins, rust_causes, kRust},

    {java_frames, starts, "Caused by: ", joins, java_caused},
    {java_frames, starts, "Wrapped by: ", joins, java_caused},
    {java_frames, starts, "\tSuppressed: ", joins, java_caused},
    {java_frames, any_java_frame, "", joins, java_frames},
    {java_frames, starts, "\t... ", joins, java_frames},
    {java_frames, starts, "    ... ", joins, java_frames},
    {java_frames, starts, "\t[CIRCULAR REFERENCE:", joins, java_frames},
    {java_frames, starts, "[CIRCULAR REFERENCE:", joins, java_frames},
    {java_frames, starts, "\tCaused by: ", joins, java_caused},
    {java_frames, starts, "\t\t", joins, java_frames},
    {java_caused, any_java_frame, "", joins, java_frames},
    {java_caused, inner, "... ", joins, java_frames},
    {java_caused, inner, "Caused by: ", joins, java_caused},
    {java_caused, text_line, "", may, java_caused},

    {python_head, equals, "Traceback (most recent call last):", joins, python_frames},
    {python_head, starts, "future: ", may, python_head},
    {python_head, starts, "handle: ", may, python_head},
    {python_frames, numbered_from, "", joins, ruby_reversed, kRuby},
    {python_frames, indented, "  ", joins, python_frames, kPython},
    {python_frames, any_python_error, "", joins, python_last, kPython},
    {python_stack, indented, "  ", joins, python_stack},
    {python_last, blank, "", may, python_gap},
    {python_last, indented, "  ", joins, python_last},
    {python_last, starts, "LINE ", joins, python_last},
    {python_last, starts, "DETAIL: ", joins, python_last},
    {python_last, starts, "HINT: ", joins, python_last},
    {python_last, starts, "CONTEXT: ", joins, python_last},
    {python_last, starts, "[SQL: ", joins, python_last},
    {python_last, starts, "[parameters: ", joins, python_last},
    {python_last, starts, "(Background on this error at: ", joins, python_last},
    {python_last, equals, "\"\"\"", may, python_link},
    {python_gap, equals, "During handling of the above exception, another exception occurred:", joins, python_link},
    {python_gap, starts, "The above exception was the direct cause of ", joins, python_link},
    {python_gap, starts, "[SQL: ", joins, python_last},
    {python_link, blank, "", may, python_link},
    {python_link, equals, "Traceback (most recent call last):", joins, python_frames},
    {python_link, starts, "  + Exception Group Traceback", joins, python_group},
    {python_link, starts, "The above exception was the direct cause of ", joins, python_link},
    {python_group, group_line, "", joins, python_group},
    {python_group, blank, "", may, python_gap},
    {python_syntax, indented, "    ", may, python_syntax},
    {python_syntax, any_python_error, "", joins, python_last},
    {python_fatal, blank, "", may, python_fatal},
    {python_fatal, starts, "Current thread 0x", joins, python_fatal},
    {python_fatal, starts, "Thread 0x", joins, python_fatal},
    {python_fatal, starts, "Python runtime state: ", joins, python_fatal},
    {python_fatal, starts, "Extension modules: ", joins, python_fatal},
    {python_fatal, indented, "  ", joins, python_fatal},

    {node_source, any, "", may, node_caret},
    {node_caret, any_caret, "", joins, node_thrown},
    {node_thrown, blank, "", joins, node_message},
    {node_thrown, text_line, "", joins, node_message},
    {node_message, node_frame_with_properties, "", joins, node_properties},
    {node_message, any_node_frame, "", joins, node_frames},
    {node_message, starts, "Node.js v", closes, none},
    {node_message, starts, "(Use `node --trace-uncaught", joins, node_gap},
    {node_message, ends_like_properties, "", may, node_properties},
    {node_message, text_line, "", may, node_message},
    {node_frames, node_frame_with_properties, "", joins, node_properties},
    {node_frames, indented, "    ", joins, node_frames},
    {node_frames, starts, "Emitted 'error' event ", joins, node_frames},
    {node_frames, starts, "caused by: ", joins, node_frames},
    {node_frames, starts, "From previous event:", joins, node_frames},
    {node_frames, blank, "", may, node_gap},
    {node_properties, indented, "  ", joins, node_properties},
    {node_properties, starts, "}", joins, node_frames},
    {node_gap, blank, "", may, node_gap},
    {node_gap, starts, "Node.js v", closes, none},
    {node_gap, starts, "Thrown at:", joins, node_frames},

    {go_head, goroutine, "", joins, go_frames},
    {go_head, starts, "fatal error: ", joins, go_head},
    {go_head, starts, "\tpanic: ", joins, go_head},
    {go_head, starts, "[signal ", joins, go_head},
    {go_head, equals, "runtime stack:", joins, go_frames},
    {go_head, starts, "exit status ", closes, none},
    {go_head, text_line, "", may, go_head},
    {go_gap, blank, "", may, go_gap},
    {go_gap, goroutine, "", joins, go_frames},
    {go_gap, equals, "runtime stack:", joins, go_frames},
    {go_gap, register_line, "", joins, go_gap},
    {go_gap, starts, "exit status ", closes, none},
    {go_frames, starts, "\t", joins, go_frames},
    {go_frames, starts, "created by ", joins, go_frames},
    {go_frames, any_go_call, "", may, go_called},
    {go_frames, blank, "", may, go_gap},
    {go_frames, starts, "exit status ", closes, none},
    {go_frames, starts, "...", joins, go_frames},
    {go_called, starts, "\t", joins, go_frames},
    {go_race, equals_signs, "", closes, none},
    {go_race, indented, "  ", joins, go_race},
    {go_race, blank, "", joins, go_race},
    {go_race, starts, "Goroutine ", joins, go_race},
    {go_race, holds, " at 0x", joins, go_race},

    {ruby_head, starts, "\tfrom ", joins, ruby_frames},
    {ruby_head, any_ruby_head, "", ends, none},
    {ruby_head, any_caret, "", joins, ruby_head},
    {ruby_head, starts, "Did you mean?", joins, ruby_head},
    {ruby_head, text_line, "", may, ruby_head},
    {ruby_frames, starts, "\tfrom ", joins, ruby_frames},
    {ruby_frames, inner, "... ", joins, ruby_frames},
    {ruby_frames, any_ruby_head, "", may, ruby_head},
    {ruby_reversed, numbered_from, "", joins, ruby_reversed},
    {ruby_reversed, inner, "... ", joins, ruby_reversed},
    {ruby_reversed, any_ruby_head, "", joins, ruby_reversed},
    {ruby_thread, any_ruby_head, "", joins, ruby_head},
    {ruby_thread, equals, "Traceback (most recent call last):", joins, python_frames},
    {ruby_places, any_ruby_place, "", joins, ruby_places},

    {rust_head, text_line, "", joins, rust_message},
    {rust_message, holds, "with `RUST_BACKTRACE=", closes, none},
    {rust_message, equals, "stack backtrace:", joins, rust_frames},
    {rust_message, starts, "  left: ", joins, rust_message},
    {rust_message, starts, " right: ", joins, rust_message},
    {rust_message, starts, "fatal runtime error: ", closes, none},
    {rust_message, starts, "thread caused non-unwinding panic", closes, none},
    {rust_message, rust_panic, "", ends, none},
    {rust_message, text_line, "", may, rust_message},
    {rust_frames, rust_call, "", joins, rust_frames},
    {rust_frames, inner, "at ", joins, rust_frames},
    {rust_frames, inner, "[... omitted ", joins, rust_frames},
    {rust_frames, holds, "with `RUST_BACKTRACE=", closes, none},
    {rust_frames, starts, "thread caused non-unwinding panic", closes, none},
    {rust_causes, indented, "    ", joins, rust_causes},
    {rust_causes, blank, "", may, rust_causes},
    {rust_causes, equals, "Stack backtrace:", joins, rust_frames},
    {rust_causes, equals, "Location:", joins, rust_causes},

    {dotnet_head, any_dotnet_frame, "", joins, dotnet_frames},
    {dotnet_head, starts, " ---> ", joins, dotnet_head},
    {dotnet_head, text_line, "", may, dotnet_head},
    {dotnet_frames, any_dotnet_frame, "", joins, dotnet_frames},
    {dotnet_frames, inner, "--- End of ", joins, dotnet_frames},
    {dotnet_frames, starts, " ---> ", joins, dotnet_head},
    {dotnet_frames, starts, "---> ", joins, dotnet_head},
    {dotnet_logged, indented, "      ", joins, dotnet_logged},

    {php_head, equals, "Stack trace:", joins, php_frames},
    {php_head, text_line, "", may, php_head},
    {php_frames, numbered_frame, "", joins, php_frames},
    {php_frames, starts, "  thrown in ", closes, none},
    {php_frames, blank, "", may, php_gap},
    {php_frames, equals, "[stacktrace]", joins, php_frames},
    {php_frames, starts, "[previous exception] ", joins, php_frames},
    {php_frames, starts, "\"}", closes, none},
    {php_gap, starts, "Next ", joins, php_head},
    {php_gap, starts, "[previous exception] ", joins, php_frames},

    {elixir_logged, starts, "** (", joins, elixir_head},
    {elixir_logged, indented, "    ", joins, elixir_frames},
    {elixir_head, indented, "    ", joins, elixir_frames},
    {elixir_head, text_line, "", may, elixir_head},
    {elixir_frames, indented, "    ", joins, elixir_frames},
    {elixir_frames, starts, "Last message", joins, elixir_server},
    {elixir_frames, starts, "Function: ", joins, elixir_server},
    {elixir_frames, starts, "Initial Call: ", joins, elixir_server},
    {elixir_server, starts, "State: ", joins, elixir_server},
    {elixir_server, starts, "Client ", joins, elixir_server},
    {elixir_server, starts, "Ancestors: ", joins, elixir_server},
    {elixir_server, starts, "Message: ", joins, elixir_server},
    {elixir_server, indented, "    ", joins, elixir_server},
    {elixir_server, blank, "", may, elixir_server},
    {erlang_report, blank, "", ends, none},
    {erlang_report, text_line, "", joins, erlang_report},

    {sanitizer_rule, sanitizer_mark, "", joins, sanitizer_report, kSanitizer},
    {sanitizer_rule, starts, "WARNING: ThreadSanitizer: ", joins, sanitizer_race, kSanitizer},
    {sanitizer_rule, equals, "WARNING: DATA RACE", joins, go_race, kGo},
    {sanitizer_rule, equals_signs, "", may, sanitizer_rule, kSanitizer},
    {sanitizer_report, aborting, "", closes, none},
    {sanitizer_report, indented, "  ", joins, sanitizer_report},
    {sanitizer_report, blank, "", may, sanitizer_report},
    {sanitizer_report, pid_mark, "", joins, sanitizer_report},
    {sanitizer_report, starts, "READ of size ", joins, sanitizer_report},
    {sanitizer_report, starts, "WRITE of size ", joins, sanitizer_report},
    {sanitizer_report, starts, "0x", joins, sanitizer_report},
    {sanitizer_report, starts, "=>0x", joins, sanitizer_report},
    {sanitizer_report, starts, "freed by thread ", joins, sanitizer_report},
    {sanitizer_report, starts, "previously allocated by ", joins, sanitizer_report},
    {sanitizer_report, starts, "allocated by thread ", joins, sanitizer_report},
    {sanitizer_report, starts, "Thread T", joins, sanitizer_report},
    {sanitizer_report, starts, "Address 0x", joins, sanitizer_report},
    {sanitizer_report, starts, "HINT: ", joins, sanitizer_report},
    {sanitizer_report, starts, "SUMMARY: ", joins, sanitizer_report},
    {sanitizer_report, starts, "Shadow byte", joins, sanitizer_report},
    {sanitizer_report, starts, "Direct leak of ", joins, sanitizer_report},
    {sanitizer_report, starts, "Indirect leak of ", joins, sanitizer_report},
    {sanitizer_report, starts, "AddressSanitizer can not ", joins, sanitizer_report},
    {sanitizer_report, starts, "UndefinedBehaviorSanitizer can not ", joins, sanitizer_report},
    {sanitizer_report, starts, "Register values:", joins, sanitizer_report},
    {sanitizer_report, holds, " = 0x", joins, sanitizer_report},
    {sanitizer_race, equals_signs, "", closes, none},
    {sanitizer_race, indented, "  ", joins, sanitizer_race},
    {sanitizer_race, blank, "", joins, sanitizer_race},
    {sanitizer_race, starts, "SUMMARY: ThreadSanitizer: ", joins, sanitizer_race},
    {sanitizer_frames, holds, ": note: pointer points here", joins, sanitizer_frames},
    {sanitizer_frames, memory_bytes, "", joins, sanitizer_frames},
    {sanitizer_frames, any_caret, "", joins, sanitizer_frames},
    {sanitizer_frames, numbered_frame, "", joins, sanitizer_frames},
    {sanitizer_frames, starts, "SUMMARY: UndefinedBehaviorSanitizer: ", closes, none},
    {sanitizer_frames, blank, "", may, sanitizer_frames},
});
static_assert(std::ranges::is_sorted(kStep, {}, &StepRow::state));

struct Range {
  std::uint16_t from = 0;
  std::uint16_t size = 0;
};

// Which rows belong to a first byte, and to a state: found once, when this is compiled.
constexpr std::array<Range, 256> kBeginIndex = [] {
  std::array<Range, 256> index{};
  for (std::uint16_t i = 0; i < kBegin.size(); ++i) {
    if (kBegin[i].prefix.empty()) continue;
    Range& range = index[static_cast<unsigned char>(kBegin[i].prefix[0])];
    if (range.size++ == 0) range.from = i;
  }
  for (unsigned char digit = '0'; digit <= '9'; ++digit) index[digit] = {0, 1};
  return index;
}();

constexpr std::array<Range, static_cast<std::size_t>(JoinState::count)> kStepIndex = [] {
  std::array<Range, static_cast<std::size_t>(JoinState::count)> index{};
  for (std::uint16_t i = 0; i < kStep.size(); ++i) {
    Range& range = index[static_cast<std::size_t>(kStep[i].state)];
    if (range.size++ == 0) range.from = i;
  }
  return index;
}();

}  // namespace

std::span<const BeginRow> begin_rows(char first) {
  const Range range = kBeginIndex[static_cast<unsigned char>(first)];
  return std::span(kBegin).subspan(range.from, range.size);
}

std::span<const StepRow> step_rows(JoinState state) {
  const Range range = kStepIndex.at(static_cast<std::size_t>(state));
  return std::span(kStep).subspan(range.from, range.size);
}

std::span<const BeginRow> all_begin_rows() {
  return kBegin;
}

}  // namespace cofferdam::logs
