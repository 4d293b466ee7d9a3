"""Time to the objective: PyTorch training all 60 layers for 1,000 steps beside turnpike with the exact tail.

Usage: bench/mnist_objective.py TURNPIKE DIRECTORY_OF_MNIST [train options]. Needs python3-torch and libopenblas0-pthread.
Both have two threads;
the objective of the 60-layer problem without r‖u‖² on the first 10,000 training images and the accuracy on the test images
are computed here, for both by the same lines. Data loading and measurements are in neither time.
"""

import ctypes
import gzip
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import torch
import torch.nn.functional as F

import openblas

N, n, h, B, C, p_d, r, STEPS, WARMUP, RATE = 60, 784, 128, 256, 10, 0.91, 1e-5, 1000, 50, 1e-3
ENTROPY = p_d * math.log(p_d) + (1 - p_d) * math.log((1 - p_d) / (C - 1))


def read_idx(directory, name):
    path = pathlib.Path(directory) / name
    content = path.read_bytes() if path.exists() else gzip.open(f"{path}.gz").read()
    dimensions = content[3]
    return torch.frombuffer(bytearray(content[4 + 4 * dimensions:]), dtype=torch.uint8)


def load(directory, split):
    images = read_idx(directory, f"{split}-images-idx3-ubyte").reshape(-1, n).float() / 255
    return images, read_idx(directory, f"{split}-labels-idx1-ubyte").long()


def targets_of(labels):
    targets = torch.full((len(labels), C), (1 - p_d) / (C - 1))
    targets[torch.arange(len(labels)), labels] = p_d
    return targets


def objective(x, targets, parameters):
    """Σ_{k<N} mean ℓ + mean ℓ at the last layer."""
    heads = []
    for A1, b1, A2, b2 in parameters:
        heads.append(x[:, :C])
        x = x + F.linear(F.linear(x, A1, b1).relu_(), A2, b2)
    heads.append(x[:, :C])
    loss = F.cross_entropy(torch.cat(heads), targets.repeat(N + 1, 1))
    return (N + 1) * (loss + ENTROPY), x


def measure(parameters, train, test):
    with torch.no_grad():
        parts = [objective(train[0][i:i + 1000], targets_of(train[1][i:i + 1000]), parameters)[0]
                 for i in range(0, 10000, 1000)]
        right = sum((objective(test[0][i:i + 1000], targets_of(test[1][i:i + 1000]), parameters)[1][:, :C].argmax(1)
                     == test[1][i:i + 1000]).sum().item() for i in range(0, len(test[1]), 1000))
    return (sum(parts) / len(parts)).item(), right / len(test[1])


def train_in_torch(data):
    openblas.demand()
    torch.set_num_threads(1)  # the fastest way in bench/mnist.py, with OpenBLAS on one core or on both
    torch.manual_seed(1)
    parameters = [tuple(((2 * torch.rand(*shape) - 1) / fan_in**0.5).requires_grad_()
                        for shape, fan_in in (((h, n), n), ((h,), n), ((n, h), h), ((n,), h))) for _ in range(N)]
    optimizer = torch.optim.Adam([p for layer in parameters for p in layer], lr=RATE, weight_decay=2 * r, foreach=False)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: (step + 1) / WARMUP if step < WARMUP
        else 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP))))
    set_blas_threads = ctypes.CDLL("libopenblas.so.0").openblas_set_num_threads
    seconds = {}
    for threads in (1, 2):
        set_blas_threads(threads)
        for _ in range(3):
            start = time.perf_counter()
            objective(data[0][:B], targets_of(data[1][:B]), parameters)[0].backward()
            seconds[threads] = time.perf_counter() - start
    set_blas_threads(min(seconds, key=seconds.get))
    start = time.perf_counter()
    step = 0
    while step < STEPS:
        for batch in torch.randperm(len(data[1])).split(B):
            if step == STEPS:
                break
            optimizer.zero_grad(set_to_none=True)
            objective(data[0][batch], targets_of(data[1][batch]), parameters)[0].backward()
            optimizer.step()
            schedule.step()
            step += 1
    return time.perf_counter() - start, parameters


def read_model(path):
    content = pathlib.Path(path).read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + size])
    tensors = []
    for name in ("A1", "b1", "A2", "b2"):
        begin, end = header[name]["data_offsets"]
        values = torch.frombuffer(bytearray(content[8 + size + begin:8 + size + end]), dtype=torch.float32)
        tensors.append(values.reshape(header[name]["shape"]))
    return list(zip(*(tensor.unbind(0) for tensor in tensors)))


def train_in_turnpike(program, directory, options):
    with tempfile.TemporaryDirectory() as place:
        out = pathlib.Path(place) / "run"
        subprocess.run([program, "train", "mnist", "--data", directory, "--threads", "2", "--out", str(out), *options],
                       check=True, stdout=subprocess.DEVNULL)
        return json.loads((out / "summary.json").read_text())["seconds"], read_model(out / "model.safetensors")


def main():
    program, directory, *options = sys.argv[1:]
    options = options or ["--set", "control.active_intervals=15", "--set", "optimizer.epochs=5"]
    train, test = load(directory, "train"), load(directory, "t10k")
    rows = [("turnpike " + " ".join(options[1::2]), *train_in_turnpike(program, directory, options)),
            ("PyTorch, 1,000 steps", *train_in_torch(train))]
    print(f"{'':60} {'seconds':>8} {'objective':>10} {'test accuracy':>14}")
    for name, seconds, parameters in rows:
        value, accuracy = measure(parameters, train, test)
        print(f"{name:60} {seconds:8.1f} {value:10.3f} {100 * accuracy:12.2f} %")
    print(f"time of PyTorch / time of turnpike: {rows[1][1] / rows[0][1]:.2f}")


if __name__ == "__main__":
    unrestrained = openblas.unrestrained(os.environ)
    if unrestrained != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.argv], unrestrained)
    main()
