#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "program.hpp"

namespace turnpike::test {
namespace {

namespace fs = std::filesystem;

/// scripts/fetch-mnist.sh in a directory of its own, with a curl that takes the files from a directory.
class Fetch {
 public:
  [[nodiscard]] ProcessResult operator()(const std::string& from, const std::string& to) const {
    fs::create_directories(directory_ / "bin");
    const fs::path curl = directory_.write("bin/curl",
                                           "#!/bin/sh\n"
                                           "while [ $# -gt 1 ]; do\n"
                                           "  case $1 in --output) file=$2 ;; esac\n"
                                           "  shift\n"
                                           "done\n"
                                           "cp \"$FROM/${1##*/}\" \"$file\" || exit 6\n");
    fs::permissions(curl, fs::perms::owner_all);
    return run_process({"sh", "-c", "PATH=$PWD/bin:$PATH FROM=$1 exec \"$0\" \"$2\"",
                        (fs::path(TURNPIKE_SOURCE_DIR) / "scripts/fetch-mnist.sh").string(), from, to},
                       directory_.path());
  }
  [[nodiscard]] const TemporaryDirectory& directory() const { return directory_; }

 private:
  TemporaryDirectory directory_;
};

TEST_CASE("a download that fails or arrives damaged ends in a sentence and leaves nothing") {
  const Fetch fetch;
  const auto refused = [&](const ProcessResult& result, const std::string& fragment) {
    CAPTURE(result.err);
    CHECK(result.status == 1);
    CHECK(result.err.rfind("fetch-mnist: ", 0) == 0);
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    CHECK(result.err.find(fragment) != std::string::npos);
  };
  refused(fetch("/nowhere", "to"), "cannot be downloaded");
  fs::create_directories(fetch.directory() / "damaged");
  fetch.directory().write("damaged/train-images-idx3-ubyte.gz", "not MNIST");
  refused(fetch("damaged", "to"), "arrived damaged");
  CHECK(fs::is_empty(fetch.directory() / "to"));
  fetch.directory().write("file", "");
  refused(fetch("damaged", "file"), "cannot be made");
}

TEST_CASE("what has been fetched is kept, and what is damaged fetched again") {
  const char* const mnist = std::getenv("TURNPIKE_MNIST_DIR");
  if (mnist == nullptr) {
    MESSAGE("skipped: TURNPIKE_MNIST_DIR names no directory with MNIST");
    return;
  }
  const Fetch fetch;
  REQUIRE(fetch(mnist, "to").status == 0);
  fetch.directory().write("to/t10k-labels-idx1-ubyte.gz", "damaged");
  const ProcessResult again = fetch(mnist, "to");
  CHECK(again.status == 0);
  CHECK(again.out.find("train-images-idx3-ubyte.gz is there") != std::string::npos);
  CHECK(again.out.find("t10k-labels-idx1-ubyte.gz is there") == std::string::npos);
  CHECK(fetch("/nowhere", "to").status == 0);
}

}  // namespace
}  // namespace turnpike::test
