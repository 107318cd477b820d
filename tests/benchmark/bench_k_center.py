"""Exact K-center beside what else could be used, in one run: CPU seconds and ratios.

    python tests/benchmark/bench_k_center.py INSTANCES [--peers PYTHON] [--limit 120] [--slow]

INSTANCES is a folder with affinity matrices ``A68.npy`` and ``A98.npy``; PYTHON an interpreter
that has spopt, which needs an environment of its own. One thread; every answer is checked against
ours. ``--slow`` adds the one programme of the thesis.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np
import pulp

from correlation.curve import budget_curve
from correlation.kcenter import k_center
from correlation.mip import cover_at_most, p_center_mip

SPOPT = """
import json, sys, time, resource
import numpy as np, pulp
from spopt.locate import PCenter
distance, k, limit = np.load(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
solver = (pulp.HiGHS if sys.argv[4] == "highs" else pulp.PULP_CBC_CMD)(
    msg=False, timeLimit=limit, threads=1)
began = time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
model = PCenter.from_cost_matrix(distance, p_facilities=k)
try:
    model = model.solve(solver, results=False)
    chosen = [j for j, v in enumerate(model.fac_vars) if (v.varValue or 0) > 0.5]
except Exception:
    chosen = []
spent = time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - began
radius = float(distance[:, chosen].min(axis=1).max()) if chosen else None
print(json.dumps({"cpu": spent, "radius": radius}))
"""


def cpu() -> float:
    """CPU seconds of this process and the children it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def bisection(distance: np.ndarray, k: int) -> float:
    """The baseline: bisection over all distances, each a set covering by PuLP and HiGHS."""
    values = np.unique(distance)
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) // 2
        found = cover_at_most(distance <= values[middle], k, None)
        low, high = (low, middle) if found.columns else (middle + 1, high)
    return float(values[high])


def timed(work, repeat: int = 1) -> tuple[float, object]:
    """Mean CPU seconds of some work, and what it gave."""
    began = cpu()
    for _ in range(repeat):
        result = work()
    return (cpu() - began) / repeat, result


def by_spopt(python: str, distance: np.ndarray, k: int, limit: float, solver: str) -> dict:
    """One solve of spopt's PCenter in its own interpreter; importing it does not count."""
    path = Path(f"/tmp/bench-k-center-{os.getpid()}.npy")
    np.save(path, distance)
    command = [python, "-c", SPOPT, str(path), str(k), str(limit), solver]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    path.unlink()
    if done.returncode:
        return {"cpu": float("nan"), "radius": None}
    return json.loads(done.stdout.splitlines()[-1])


def row(name: str, seconds: float, ours: float, right: str) -> None:
    """Print one line of the table."""
    print(f"  {name:34}{seconds:10.4f} s {seconds / ours:10.1f} x   {right}", flush=True)


def compare(distance: np.ndarray, k: int, options: argparse.Namespace) -> None:
    """One instance with every peer."""
    k_center(distance, k)  # the first call pays for what Python loads
    # As long a stretch as the peers take: a busy neighbour then slows both alike.
    ours, result = timed(lambda: k_center(distance, k), repeat=400)
    print(f"\nM = {len(distance)}, m = {k}: c = {1 - result.radius:.4f}, proven {result.proven}")
    row("ours", ours, ours, "")
    seconds, radius = timed(lambda: bisection(distance, k))
    row("bisection, PuLP and HiGHS", seconds, ours, str(radius == result.radius))
    if options.slow:
        for aggregated in (False, True):
            name = "stronger form" if aggregated else "eq. 5.6 of the thesis"
            seconds, found = timed(
                lambda a=aggregated: p_center_mip(distance, k, options.limit, aggregated=a)
            )
            told = "proven" if found.proven else f"not proven in {options.limit:.0f} s"
            row(f"{name}, HiGHS", seconds, ours, told)
    for solver in ("highs", "cbc") if options.peers else ():
        found = by_spopt(options.peers, distance, k, options.limit, solver)
        right = found["radius"] is not None and abs(found["radius"] - result.radius) < 1e-9
        row(f"spopt's PCenter, {solver}", found["cpu"], ours, "same c" if right else "other c")


def whole_curve(distance: np.ndarray) -> None:
    """Every m, and ten more curves of disturbed affinities in place of resamples."""
    rng = np.random.default_rng(0)
    affinity = 1 - distance
    began = time.perf_counter()
    seconds, _ = timed(lambda: budget_curve(affinity, ties=False))
    print(f"\nM = {len(distance)}, every m: {seconds:.2f} s CPU")
    noise = rng.normal(scale=0.01, size=(10, *affinity.shape))
    total = seconds
    for one in noise:
        moved = np.clip(affinity + (one + one.T) / 2, 0, 1)
        np.fill_diagonal(moved, 1.0)
        total += timed(lambda m=moved: budget_curve(m, ties=False))[0]
    print(
        f"and ten curves more: {total:.2f} s CPU in all, {time.perf_counter() - began:.2f} s wall"
    )


def grown(affinity: np.ndarray, M: int) -> np.ndarray:
    """Distances of M landmarks between the given ones, with a little noise."""
    rng = np.random.default_rng(0)
    place = np.linspace(0, len(affinity) - 1, M)
    low = np.minimum(place.astype(int), len(affinity) - 2)
    share = place - low
    rows = affinity[low] * (1 - share)[:, None] + affinity[low + 1] * share[:, None]
    whole = rows[:, low] * (1 - share) + rows[:, low + 1] * share
    noise = np.triu(rng.normal(scale=0.004, size=(M, M)), 1)
    whole = np.clip(whole + noise + noise.T, 0, 0.9999)
    distance = 1 - (whole + whole.T) / 2
    np.fill_diagonal(distance, 0.0)
    return distance


def large(affinity: np.ndarray) -> None:
    """CPU seconds for many landmarks."""
    print()
    for M, budgets in ((1000, (2, 8, 32, 128, 256, 500)), (5000, (2, 3, 5, 10, 20, 50))):
        distance = grown(affinity, M)
        for k in budgets:
            seconds, result = timed(lambda d=distance, m=k: k_center(d, m))
            print(f"M = {M}, m = {k}: {seconds:.2f} s, proven {result.proven}", flush=True)


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("instances", type=Path)
    parser.add_argument("--peers")
    parser.add_argument("--limit", type=float, default=120.0)
    parser.add_argument("--slow", action="store_true")
    options = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, PuLP {pulp.__version__}; CPU seconds, one thread")
    for name in ("A68", "A98"):
        distance = 1 - np.load(options.instances / f"{name}.npy")
        np.fill_diagonal(distance, 0.0)
        for k in (10, 20):
            compare(distance, k, options)
        whole_curve(distance)
    large(np.load(options.instances / "A98.npy"))


if __name__ == "__main__":
    main()
