#include "run/write_prediction.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.hpp"
#include "plan/storage.hpp"
#include "policy/rule_catalog.hpp"
#include "report/classify.hpp"
#include "report/framework.hpp"
#include "report/loss_kinds.hpp"
#include "run/prepare.hpp"

namespace cofferdam::run {

namespace {

bool exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

// The deepest directory or file on the way to `path` that is there.
std::string existing_part(std::string path) {
  while (path != "/" && !exists(path)) path = parent_of(path);
  return path;
}

std::string canonical_of(const std::string& path) {
  const std::string there = existing_part(path);
  const std::string canonical = plan::canonical(there);
  if (there == path) return canonical;
  return base::normalise_path(canonical + "/" + path.substr(there == "/" ? 1 : there.size() + 1));
}

const plan::PlannedMount* mount_of(const plan::Plan& plan, const std::string& path) {
  const plan::PlannedMount* deepest = nullptr;
  for (const plan::PlannedMount& mount : plan.mounts) {
    if (!base::is_beneath(path, mount.path)) continue;
    if (deepest == nullptr || mount.path.size() > deepest->path.size()) deepest = &mount;
  }
  return deepest;
}

bool is_hidden(const plan::PlannedMount& mount, const std::string& path) {
  return std::ranges::any_of(mount.hidden, [&](const std::string& name) {
    return base::is_beneath(path, (mount.path == "/" ? "" : mount.path) + "/" + name);
  });
}

// A host's file that is shown in the middle of a tmpfs.
bool is_bound(const plan::Plan& plan, const plan::PlannedMount& mount, const std::string& path) {
  return std::ranges::any_of(plan.binds, [&](const plan::PlannedBind& bind) {
    return base::is_beneath(path, bind.path) && base::is_beneath(bind.path, mount.path);
  });
}

void refuse(WritePrediction& prediction, const char* error, std::string why) {
  prediction.fate = WriteFate::refused;
  prediction.error = error;
  prediction.why = std::move(why);
}

void admit(WritePrediction& prediction, WriteFate fate, std::string why) {
  prediction.fate = fate;
  prediction.why = std::move(why);
}

void decide_without_mount(const plan::Plan& plan, WritePrediction& prediction) {
  const std::string& path = prediction.path;
  prediction.policy.key = "storage.mounts";
  if (plan.mode == Mode::local) {
    const bool own = base::is_beneath(path, "/dev") || base::is_beneath(path, "/proc");
    refuse(prediction, "EROFS",
           own ? "an instance has /dev and /proc of its own: its devices can be used, no file can be made"
               : "everything is read-only that no row of the policy names");
    return;
  }
  const bool open = std::ranges::any_of(plan.foreign_mounts, [&](const kernel::MountEntry& entry) {
    return entry.mount_point == "/" || base::is_beneath(path, entry.mount_point);
  });
  if (plan.host.landlock_abi == 0 && open) {
    admit(prediction, WriteFate::unhindered, "no row of the policy names it, but there is no Landlock to stop it");
    return;
  }
  refuse(prediction, plan.host.landlock_abi == 0 ? "EROFS" : "EACCES",
         "no tmpfs of this container that the policy names lies there");
}

void decide(const plan::Plan& plan, WritePrediction& prediction) {
  const std::string& path = prediction.path;
  const plan::PlannedMount* mount = mount_of(plan, path);
  if (mount == nullptr) {
    decide_without_mount(plan, prediction);
    return;
  }
  prediction.policy = mount->policy;
  const std::string on = std::string(to_string(mount->type)) + " on " + mount->path;
  if (mount->type == MountType::read_only) {
    refuse(prediction, "EROFS", on);
  } else if (is_bound(plan, *mount, path)) {
    refuse(prediction, "EROFS", "the host's own file is shown there, read-only");
  } else if (mount->type == MountType::hidden || is_hidden(*mount, parent_of(path))) {
    refuse(prediction, "ENOENT", "the directory is hidden");
  } else if (mount->type == MountType::persistent) {
    admit(prediction, WriteFate::kept, on);
  } else if (is_hidden(*mount, path)) {
    admit(prediction, WriteFate::lost, on + "; what the host has there is hidden");
  } else {
    admit(prediction, WriteFate::lost, on + (mount->size == 0 ? "" : ", " + base::human_bytes(mount->size)));
  }
  // A tmpfs is empty at the start; elsewhere the host's own rights stay.
  const std::string there = existing_part(path);
  const bool rights_count = mount->type == MountType::overlay || mount->type == MountType::persistent;
  if (prediction.fate != WriteFate::refused && rights_count && access(there.c_str(), W_OK) != 0 && errno == EACCES) {
    refuse(prediction, "EACCES", "the rights of " + there + " do not allow it");
  }
}

// As which finding the loss of a file would be told.
void foresee_finding(const std::string& directory, const std::map<std::string, std::string>& environment,
                     WritePrediction& prediction) {
  ScannedChange change{prediction.path, "file", exists(prediction.path) ? Change::modified : Change::created};
  const report::LossKind* kind = report::find_loss_kind(report::classify(change, nullptr, directory));
  if (kind == nullptr) return;
  prediction.code = kind->code;
  prediction.title = std::string(policy::find_rule(kind->code)->title);
  prediction.production = kind->why;
  prediction.fix = report::fix_of(
      kind->file_class, report::frameworks_of(nullptr, prediction.path, report::read_project(directory, environment)),
      nullptr);
}

}  // namespace

Result<WritePrediction> predict_write(const RunRequest& request, const std::string& path, Say say) {
  auto intent = read_intent(request, say);
  if (!intent) return fail(intent.error().message, 0, 2);
  auto host = plan::read_host_facts(request.environment);
  if (!host) return std::unexpected(host.error());
  const Policy& policy = intent->policy;
  plan::Plan plan;
  plan.host = std::move(*host);
  plan.mode = policy.mode != Mode::automatic ? policy.mode : plan.host.in_container ? Mode::container : Mode::local;
  auto stored = plan.mode == Mode::local ? plan::plan_local_storage(policy, intent->wanted, plan)
                                         : plan::plan_container_storage(policy, plan);
  if (!stored) return std::unexpected(stored.error());

  WritePrediction prediction;
  prediction.path =
      canonical_of(base::normalise_path(path.starts_with('/') ? path : request.working_directory + "/" + path));
  decide(plan, prediction);
  if (prediction.fate == WriteFate::lost) {
    foresee_finding(request.working_directory, intent->wanted.environment, prediction);
  }
  return prediction;
}

}  // namespace cofferdam::run
