"""What workers agree on through servers: named values, locks, partitions; trainers; the example of a worker."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import unittest

import numpy as np

import ngd
from cluster import ClusterTest, together, vector


class Values(ClusterTest):
    def test_named_values_and_their_versions(self):
        one, other = self.begun(), self.client()
        self.assertEqual(one.set_value("note", "first"), 1)
        self.assertEqual(other.get_value("note"), (b"first", 1))
        self.assertEqual(other.set_value("note", b"\0\xff", expected=1), 2)
        with self.assertRaises(ngd.ConflictError):
            one.set_value("note", "late", expected=1)
        with self.assertRaises(ngd.ConflictError):
            one.set_value("note", "new", expected=0)
        self.assertEqual(one.get_value("note", timeout=5), (b"\0\xff", 2))
        large = bytes(range(256)) * 4096
        one.set_value("large", large)
        self.assertEqual(other.get_value("large"), (large, 1))
        with self.assertRaises(ngd.LimitError):
            one.set_value("large", large + b"1")
        self.assertEqual((one.set_value("empty", b""), one.get_value("empty")), (1, (b"", 1)))

    def test_a_value_is_waited_for(self):
        one, other = self.begun(), self.client()
        begun = time.monotonic()
        with self.assertRaises(ngd.NotFoundError):
            one.get_value("nothing", timeout=0.3)
        one.set_value("note", 1)
        with self.assertRaises(ngd.DeadlineError):
            one.get_value("note", known=1, timeout=0.3)
        self.assertLess(time.monotonic() - begun, 5)
        timer = threading.Timer(0.2, lambda: other.set_value("note", 2.5))
        timer.start()
        self.assertEqual(one.get_value("note", known=1), (b"2.5", 2))
        timer.join()

    def test_settings_of_the_optimizer_count_from_a_version_on(self):
        client = self.begun(optimizer="sgd:learning_rate=1")
        self.assertEqual(client.set_values({"learning_rate": 0.25, "optimizer.weight_decay": 0, "note": "why"}), 2)
        client.push({"w": vector(1, 2)})
        self.assertEqual(self.value(client), [-0.25, -0.5])
        self.assertEqual(client.get_value("optimizer.changes")[0].split()[0], b"2")
        self.assertEqual(client.set_values({"note": "no setting"}), 0)
        with self.assertRaises(ngd.RangeError):
            client.set_values({"note": "lost", "learning_rate": -1})
        self.assertEqual(client.get_value("note")[0], b"no setting")  # all or none
        with self.assertRaises(ngd.OptionError):
            client.set_value("optimizer.nothing", 1)
        with self.assertRaises(ngd.ArgumentError):
            client.set_values({})


class Locks(ClusterTest):
    def test_a_lock_is_held_by_one_at_a_time(self):
        counter, most = [], []

        def work(client):
            for _ in range(10):
                with client.lock("counter") as lock:
                    tokens.append(lock.token)
                    counter.append(1)
                    most.append(len(counter))
                    time.sleep(0.001)
                    counter.pop()

        tokens = []
        clients = [self.begun(), self.client()]
        together(*[lambda client=client: work(client) for client in clients])
        self.assertEqual((len(most), max(most)), (20, 1))
        self.assertEqual(tokens, sorted(set(tokens)))  # they grow from holder to holder

    def test_who_waits_in_vain_is_told_and_an_exception_gives_the_lock_back(self):
        one, other = self.begun(), self.client()
        with self.assertRaisesRegex(KeyError, "mine"):
            with one.lock("lock") as lock:
                self.assertEqual(lock.name, "lock")
                with self.assertRaises(ngd.DeadlineError):
                    other.lock("lock", timeout=0.3)
                raise KeyError("mine")
        with other.lock("lock", timeout=5) as later:
            self.assertGreater(later.token, lock.token)
        with self.assertRaises((ngd.FencedError, ngd.NotFoundError)):
            lock.release()

    def test_shared_locks_are_held_together(self):
        one, other = self.begun(), self.client()
        with one.lock("lock", exclusive=False), other.lock("lock", exclusive=False, timeout=5):
            with self.assertRaises(ngd.DeadlineError):
                self.client().lock("lock", timeout=0.3)

    def test_updates_under_a_lock_that_went_to_another_are_refused(self):
        one, other, helper = self.begun(), self.client(), self.client()
        lock = one.lock("lock")
        helper.adopt_lock("lock", lock.token)
        helper.push({"w": vector(1, 1)}, "delta")
        one.disconnect()  # the lock is free now
        with other.lock("lock", timeout=10):
            with self.assertRaises(ngd.FencedError):
                helper.push({"w": vector(1, 1)}, "delta")
            with self.assertRaises(ngd.FencedError):
                helper.set_value("note", "late")
            other.push({"w": vector(2, 2)}, "delta")
        self.assertEqual(self.value(other), [3, 3])
        with self.assertRaises(ngd.ArgumentError):
            helper.adopt_lock("lock", 0)

    def test_a_lock_lost_inside_is_told_at_the_end(self):
        one = self.begun()
        with self.assertRaises((ngd.FencedError, ngd.NotFoundError)):
            with one.lock("lock"):
                one.disconnect()
                one.connect(self.address)
        with self.assertRaises(ZeroDivisionError):  # what went wrong inside comes out, not that the lock is lost too
            with one.lock("lock"):
                one.disconnect()
                1 / 0

    def test_a_barrier_opens_for_all_at_once(self):
        one, other, opened = self.begun(), self.client(), []
        for generation in (1, 2):
            together(lambda: opened.append(one.barrier("gate")), lambda: opened.append(other.barrier("gate")))
            self.assertEqual(opened[-2:], [generation] * 2)
        with self.assertRaises(ngd.DeadlineError):
            one.barrier("other", 2, timeout=0.3)


class Partitions(ClusterTest):
    def test_every_partition_is_done_once_by_whoever_has_it(self):
        done = []

        def work(client):
            client.open_partitions("rows", 6)
            while True:
                try:
                    partition = client.claim_partition("rows", timeout=10)
                except (ngd.NotFoundError, ngd.UnavailableError):
                    return
                with partition:
                    done.append(partition.number)
                    partition.finish()

        clients = [self.begun(), self.client()]
        for client in clients:
            self.assertEqual(client.open_partitions("rows", 6), 1)
        together(*[lambda client=client: work(client) for client in clients])
        self.assertEqual(sorted(done), sorted(done)[:6] * (len(done) // 6))
        self.assertEqual(sorted(set(done)), list(range(6)))

    def test_progress_goes_to_whoever_has_it_next(self):
        one, other = self.begun(), self.client()
        one.open_partitions("rows", 2)
        with one.claim_partition("rows", 1) as partition:
            self.assertEqual((partition.number, partition.offset, partition.data), (1, 0, b""))
            with self.assertRaises(ngd.ConflictError):
                other.claim_partition("rows", 1)
            partition.progress(10, b"scores\0more")
            partition.progress(20)
        taken = other.claim_partition("rows", 1)
        self.assertEqual((taken.offset, taken.data), (20, b"scores\0more"))
        self.assertGreater(taken.token, partition.token)
        with self.assertRaises(ngd.FencedError):
            partition.progress(30)
        self.assertEqual(partition.offset, 20)
        large = bytes(1 << 20)
        taken.release(25, large)
        taken = one.claim_partition("rows", 1)
        self.assertEqual((taken.offset, taken.data), (25, large))
        taken.finish()
        rest = one.claim_partition("rows")
        self.assertEqual(rest.number, 0)
        with self.assertRaises(ngd.UnavailableError):
            other.claim_partition("rows", timeout=0.3)
        rest.finish(7)
        with self.assertRaisesRegex(ngd.NotFoundError, "are finished"):
            other.claim_partition("rows")
        with self.assertRaises(ngd.ConflictError):
            one.open_partitions("rows", 3)
        self.assertEqual(one.open_partitions("rows", 2), 2)  # a new pass
        with self.assertRaisesRegex(ngd.NotFoundError, "no set of partitions"):
            one.claim_partition("columns")
        with self.assertRaises(ValueError):
            one.claim_partition("rows", -1)


class Trainers(ClusterTest):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(5)
        features = rng.normal(size=(240, 4)).astype(np.float32)
        self.data = ngd.Dataset.from_arrays(features, (features.sum(axis=1) > 0).astype(int))

    def parts(self):
        return ngd.Model("mlp", hidden=8), ngd.Optimizer("ngd", learning_rate=0.03), self.data

    def alone(self):
        model, optimizer, data = self.parts()
        ngd.Trainer(epochs=3, batch_size=24).run(model, optimizer, data)
        return model

    def worker(self, workers, rank):
        with ngd.Trainer(epochs=3, batch_size=24) as trainer, \
                ngd.Client(consistency="bulk", workers=workers, rank=rank) as client:
            self.assertIs(trainer.connect(client, self.address), trainer)
            trainer.run(*self.parts())

    def compare(self, model, exactly):
        expected = self.alone()
        for info in expected.tensors:
            one, other = expected.get_tensor(info.name), model.get_tensor(info.name)
            if exactly:
                np.testing.assert_array_equal(one, other)
            else:
                np.testing.assert_allclose(one, other, rtol=3e-5, atol=3e-5)

    def check_servers(self, model):
        """The servers have what the observer has, made by one update for each batch, none twice."""
        with ngd.Client(worker=False).connect(self.address) as reader:
            values = reader.empty()
            self.assertEqual(reader.pull(values), 1 + 3 * 240 // 24)
            for name, array in values.items():
                np.testing.assert_array_equal(model.get_tensor(name).reshape(array.shape), array)

    def observe(self, workers):
        model, optimizer, data = self.parts()
        trainer, events = ngd.Trainer(epochs=3, batch_size=24), []
        trainer.on_event(events.append)
        with ngd.Client(consistency="bulk", workers=workers, worker=False) as client:
            trainer.connect(client, [self.address])
            trainer.run(model, optimizer, data, data)
        self.assertEqual([event.epoch for event in events if event.kind == "epoch"], [1, 2, 3])
        self.assertEqual(events[-1].rows, 3 * 240)
        return model

    def test_rounds_of_one_worker_equal_the_run_on_one_machine(self):
        models = []
        together(lambda: self.worker(1, 1), lambda: models.append(self.observe(1)))
        self.compare(models[0], exactly=True)
        self.check_servers(models[0])

    def test_rounds_of_two_workers_equal_it_too(self):
        models = []
        together(lambda: self.worker(2, 1), lambda: self.worker(2, 2), lambda: models.append(self.observe(2)))
        self.compare(models[0], exactly=False)
        self.check_servers(models[0])

    def test_fit_takes_part_in_a_training(self):
        def fit(**client):
            model, optimizer, data = self.parts()
            model.fit(data, optimizer=optimizer, epochs=3, batch_size=24, addresses=self.address,
                      client=ngd.Client(consistency="bulk", workers=1, **client))
            return model

        models = []
        together(fit, lambda: models.append(fit(worker=False)))
        self.compare(models[0], exactly=True)
        self.check_servers(models[0])

    def test_a_trainer_that_was_connected_trains_alone_again(self):
        trainer, (model, optimizer, data) = ngd.Trainer(epochs=3, batch_size=24), self.parts()
        trainer.connect(ngd.Client(), "inproc://nobody", timeout=0.3)
        begun = time.monotonic()
        with self.assertRaises((ngd.DeadlineError, ngd.UnavailableError)):
            trainer.run(model, optimizer, data)
        self.assertLess(time.monotonic() - begun, 10)
        trainer.connect(None).run(model, optimizer, data)
        self.compare(model, exactly=True)
        with self.assertRaises(ngd.RangeError):
            trainer.connect(ngd.Client(), self.address, timeout=-1)
        with self.assertRaises(ngd.NgdError):
            trainer.connect(ngd.Client(), "nonsense")

    def test_trainers_with_other_options_are_refused(self):
        self.worker(1, 1)
        model, optimizer, data = self.parts()
        with self.assertRaises(ngd.ConflictError):
            model.fit(data, optimizer=optimizer, epochs=3, batch_size=30, addresses=self.address,
                      client=ngd.Client(consistency="bulk", workers=1, rank=1))


class Example(unittest.TestCase):
    program = pathlib.Path(__file__).resolve().parents[3] / "docs" / "examples" / "worker.py"
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(ngd.__file__).resolve().parents[1])}

    def run_example(self, *arguments):
        done = subprocess.run([sys.executable, "-B", str(self.program), *arguments], capture_output=True, text=True,
                              env=self.environment, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_three_workers_and_their_server(self):
        said = self.run_example()
        self.assertEqual(sorted(re.findall(r"worker (\d) of 3", said)), ["0", "1", "2"])
        version, accuracy = re.search(r"version (\d+): accuracy ([\d.]+)\n$", said).groups()
        self.assertEqual(int(version), 1 + 3 * 5 * 2000 // 50)
        self.assertGreater(float(accuracy), 0.97)

    def test_a_server_and_a_worker_on_their_own(self):
        server = subprocess.Popen([sys.executable, "-B", str(self.program), "serve", "tcp://127.0.0.1:*"],
                                  stdout=subprocess.PIPE, text=True, env=self.environment)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        address = server.stdout.readline().strip()
        self.assertEqual(self.run_example("work", address, "0", "1"),
                         "worker 0 of 1: its last update made version 601\n")
        server.send_signal(signal.SIGINT)
        self.assertEqual(server.wait(30), 0)


if __name__ == "__main__":
    unittest.main()
