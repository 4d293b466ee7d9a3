#include "io/directory_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <cerrno>
#include <cstring>

#include "turnpike/error.hpp"

namespace turnpike {

namespace {

/// Whether a lock of a directory fails with `error` where the file system has none.
bool has_no_locks(int error) {
  return error == ENOTSUP || error == ENOSYS || error == ENOLCK ||
         error == EBADF;  // NFS locks what is open for writing only, which a directory never is
}

}  // namespace

DirectoryLock::DirectoryLock(const std::filesystem::path& directory)
    : descriptor_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_.get() < 0) {
    throw InputError(
        fmt::format("the directory '{}' cannot be opened: {}; mend its permissions or choose "
                    "another with --out",
                    directory.string(), std::strerror(errno)));
  }
  if (::flock(descriptor_.get(), LOCK_EX | LOCK_NB) == 0) {
    return;
  }
  const int error = errno;
  if (error == EWOULDBLOCK) {
    throw InputError(
        fmt::format("another process is writing '{}'; wait for its end, or choose another "
                    "directory",
                    directory.string()));
  }
  if (!has_no_locks(error)) {
    throw InputError(fmt::format("the directory '{}' cannot be locked: {}; choose another with --out",
                                 directory.string(), std::strerror(error)));
  }
}

}  // namespace turnpike
