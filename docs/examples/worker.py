#!/usr/bin/env python3
"""Workers with gradients of their own, from NumPy, on a parameter server: logistic regression.

    worker.py serve ADDRESS               a server, until Ctrl-C
    worker.py work ADDRESS NUMBER COUNT   worker NUMBER (from 0) of COUNT, with its share of the data
    worker.py                             all of it: a server in this process, three workers in processes of their own

usage: NGD_LIBRARY=libngd.so PYTHONPATH=bindings/python worker.py ...
"""
import signal
import subprocess
import sys
import tempfile

import numpy as np

import ngd

COLUMNS, ROWS, BATCH, EPOCHS = 10, 6000, 50, 5


def points():
    """Points that a plane divides, the same in every process; a worker would read its own part of a file."""
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    return inputs, (inputs @ rng.normal(size=COLUMNS) > 0.5).astype(np.float32)


def probability(inputs, w, b):
    return 1 / (1 + np.exp(-(inputs @ w + b)))


def work(address, number, count):
    """Computes gradients on the newest parameters; the servers' optimizer makes steps of them, one by one."""
    inputs, labels = points()
    inputs, labels = inputs[number::count], labels[number::count]
    w, b = np.zeros(COLUMNS, np.float32), np.zeros(1, np.float32)
    with ngd.Client(model="plane", optimizer="ngd:learning_rate=0.02") as client:
        client.add("w", w)
        client.add("b", b)
        client.connect(address)
        client.init([w, b])  # the first worker's values count, and the others get them
        for _ in range(EPOCHS):
            for first in range(0, len(inputs), BATCH):
                x, y = inputs[first:first + BATCH], labels[first:first + BATCH]
                error = probability(x, w, b) - y
                gradients = {"w": x.T @ error / len(x), "b": error.mean(keepdims=True)}
                version, _ = client.push_pull(gradients, [w, b])
        print(f"worker {number} of {count}: its last update made version {version}")


def evaluate(address):
    inputs, labels = points()
    with ngd.Client(model="plane", worker=False).connect(address) as client:  # learns which tensors there are
        values = client.empty()
        version = client.pull(values)
        right = (probability(inputs, **values) > 0.5) == labels
        print(f"version {version}: accuracy {right.mean():.4f}")


def everything(count=3):
    with tempfile.TemporaryDirectory() as folder, ngd.Server(listen=f"ipc://{folder}/socket") as server:
        address = server.endpoints[0]
        workers = [subprocess.Popen([sys.executable, __file__, "work", address, str(number), str(count)])
                   for number in range(count)]
        failed = [worker.wait() for worker in workers]
        evaluate(address)
        return any(failed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        with ngd.Server(listen=sys.argv[2]) as server:
            print(*server.endpoints, flush=True)
            try:
                signal.pause()
            except KeyboardInterrupt:
                pass
    elif sys.argv[1:2] == ["work"]:
        work(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        sys.exit(everything())
