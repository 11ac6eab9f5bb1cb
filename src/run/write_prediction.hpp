// What would become of a file that the app writes: what a run would do, said without a run.
#pragma once

#include <optional>
#include <string>

#include "cofferdam/event.hpp"
#include "run/run.hpp"

namespace cofferdam::run {

// unhindered: container mode without Landlock, where no row names the place and nothing stops the write either.
enum class WriteFate { lost, kept, unhindered, refused };

struct WritePrediction {
  std::string path;  // canonical, as the app sees it
  WriteFate fate = WriteFate::refused;
  std::string error;       // refused: "EROFS", "EACCES", "ENOENT"; else empty
  std::string why;         // one sentence
  PolicyRef policy;        // the row that decides; without a file when no row does
  std::string code;        // of the finding that the loss would be, empty when it has no class of its own
  std::string title;       // of that code
  std::string production;  // what production makes of it, with the code
  std::string fix;         // the way out, with the code
};

// `path` is absolute or relative to the request's directory; it need not exist. `request` gives policy, environment and
// directory; its argv is not used. Nothing is written. A file is judged by its name and place, not by what would be in
// it. Errors are those of the policy (exit code 2) and of a storage that can't be given here (125).
[[nodiscard]] Result<WritePrediction> predict_write(const RunRequest& request, const std::string& path, Say say);

}  // namespace cofferdam::run
