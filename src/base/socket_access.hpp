#pragma once

#include <string>

namespace checkpg {

/// Why we may not connect to the UNIX socket `path`, and who may: "permission denied: it belongs to
/// root:haproxy, mode 0660: group haproxy may use it", or the same of the directory on the way
/// there that shuts us out. Users and groups are looked up in /etc/passwd and /etc/group only: the
/// name service would load libraries, which a static executable can't.
std::string explain_denied_access(const std::string& path);

} // namespace checkpg
