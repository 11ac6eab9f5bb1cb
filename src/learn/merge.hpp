// Adds what a run has shown to a policy file and leaves the rest of it as it stands, comments included.
#pragma once

#include <string>

#include "cofferdam/result.hpp"
#include "learn/lesson.hpp"

namespace cofferdam::learn {

// `text` is a valid policy, `lesson` what it lacks. Sizes of its rows are raised, new rows go to the end of their
// lists, lists that are not there are made. What it says in comments about places and findings is added
// to what earlier lessons said. With `denies_egress` destinations are rows of network.allow, else comments. The error
// says which list is not written as a block, and which rows should go there.
[[nodiscard]] Result<std::string> merged(const std::string& text, const Lesson& lesson, bool denies_egress);

}  // namespace cofferdam::learn
