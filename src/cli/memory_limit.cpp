#include "cli/memory_limit.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>

namespace turnpike::cli {

namespace {

/// The number in `file`; 0 when there is none.
std::uint64_t number_in(const char* file) {
  std::uint64_t number = 0;
  return std::ifstream(file) >> number ? number : 0;
}

}  // namespace

void limit_memory() {
#ifndef __SANITIZE_ADDRESS__
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0) {
    return;
  }
  std::uint64_t most = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page);
  for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    const std::uint64_t limit = number_in(file);
    most = limit > 0 ? std::min(most, limit) : most;
  }
  rlimit data{};
  if (getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_cur > most) {
    data.rlim_cur = most;
    (void)setrlimit(RLIMIT_DATA, &data);
  }
#endif
}

}  // namespace turnpike::cli
