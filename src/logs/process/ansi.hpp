// Takes escape sequences out of text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cofferdam::logs {

// `text` without what a terminal takes for a command (ECMA-48, xterm): `text` itself when there is nothing of it, else
// a view of `scratch`, which is written anew.
// - CSI (ESC [ ... final byte): colours, cursor movements;
// - OSC (ESC ], to BEL or ST), DCS, SOS, PM, APC and tmux's title (ESC P, X, ^, _, k, to ST): titles, links, the
//   clipboard, queries; CAN, SUB and another sequence end them, too;
// - ESC and one character, with intermediate bytes or without; an ESC alone;
// - the C1 controls in UTF-8 (U+0080 to U+009F), as those that they stand for. A lone byte 0x80 to 0x9f is none.
// A sequence without an end within kLongestSequence bytes, or within the text, hides nothing: its introducer goes, what
// follows is text. Everything else stays: CR, BS, BEL, NUL, bytes that are no UTF-8 (but for 0xc2 where taking out
// what follows it would make a C1 control of it).
[[nodiscard]] std::string_view strip_ansi(std::string_view text, std::string& scratch);

inline constexpr std::size_t kLongestSequence = 4096;

}  // namespace cofferdam::logs
