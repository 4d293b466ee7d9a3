#include "io/directory_lock.hpp"

#include <doctest/doctest.h>

#include <optional>

#include "temporary_directory.hpp"
#include "turnpike/error.hpp"

namespace turnpike {
namespace {

TEST_CASE("a directory is locked once, until the lock ends, and nothing is left in it") {
  const test::TemporaryDirectory directory;
  std::optional<DirectoryLock> lock(directory.path());
  CHECK_THROWS_AS(DirectoryLock{directory.path()}, InputError);
  lock.reset();
  CHECK_NOTHROW(DirectoryLock{directory.path()});
  CHECK(std::filesystem::is_empty(directory.path()));
  CHECK_THROWS_AS(DirectoryLock{directory / "missing"}, InputError);
}

}  // namespace
}  // namespace turnpike
