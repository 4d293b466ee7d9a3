"""One training step at MNIST's size (60 layers, n = 784, h = 128, batch 256), beside PyTorch in float in one run.

Usage: bench/mnist.py PROGRAM, with PROGRAM the built bench_mnist. Needs python3-torch and libopenblas0-pthread. Both take
the value and the gradient of the soft cross-entropy at every layer and an Adam step. Measures in turns, each in a process
of its own, and compares medians. Run it with nothing else on the machine. Each side has its fastest setting: PyTorch its
Adam, its threads, at most as many as turnpike, and its kernels; turnpike its tile, which is half a batch unless run.tile
says otherwise. On one thread turnpike runs on the last core, because interrupts make the first slower (by 15 % on one
machine), and PyTorch there or where the system puts it. bf16 is measured where the processor has it. Takes ten minutes.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import time

import openblas

N, n, h, B, C, p_d, r = 60, 784, 128, 256, 10, 0.91, 1e-5
ROUNDS = 3


def torch_step_seconds(threads, variant):
    """Median seconds of a step; `variant` says how Adam runs and how the stage costs are computed."""
    import torch
    import torch.nn.functional as F

    openblas.demand()
    torch.set_num_threads(threads)
    torch.manual_seed(1)

    def uniform(*shape, fan_in, scale=1.0):
        return ((2 * torch.rand(*shape) - 1) * scale / fan_in**0.5).requires_grad_()

    A1 = [uniform(h, n, fan_in=n) for _ in range(N)]
    b1 = [uniform(h, fan_in=n) for _ in range(N)]
    A2 = [uniform(n, h, fan_in=h, scale=0.1) for _ in range(N)]
    b2 = [uniform(n, fan_in=h, scale=0.1) for _ in range(N)]
    x0 = torch.rand(B, n)
    labels = torch.randint(0, C, (B,))
    targets = torch.full((B, C), (1 - p_d) / (C - 1))
    targets[torch.arange(B), labels] = p_d
    # Adam's weight decay w is the gradient of w/2 ‖u‖²: the cheapest way to r‖u‖².
    optimizer = torch.optim.Adam(A1 + b1 + A2 + b2, lr=1e-5, weight_decay=2 * r, foreach=variant == "foreach")

    def step():
        optimizer.zero_grad(set_to_none=True)
        x = x0
        heads = []
        for k in range(N):
            heads.append(x[:, :C])
            x = x + F.linear(F.linear(x, A1[k], b1[k]).relu_(), A2[k], b2[k])
        heads.append(x[:, :C])
        logits = torch.cat(heads)
        (F.cross_entropy(logits, targets.repeat(N + 1, 1)) * (N + 1)).backward()
        optimizer.step()

    for _ in range(3):
        step()
    seconds = []
    for _ in range(12):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def on_last_core():
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def in_own_process(threads, variant, blas_threads, place=None):
    """OpenBLAS, which PyTorch calls here, has threads of its own: `blas_threads`, all cores where that is None."""
    environment = openblas.unrestrained(os.environ)
    if blas_threads is not None:
        environment.update(OPENBLAS_NUM_THREADS=str(blas_threads), OMP_NUM_THREADS=str(threads))
    output = subprocess.run([sys.executable, __file__, "--torch", str(threads), variant], stdout=subprocess.PIPE, text=True,
                            env=environment, preexec_fn=place)
    if output.returncode != 0:
        sys.exit(output.returncode)  # it has said why
    return float(output.stdout)


def ours(program, place=None, **settings):
    arguments = [f"{key}={value}" for key, value in settings.items()]
    output = subprocess.run([program, *arguments], check=True, capture_output=True, text=True,
                            preexec_fn=place).stdout
    return {key: float(value) for key, value in (line.split() for line in output.splitlines())}


def main():
    program = sys.argv[1]
    precisions = ["float"]
    if "avx512_bf16" in pathlib.Path("/proc/cpuinfo").read_text():
        precisions.append("bf16")
    print(f"{'threads':>7} {'precision':>9} {'tile':>5} {'PyTorch':>10} {'turnpike':>10} {'ratio':>6} {'GF/s':>7} "
          f"{'of float FMA peak':>17}")
    for threads in (1, 2):
        place = on_last_core if threads == 1 else None
        # PyTorch's best: its own threads or those of OpenBLAS.
        configurations = [(threads, variant, threads) for variant in ("loop", "foreach")]
        if threads == 1:
            configurations.append((1, "loop", 1, place))
        else:
            configurations += [(1, "loop", None), (threads, "loop", 1), (1, "loop", 1)]
        theirs = {configuration: [] for configuration in configurations}
        mine = {(precision, tile): [] for precision in precisions for tile in ((B // 2, B) if threads == 1 else (B // 2,))}
        for _ in range(ROUNDS):
            for configuration in configurations:
                theirs[configuration].append(in_own_process(*configuration))
            for (precision, tile), runs in mine.items():
                runs.append(ours(program, place, threads=threads, layers=N, tile=tile, precision=precision))
        peer = min(statistics.median(times) for times in theirs.values())
        for (precision, tile), runs in mine.items():
            step, share, gflops = (statistics.median(run[key] for run in runs)
                                   for key in ("step_seconds", "share_of_peak", "gflops"))
            print(f"{threads:7} {precision:>9} {tile:5} {1e3 * peer:7.0f} ms {1e3 * step:7.0f} ms {peer / step:6.2f} "
                  f"{gflops:7.1f} {share:17.2f}")
    print()
    print("memory beyond control, gradient, moments and data, in MB:")
    for settings in ({"layers": 60}, {"layers": 1000, "recomputation": "every", "snapshots": 32},
                     {"layers": 1000, "recomputation": "binomial", "snapshots": 16}):
        run = ours(program, **settings)
        print(f"{' '.join(map(str, settings.values())):>20}: {run['memory_megabytes']:6.1f}, states and activations of "
              f"all layers {run['states_and_activations_megabytes']:6.1f}, step {run['step_seconds']:.2f} s")


if __name__ == "__main__":
    if sys.argv[1] == "--torch":
        print(torch_step_seconds(int(sys.argv[2]), sys.argv[3]))
    else:
        main()
