#pragma once

#include <cstdlib>
#include <string>

namespace turnpike::test {

/// Sets TURNPIKE_BF16 while it lives.
class Bf16Environment {
 public:
  explicit Bf16Environment(const char* value) {
    const char* const before = std::getenv(name);
    before_ = before == nullptr ? "" : before;
    setenv(name, value, 1);
  }
  Bf16Environment(const Bf16Environment&) = delete;
  Bf16Environment& operator=(const Bf16Environment&) = delete;
  ~Bf16Environment() { setenv(name, before_.c_str(), 1); }

 private:
  static constexpr const char* name = "TURNPIKE_BF16";
  std::string before_;
};

}  // namespace turnpike::test
