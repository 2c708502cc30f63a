"""The trainer through Python: events both ways, exceptions, cancel, resume, Ctrl-C, checkpoints."""

import glob
import os
import signal
import tempfile
import threading
import time
import unittest

import numpy as np

import ngd


def data(rows=200, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, 4)).astype(np.float32)
    return ngd.Dataset.from_arrays(features, (features.sum(axis=1) > 0).astype(int))


class Events(unittest.TestCase):
    def setUp(self):
        self.model, self.optimizer, self.training = ngd.Model("linear"), ngd.Optimizer("adam"), data()

    def test_the_generator_trains_while_it_is_iterated(self):
        trainer = ngd.Trainer(epochs=4, batch_size=20)
        events = [event for event in trainer.events(self.model, self.optimizer, self.training, data(seed=1))
                  if event.kind != "progress"]
        self.assertEqual([event.kind for event in events], ["begin"] + ["epoch"] * 4 + ["end"])
        last = events[-2]
        self.assertEqual((last.epoch, last.epochs, last.step, last.steps, last.rows), (4, 4, 40, 40, 800))
        self.assertTrue(0 <= last.held_out_accuracy <= 1 and last.loss > 0 and last.path == "" and not last.resumed)
        self.assertIn("epoch: epoch 4 of 4, step 40, loss ", str(last))
        self.assertEqual(self.optimizer.step_count, 40)

    def test_leaving_the_loop_ends_the_run(self):
        trainer = ngd.Trainer(epochs=1000, batch_size=1)
        for event in trainer.events(self.model, self.optimizer, self.training):
            break
        self.assertLess(self.optimizer.step_count, 1000)
        trainer["epochs"] = 1
        trainer.run(self.model, self.optimizer, self.training)  # would be a StateError with a run in progress

    def test_start_advance_and_poll(self):
        trainer = ngd.Trainer(epochs=1, batch_size=100)
        trainer.start(self.model, self.optimizer, self.training)
        self.assertEqual(trainer.poll().kind, "begin")
        self.assertIsNone(trainer.poll())
        with self.assertRaises(ngd.StateError):
            trainer.start(self.model, self.optimizer, self.training)
        while trainer.advance():
            pass
        self.assertEqual(self.optimizer.step_count, 2)
        with self.assertRaises(ngd.StateError):
            trainer.advance()

    def test_exceptions_of_callbacks_come_out_as_they_are(self):
        class Own(Exception):
            pass

        thrown = Own("mine")

        def callback(event):
            if event.kind == "epoch" and event.epoch == 2:
                raise thrown

        trainer = ngd.Trainer(epochs=5)
        trainer.on_event(callback)
        with self.assertRaises(Own) as caught:
            trainer.run(self.model, self.optimizer, self.training)
        self.assertIs(caught.exception, thrown)
        trainer.on_event(None)
        trainer.run(self.model, self.optimizer, self.training)  # the trainer is good for another run

    def test_a_true_result_stops_the_run(self):
        trainer = ngd.Trainer()
        trainer.on_event(lambda event: True)
        with self.assertRaises(ngd.CallbackError):
            trainer.run(self.model, self.optimizer, self.training)

    def test_a_callback_cannot_pull_the_trainer_from_under_itself(self):
        trainer, seen = ngd.Trainer(epochs=1), []

        def callback(event):
            for use in (trainer.close, lambda: trainer.advance(1), lambda: trainer.on_event(None)):
                try:
                    use()
                except ngd.StateError as error:
                    seen.append(error)

        trainer.on_event(callback)
        trainer.run(self.model, self.optimizer, self.training)
        self.assertEqual(len(seen) % 3, 0)
        self.assertGreaterEqual(len(seen), 9)

    def test_cancel_from_another_thread(self):
        trainer = ngd.Trainer(epochs=1_000_000)
        timer = threading.Timer(0.05, trainer.cancel)
        timer.start()
        with self.assertRaises(ngd.CancelledError):
            trainer.run(self.model, self.optimizer, self.training)
        timer.join()

    def test_other_threads_run_while_the_library_works(self):
        trainer = ngd.Trainer(epochs=1_000_000)
        trainer.start(self.model, self.optimizer, self.training)
        started = threading.Event()
        ticks = []

        def work():
            started.set()
            trainer.advance(100_000)  # one call, which must not hold Python's lock
            ticks.append("end")

        worker = threading.Thread(target=work)
        worker.start()
        started.wait()
        while len(ticks) < 10 and "end" not in ticks:
            ticks.append("tick")
            time.sleep(0.001)
        worker.join()
        self.assertEqual(ticks, ["tick"] * 10 + ["end"])

    def test_control_c_stops_a_run_without_callback(self):
        trainer = ngd.Trainer(epochs=1_000_000)
        timer = threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT])
        timer.start()
        with self.assertRaises(KeyboardInterrupt):
            trainer.run(self.model, self.optimizer, self.training)
        timer.join()
        with self.assertRaises(ngd.StateError):  # the run has ended
            trainer.advance()


class Runs(unittest.TestCase):
    def test_a_cancelled_run_resumes_bit_for_bit(self):
        training = data()
        with tempfile.TemporaryDirectory() as folder:
            def make(name, **options):
                return ngd.Trainer(epochs=6, batch_size=10, run_directory=os.path.join(folder, name), **options)

            whole = ngd.Model("mlp", hidden=8)
            make("whole").run(whole, ngd.Optimizer("ngd"), training)
            trainer = make("parts")

            def stop(event):
                if event.kind == "epoch" and event.epoch == 3:
                    trainer.cancel()

            trainer.on_event(stop)
            with self.assertRaises(ngd.CancelledError):
                trainer.run(ngd.Model("mlp", hidden=8), ngd.Optimizer("ngd"), training)
            with self.assertRaises(ngd.StateError):
                make("parts").run(ngd.Model("mlp", hidden=8), ngd.Optimizer("ngd"), training)
            resumed, events = ngd.Model("mlp", hidden=8), []
            trainer = make("parts", resume=True)
            trainer.on_event(events.append)
            trainer.run(resumed, ngd.Optimizer("ngd"), training)
            self.assertTrue(events[0].resumed)
            for info in whole.tensors:
                np.testing.assert_array_equal(whole.get_tensor(info.name), resumed.get_tensor(info.name))
            written = [event.path for event in events if event.kind == "checkpoint"]
            self.assertTrue(written and os.path.exists(written[-1]), written)
            loaded = ngd.Model.load(os.path.join(folder, "parts"))
            np.testing.assert_array_equal(loaded.predict_proba(training), resumed.predict_proba(training))
            path = sorted(glob.glob(os.path.join(folder, "parts", "*.safetensors")))[-1]
            with ngd.Checkpoint(path) as checkpoint:
                self.assertTrue(any(name.startswith("optimizer.") for name in checkpoint))
                self.assertEqual(ngd.Optimizer("ngd").load(path).step_count, 120)

    def test_divergence_has_its_own_exception(self):
        features = np.linspace(-100, 100, 50, dtype=np.float32)[:, None]
        training = ngd.Dataset.from_arrays(features, features[:, 0].astype(float))
        with self.assertRaises(ngd.DivergedError):
            ngd.Model("linear", scale="none").fit(training, optimizer="sgd:learning_rate=1000", epochs=50)


class Options(unittest.TestCase):
    def test_trainers_have_options_too(self):
        trainer = ngd.Trainer("trainer:epochs=3", batch_size=7)
        self.assertEqual((trainer["epochs"], trainer["batch_size"], trainer.kind), (3, 7, "trainer"))
        self.assertIs(type(trainer["epochs"]), int)
        self.assertEqual(trainer.options()["epochs"].type, "integer")
        with self.assertRaisesRegex(ngd.OptionError, 'did you mean "epochs"'):
            ngd.Trainer(epoch=3)
