"""OpenBLAS, by which Debian's PyTorch multiplies, as it is at its fastest."""

import pathlib
import sys


def unrestrained(environment):
    """`environment` without settings that keep OpenBLAS from the kernels and threads that it takes by itself."""
    return {key: value for key, value in environment.items()
            if not key.startswith("OPENBLAS_") and not key.endswith("_NUM_THREADS")}


def demand():
    """Refuses a PyTorch that multiplies by the reference BLAS, twenty times slower. Call it after `import torch`."""
    if "openblas" not in pathlib.Path("/proc/self/maps").read_text():
        sys.exit("this PyTorch does not multiply by OpenBLAS, so that it is no peer; install libopenblas0-pthread")
