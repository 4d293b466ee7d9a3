#include "cli/interrupt.hpp"

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <string_view>

namespace turnpike::cli {

namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

extern "C" void remember_interrupt(int /*signal*/) {
  interrupted.store(true);
  constexpr std::string_view message = "\nturnpike: stopping; a second signal ends at once\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, message.data(), message.size());
}

/// The handler runs on a stack of its own: oneDNN's generated kernels keep the stack pointer in their packed
/// factors, which are on the heap, and a handler's frame would be written there.
void give_own_stack() {
  static std::array<char, std::size_t{1} << 16> memory;
  stack_t stack{};
  stack.ss_sp = memory.data();
  stack.ss_size = memory.size();
  (void)sigaltstack(&stack, nullptr);
}

void install(int signal) {
  struct sigaction action {};
  action.sa_handler = remember_interrupt;
  // The next one takes its usual course.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART | SA_ONSTACK);
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupted.store(false);
  give_own_stack();
  install(SIGINT);
  install(SIGTERM);
  install(SIGHUP);
}

InterruptGuard::~InterruptGuard() {
  (void)std::signal(SIGINT, SIG_DFL);
  (void)std::signal(SIGTERM, SIG_DFL);
  (void)std::signal(SIGHUP, SIG_DFL);
}

const std::atomic<bool>& InterruptGuard::requested() { return interrupted; }

}  // namespace turnpike::cli
