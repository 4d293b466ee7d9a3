#include "cli/interrupt.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string_view>

namespace turnpike::cli {

namespace {

constexpr std::array<int, 3> signals = {SIGINT, SIGTERM, SIGHUP};

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

bool is_ours(const struct sigaction& action);

/// What to say before the program is ended; empty while it is only asked to stop.
std::array<char, 4096> last_words{};
std::atomic<std::size_t> last_words_size{0};

extern "C" void remember_interrupt(int /*signal*/) {
  const int error = errno;
  if (const std::size_t size = last_words_size.load(); size > 0) {
    [[maybe_unused]] const ssize_t said = write(STDERR_FILENO, last_words.data(), size);
    _exit(130);
  }
  interrupted.store(true);
  for (const int signal : signals) {  // the next one takes its usual course
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) == 0 && is_ours(action)) {
      action.sa_handler = SIG_DFL;
      (void)sigaction(signal, &action, nullptr);
    }
  }
  constexpr std::string_view message = "\nturnpike: stopping; a second signal ends at once\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, message.data(), message.size());
  errno = error;
}

bool is_ours(const struct sigaction& action) { return action.sa_handler == remember_interrupt; }

/// The handler runs on a stack of its own: oneDNN's generated kernels keep the stack pointer in their packed
/// factors, which are on the heap, and a handler's frame would be written there.
void give_own_stack() {
  static std::array<char, std::size_t{1} << 16> memory;
  stack_t stack{};
  stack.ss_sp = memory.data();
  stack.ss_size = memory.size();
  (void)sigaltstack(&stack, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupted.store(false);
  last_words_size.store(0);
  give_own_stack();
  for (std::size_t i = 0; i < signals.size(); ++i) {
    (void)sigaction(signals[i], nullptr, &former_[i]);
    if (former_[i].sa_handler == SIG_IGN) {
      continue;
    }
    struct sigaction action {};
    action.sa_handler = remember_interrupt;
    action.sa_flags = static_cast<int>(SA_RESTART | SA_ONSTACK);
    (void)sigfillset(&action.sa_mask);
    (void)sigaction(signals[i], &action, nullptr);
  }
}

InterruptGuard::~InterruptGuard() {
  for (std::size_t i = 0; i < signals.size(); ++i) {
    (void)sigaction(signals[i], &former_[i], nullptr);
  }
}

const std::atomic<bool>& InterruptGuard::requested() const { return interrupted; }

void InterruptGuard::end_with(const std::string& message) {
  const std::size_t size = std::min(message.size(), last_words.size());
  std::copy_n(message.begin(), size, last_words.begin());
  last_words_size.store(size);
}

}  // namespace turnpike::cli
