#pragma once

namespace turnpike::cli {

/// Lets the program have the memory of this machine, or of its control group, and no more: a request beyond
/// ends in std::bad_alloc, and so in a sentence, where the system would kill the program without one. Does
/// nothing under AddressSanitizer, which reserves far more than it uses.
void limit_memory();

}  // namespace turnpike::cli
