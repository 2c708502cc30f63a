#!/usr/bin/env python3
"""Prioritised replay by libngd's ICEA buffer and by cpprb's, the same draw and update of 256 samples, in turns.

usage: NGD_LIBRARY=libngd.so PYTHONPATH=bindings/python compare_cpprb.py [SAMPLES...]     (pip install cpprb numpy)

Both draw by priority^0.6 with weights of beta 0.4 and then get new priorities for what was drawn; cpprb's buffer holds
one number a sample, since a buffer without contents is not possible.
"""

import statistics
import sys
import time

import cpprb
import numpy as np

import ngd

BATCH, ROUNDS = 256, 2000


def compare(samples: int, exponent: float) -> None:
    rng = np.random.default_rng(1)
    priorities = rng.exponential(0.7, samples).astype(np.float32)
    theirs = cpprb.PrioritizedReplayBuffer(samples, {"number": {"dtype": np.int32}}, alpha=exponent, eps=1e-4)
    theirs.add(number=np.arange(samples, dtype=np.int32), priorities=priorities)
    ours = ngd.Icea(samples, "icea:sampler=prioritized,cap=1,boost=0,warmup=0,quarantine=0,rho=0.999,error_cap=100",
                    exponent=exponent, error_min=1e-4, beta=0.4)
    for first in range(0, samples, 4096):
        ids = np.arange(first, min(first + 4096, samples), dtype=np.uint64)
        ours.record(ids, priorities[first:first + 4096])

    times = {name: [] for name in ("ours draw", "ours update", "theirs draw", "theirs update")}
    for _ in range(ROUNDS):
        new = rng.exponential(0.7, BATCH).astype(np.float32)
        start = time.perf_counter()
        ids, weights = ours.draw(BATCH)
        drawn = time.perf_counter()
        ours.record(ids, new)
        recorded = time.perf_counter()
        batch = theirs.sample(BATCH, beta=0.4)
        sampled = time.perf_counter()
        theirs.update_priorities(batch["indexes"], new)
        updated = time.perf_counter()
        for name, seconds in zip(times, (drawn - start, recorded - drawn, sampled - recorded, updated - sampled)):
            times[name].append(seconds)
    micro = {name: 1e6 * statistics.median(values) for name, values in times.items()}
    total = {who: micro[f"{who} draw"] + micro[f"{who} update"] for who in ("ours", "theirs")}
    print(f"{samples:>10} {exponent:>8} {micro['ours draw']:>9.1f} {micro['ours update']:>9.1f} "
          f"{micro['theirs draw']:>11.1f} {micro['theirs update']:>9.1f} {total['ours'] / total['theirs']:>12.2f}")


if __name__ == "__main__":
    print(f"libngd {ngd.version()}, cpprb {getattr(cpprb, '__version__', '')}; microseconds for {BATCH} samples")
    print(f"{'samples':>10} {'exponent':>8} {'ngd draw':>9} {'update':>9} {'cpprb draw':>11} {'update':>9} {'ngd / cpprb':>12}")
    for count in [int(text) for text in sys.argv[1:]] or [10_000, 1_000_000]:
        for power in (0.6, 1.0):
            compare(count, power)
