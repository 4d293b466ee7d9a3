#pragma once

#include <filesystem>

#include "io/descriptor.hpp"

namespace turnpike {

/// Holds a directory against other processes of this program that write it, until destroyed or until the
/// process ends in whatever way; no file tells of it.
class DirectoryLock {
 public:
  /// Throws InputError when another lock holds the existing `directory`, or when it cannot be opened or
  /// locked. A directory of a file system without locks of directories, as NFS is, is not held.
  explicit DirectoryLock(const std::filesystem::path& directory);

 private:
  Descriptor descriptor_;
};

}  // namespace turnpike
