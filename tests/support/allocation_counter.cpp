#include "allocation_counter.hpp"

#include <atomic>
#include <cstddef>

namespace {
std::atomic<std::int64_t> counter{0};
}

#ifdef __SANITIZE_ADDRESS__

// Of AddressSanitizer's runtime; GCC ships it without its header.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_allocation)(const volatile void*,
                                                                               std::size_t),
                                                         void (*on_release)(const volatile void*));

namespace {
void count_allocation(const volatile void* /*memory*/, std::size_t /*size*/) { ++counter; }
void ignore_release(const volatile void* /*memory*/) {}
const int installed = __sanitizer_install_malloc_and_free_hooks(count_allocation, ignore_release);
}  // namespace

#else

// The C library lets a program replace its allocator; these count and pass on. operator new calls malloc.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
  ++counter;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  ++counter;
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
  ++counter;
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  ++counter;
  return __libc_memalign(alignment, size);
}
}

#endif

namespace turnpike::test {

std::int64_t allocations() { return counter.load(); }

}  // namespace turnpike::test
