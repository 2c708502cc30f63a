"""What tests of servers and clients share: a server in this process, clients, threads that must not fail."""

import itertools
import threading
import unittest

import numpy as np

import ngd

_numbers = itertools.count()


def vector(*values):
    return np.array(values, np.float32)


class ClusterTest(unittest.TestCase):
    """Each test has a server of its own at `address`; it and all clients end with the test."""

    options = {}

    def setUp(self):
        self.address = f"inproc://python-{next(_numbers)}"
        self.server = ngd.Server(listen=self.address, **self.options).start()
        self.addCleanup(self.server.close)

    def client(self, connect=True, **options):
        """A client of a model with a tensor w of 2 and a table of 10 rows of 3."""
        client = ngd.Client(**options)
        self.addCleanup(client.close)
        client.add("w", (2,))
        client.add_table("table", 10, 3, "uniform", scale=0.5, seed=7)
        return client.connect(self.address, timeout=10) if connect else client

    def begun(self, *values, **options):
        """The same with first values."""
        client = self.client(**options)
        client.init([vector(*(values or (0, 0))), None])
        return client

    def value(self, client):
        """What the servers have for w."""
        w = np.empty(2, np.float32)
        client.pull({"w": w})
        return w.tolist()


def together(*functions):
    """Runs functions in threads of their own; what any of them raises is raised here."""
    raised = []

    def run(function):
        try:
            function()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
