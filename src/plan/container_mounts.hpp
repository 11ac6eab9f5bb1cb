// What the mounts of a container are, read off the mount table: a tmpfs of its own or somebody else's, a volume, a
// directory of the host. Pure.
#pragma once

#include <string>

#include "plan/host.hpp"

namespace cofferdam::plan {

// Why a tmpfs is not this container's own, to follow "it": "is the host's /dev/shm (--ipc host)". Empty when it is.
// What is seen: a directory of a tmpfs and not its root (a bind); a mount that follows one outside (a tmpfs volume);
// /dev/shm in the host's IPC namespace; one made more than ten seconds before the container's /dev. A host's tmpfs that
// is bound in whole within ten seconds of its making, or on a kernel without birth times, can't be told.
// In Kubernetes each tmpfs is taken for the pod's own: an emptyDir looks like all of these.
[[nodiscard]] std::string why_not_own(const kernel::MountEntry& tmpfs, const HostFacts& host);

// A file system of the kernel's own, which holds no files of the app.
[[nodiscard]] bool is_pseudo(const kernel::MountEntry& entry);

// What keeps its files when the container is gone: "the Docker volume uploads (ext4)", "an anonymous Docker volume
// (ext4)", "an emptyDir on the node's disk (ext4)", "a directory of the host, /srv/data (ext4)".
[[nodiscard]] std::string name_disk(const kernel::MountEntry& entry);
// True for the volume that Docker makes by itself: VOLUME in the image, or -v PATH without a source.
[[nodiscard]] bool is_anonymous_volume(const kernel::MountEntry& entry);

}  // namespace cofferdam::plan
