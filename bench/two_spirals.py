"""Two spirals, one epoch (value, gradient, Adam update), beside PyTorch in one run, one thread each.

Usage: bench/two_spirals.py PROGRAM, with PROGRAM the built bench_two_spirals. Needs python3-torch.
Both solve the same problem: 480 samples, 30 explicit Euler layers of x + A2 tanh(A1 x + b1) + b2 with h = 8,
soft cross-entropy with p_d = 0.95 at every layer, r = 0.005, γ = 3.
"""

import math
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F

K, n, h, D = 30, 2, 8, 480
p_d, r, gamma = 0.95, 0.005, 3.0


def two_spirals(dtype):
    s = torch.linspace(0, 1, 240, dtype=torch.float64)
    phi, radius = 6 * math.pi * s, 6.5 * (104 - 96 * s) / 104
    arm = torch.stack([radius * torch.sin(phi), radius * torch.cos(phi)], dim=1)
    labels = torch.cat([torch.zeros(240, dtype=torch.long), torch.ones(240, dtype=torch.long)])
    targets = torch.full((D, n), 1 - p_d, dtype=torch.float64)
    targets[torch.arange(D), labels] = p_d
    return torch.cat([arm, -arm]).to(dtype), targets.to(dtype)


ENTROPY = p_d * math.log(p_d) + (1 - p_d) * math.log(1 - p_d)


def penalty_and_costs(parameters, stages, last, targets, dim):
    """All stage costs in one operation: faster in PyTorch than one by one."""
    running = -(targets * F.log_softmax(stages, dim=dim)).sum() / D + K * ENTROPY
    terminal = -(targets * F.log_softmax(last, dim=dim - stages.dim() + last.dim())).sum() / D + ENTROPY
    return r * sum(p.square().sum() for p in parameters) + running + gamma * terminal


def by_linear(parameters, x, targets):
    """Samples in rows, F.linear."""
    A1, b1, A2, b2 = (p.unbind(0) for p in parameters)  # one backward operation for all slices
    states = []
    for k in range(K):
        states.append(x)
        x = x + F.linear(torch.tanh(F.linear(x, A1[k], b1[k])), A2[k], b2[k])
    return penalty_and_costs(parameters, torch.stack(states), x, targets, 2)


def by_addmm(parameters, x, targets):
    """Samples in columns, addmm: about twice as fast here."""
    A1, A2 = parameters[0].unbind(0), parameters[2].unbind(0)
    b1, b2 = parameters[1].unsqueeze(2).unbind(0), parameters[3].unsqueeze(2).unbind(0)
    x = x.t().contiguous()
    states = []
    for k in range(K):
        states.append(x)
        x = torch.addmm(x + b2[k], A2[k], torch.tanh(torch.addmm(b1[k], A1[k], x)))
    return penalty_and_costs(parameters, torch.stack(states), x, targets.t(), 1)


def parameters_of(dtype):
    torch.manual_seed(1)
    shapes = [(K, h, n), (K, h), (K, n, h), (K, n)]
    return [((2 * torch.rand(shape, dtype=torch.float64) - 1) * 0.4).to(dtype).requires_grad_() for shape in shapes]


def seconds_per_epoch(objective, dtype, foreach):
    x, targets = two_spirals(dtype)
    parameters = parameters_of(dtype)
    optimizer = torch.optim.Adam(parameters, lr=1e-4, foreach=foreach)
    seconds = []
    for _ in range(300):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        objective(parameters, x, targets).backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main():
    torch.set_num_threads(1)
    x, targets = two_spirals(torch.float64)
    values = [objective(parameters_of(torch.float64), x, targets).item() for objective in (by_linear, by_addmm)]
    assert abs(values[0] - values[1]) < 1e-9 * abs(values[0]), values
    ours = {}
    for line in subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout.splitlines():
        precision, integrator, seconds = line.split()
        ours[precision, integrator] = float(seconds)
    print(f"{'':8} {'PyTorch':>12} {'turnpike':>12} {'ratio':>8}   (explicit Euler, milliseconds an epoch)")
    for name, dtype in (("double", torch.float64), ("float", torch.float32)):
        theirs = min(seconds_per_epoch(objective, dtype, foreach)
                     for objective in (by_linear, by_addmm) for foreach in (False, True))
        mine = ours[name, "explicit-euler"]
        print(f"{name:8} {1e3 * theirs:12.3f} {1e3 * mine:12.4f} {theirs / mine:8.1f}")
    for name in ("double", "float"):
        print(f"rk4 / explicit-euler, {name}: {ours[name, 'rk4'] / ours[name, 'explicit-euler']:.2f}")


if __name__ == "__main__":
    main()
