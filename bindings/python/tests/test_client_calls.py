"""Clients of parameter servers through Python: tickets, timeouts, connecting, closing, several threads."""

import gc
import math
import pickle
import threading
import time
import unittest

import numpy as np

import ngd
from cluster import ClusterTest, together, vector


class Tickets(ClusterTest):
    def test_pushes_and_pulls_are_begun_and_waited_for(self):
        client = self.begun()
        tickets = [client.start_push({"w": vector(1, 1)}, "delta") for _ in range(5)]
        self.assertEqual(sorted(ticket.wait() for ticket in tickets), [2, 3, 4, 5, 6])
        self.assertEqual(tickets[0].wait(0), tickets[0].wait())  # once waited for it is at hand
        self.assertTrue(all(ticket.finished() for ticket in tickets))
        w = np.zeros(2, np.float32)
        ticket = client.start_pull({"w": w})
        deadline = time.monotonic() + 10
        while not ticket.finished():
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(w.tolist(), [0, 0])  # written by wait() alone
        self.assertEqual(ticket.wait(), 6)
        self.assertEqual(w.tolist(), [5, 5])

    def test_what_is_pushed_was_copied_or_lent(self):
        client = ngd.Client(model="large")
        self.addCleanup(client.close)
        client.add("w", (1 << 22,))  # on its way for a while, so that what is written meanwhile would be seen
        client.connect(self.address)
        w = np.zeros(1 << 22, np.float32)
        client.init([w])
        lent, copied = np.full_like(w, 2), np.ones_like(w)
        for _ in range(3):
            ticket = client.start_push([copied], "delta")
            copied[:] = 1000
            ticket.wait()
            copied[:] = 1
        ticket = client.start_push([lent], "delta", copy=False)
        self.assertEqual(len(client._lent), 1)
        ticket.wait()
        self.assertEqual(client._lent, {})
        client.pull([w])
        self.assertEqual((w.min(), w.max()), (5, 5))

    def test_a_wait_that_is_too_short_may_be_repeated(self):
        # In rounds of two a push of one worker waits for that of the other.
        one, other = (self.client(consistency="bulk", workers=2, rank=rank) for rank in (1, 2))
        together(lambda: one.init([vector(0, 0), None]), lambda: other.init([vector(0, 0), None]))
        ticket = one.start_push([vector(1, 1), None], copy=False)
        begun = time.monotonic()
        with self.assertRaises(ngd.DeadlineError):
            ticket.wait(0.1)
        self.assertLess(time.monotonic() - begun, 5)
        self.assertFalse(ticket.finished())
        self.assertEqual(len(one._lent), 1)
        self.assertEqual(other.push([vector(3, 3), None]), 2)
        self.assertEqual(ticket.wait(10), 2)
        self.assertEqual(one._lent, {})

    def test_the_timeout_of_the_operation_is_its_end(self):
        one, other = (self.client(consistency="bulk", workers=2, rank=rank) for rank in (1, 2))
        together(lambda: one.init([vector(0, 0), None]), lambda: other.init([vector(0, 0), None]))
        ticket = one.start_push([vector(1, 1), None], timeout=0.2)
        with self.assertRaises(ngd.DeadlineError) as caught:
            ticket.wait()
        self.assertTrue(ticket.finished())
        with self.assertRaises(ngd.DeadlineError) as again:
            ticket.wait()
        self.assertIs(again.exception, caught.exception)

    def test_a_ticket_is_cancelled_when_asked_when_dropped_and_with_its_connection(self):
        one, other = (self.client(consistency="bulk", workers=2, rank=rank) for rank in (1, 2))
        together(lambda: one.init([vector(0, 0), None]), lambda: other.init([vector(0, 0), None]))
        ticket = one.start_push([vector(1, 1), None], copy=False)
        ticket.cancel()
        ticket.cancel()
        self.assertEqual(one._lent, {})
        with self.assertRaises(ngd.CancelledError):
            ticket.wait()
        one.start_push([vector(1, 1), None], copy=False)
        gc.collect()
        self.assertEqual(one._lent, {})
        ticket = one.start_push([vector(1, 1), None], copy=False)
        one.disconnect()
        self.assertEqual(one._lent, {})
        one.connect(self.address)
        newer = one.start_push([vector(1, 1), None])
        with self.assertRaisesRegex(ngd.ClosedError, "before the client was disconnected"):
            ticket.wait()
        del ticket  # does no harm to the one that has its number now
        gc.collect()
        self.assertFalse(newer.finished())
        newer.cancel()

    def test_what_servers_refuse_comes_out_of_the_wait(self):
        client = self.client()  # without first values
        with self.assertRaises(ngd.StateError):
            client.start_push([vector(1, 1), None]).wait()


class Connecting(ClusterTest):
    def test_nobody_there_is_told_within_the_timeout(self):
        client = self.client(connect=False)
        for address in ("inproc://nobody", "tcp://127.0.0.1:1"):
            begun = time.monotonic()
            with self.assertRaisesRegex(ngd.DeadlineError, "no (server answered|answer in time)"):
                client.connect(address, timeout=0.3)
            self.assertLess(time.monotonic() - begun, 5)
        self.assertEqual(client.connect(self.address).version(), 0)  # it is good for another attempt

    def test_a_server_that_dies_is_told_within_the_timeout_and_one_that_comes_is_found(self):
        client = self.begun(5, 6)
        self.server.close()  # as if it were killed: without data_dir nothing is left
        begun = time.monotonic()
        with self.assertRaises((ngd.DeadlineError, ngd.UnavailableError)) as caught:
            client.push({"w": vector(1, 1)}, timeout=0.5)
        self.assertIsInstance(caught.exception, OSError)
        self.assertLess(time.monotonic() - begun, 5)
        with ngd.Server(listen=self.address):
            client.disconnect()
            client.connect(self.address)
            self.assertEqual(client.init({"w": vector(1, 2)})[0], True)
            self.assertEqual(self.value(client), [1, 2])

    def test_models_that_do_not_fit(self):
        self.begun()
        other = ngd.Client()
        other.add("w", (3,))
        with self.assertRaises(ngd.ConflictError):
            other.connect(self.address)
        with self.assertRaises(ngd.NotFoundError):
            ngd.Client(model="unknown").connect(self.address, timeout=0.5)
        refused = ngd.Client(model="refused", optimizer="nonsense")
        refused.add("w", (3,))
        with self.assertRaises(ngd.OptionError):
            refused.connect(self.address)

    def test_calls_need_a_connection_and_options_are_fixed_by_it(self):
        client = self.client(connect=False, model="fixed")
        for call in (client.version, client.info, lambda: client.tensors, lambda: client.push([vector(1, 1), None]),
                     lambda: client.lock("lock"), lambda: client.start_pull([None, None])):
            with self.assertRaises(ngd.StateError):
                call()
        client.disconnect()  # does nothing
        client.connect(self.address)
        self.assertEqual((client["model"], client["worker"], client["lease"]), ("fixed", True, 10.0))
        for change in (lambda: client.add("v", (2,)), lambda: client.__setitem__("model", "other"),
                       lambda: client.connect(self.address)):
            with self.assertRaises(ngd.StateError):
                change()

    def test_closing_ends_the_calls_of_other_threads(self):
        for end in ("close", "disconnect"):
            client = self.begun(model=end)
            outcomes = []

            def wait():
                try:
                    client.barrier("gate", 10, timeout=60)
                except ngd.NgdError as error:
                    outcomes.append(type(error))

            waiting = [threading.Thread(target=wait) for _ in range(3)]
            for thread in waiting:
                thread.start()
            time.sleep(0.2)
            begun = time.monotonic()
            together(*[getattr(client, end)] * 3)  # also by several at once
            for thread in waiting:
                thread.join()
            self.assertLess(time.monotonic() - begun, 10)
            # The library says ExpiredError where the server's word that the session has ended comes first.
            self.assertEqual(len(outcomes), 3)
            self.assertLessEqual(set(outcomes), {ngd.ClosedError, ngd.ExpiredError})
            self.assertEqual(client.closed, end == "close")
        client.close()
        client.close()
        with self.assertRaisesRegex(ngd.ClosedError, "this Client is closed"):
            client.version()

    def test_only_one_thread_connects(self):
        client = self.client(connect=False)
        connecting = threading.Thread(target=lambda: self.assertRaises(
            ngd.ClosedError, client.connect, "inproc://nobody", timeout=60))
        connecting.start()
        time.sleep(0.1)
        with self.assertRaisesRegex(ngd.StateError, "another thread connects"):
            client.connect(self.address)
        client.disconnect()
        connecting.join(10)
        self.assertFalse(connecting.is_alive())

    def test_timeouts_are_seconds(self):
        client = self.begun()
        begun = time.monotonic()
        with self.assertRaises(ngd.DeadlineError):
            client.barrier("gate", 2, timeout=0.25)
        self.assertTrue(0.05 < time.monotonic() - begun < 5)
        self.assertEqual(client.version(timeout=math.inf), 1)
        self.assertEqual(client.version(timeout=5), 1)
        with self.assertRaises(ngd.RangeError):
            client.version(timeout=-1)
        with self.assertRaises(ValueError):
            client.version(timeout=math.nan)

    def test_other_threads_run_while_a_client_waits(self):
        client, ticks, started = self.begun(), [], threading.Event()

        def wait():
            started.set()
            with self.assertRaises(ngd.DeadlineError):
                client.barrier("gate", 2, timeout=0.5)
            ticks.append("end")

        waiting = threading.Thread(target=wait)
        waiting.start()
        started.wait()
        while len(ticks) < 10 and "end" not in ticks:
            ticks.append("tick")
            time.sleep(0.001)
        waiting.join()
        self.assertEqual(ticks, ["tick"] * 10 + ["end"])

    def test_a_client_tells_of_itself_and_is_not_pickled(self):
        client = self.client(model="mail", bound=3)
        self.assertEqual(repr(client), "Client('client:model=mail,bound=3')")
        self.assertEqual(client.kind, "client")
        self.assertIn("lease", client.options())
        with self.assertRaises(TypeError):
            pickle.dumps(client)
        with self.assertRaisesRegex(ngd.OptionError, 'did you mean "lease"'):
            ngd.Client(leese=3)


if __name__ == "__main__":
    unittest.main()
