"""ICEA through Python: drawing and recording, lists, handing over, saving, threads, the trainer's buffer."""

import os
import tempfile
import threading
import unittest

import numpy as np

import ngd


def trained(samples=100, batches=40, **options):
    icea = ngd.Icea(samples, warmup=0, **options)
    for _ in range(batches):
        rows, _ = icea.draw(25)
        losses = (rows * 7919 % 101) / 40
        icea.record(rows, losses, losses < 1.5)
    return icea


class Buffer(unittest.TestCase):
    def test_the_first_epoch_is_a_pass(self):
        icea = ngd.Icea(50)
        self.assertTrue(icea.info().plain and icea.info().warming)
        rows = np.concatenate([icea.draw(10)[0] for _ in range(5)])
        self.assertEqual(sorted(rows), list(range(50)))
        self.assertEqual(rows.dtype, np.uint64)
        self.assertFalse(icea.info().warming)

    def test_hard_samples_come_back_with_their_weights(self):
        icea = ngd.Icea(100, "icea:warmup=0,quarantine=0", beta=1)
        icea.record(np.arange(100), np.where(np.arange(100) < 5, 2.0, 0.0), np.arange(100) >= 5)
        self.assertEqual(list(icea.hard_set()), [0, 1, 2, 3, 4])
        rows, weights = icea.draw(4000)
        share = (rows < 5).mean()
        q = sum(icea.sample(i).probability for i in range(5))
        self.assertAlmostEqual(share, q, delta=0.04)
        self.assertEqual(weights.dtype, np.float32)
        np.testing.assert_allclose(weights, [1 / (100 * icea.sample(int(row)).probability) for row in rows], rtol=1e-5)
        info = icea.info()
        self.assertEqual((info.samples, info.seen, info.hard, info.capacity, info.records, info.draws),
                         (100, 100, 5, 10, 100, 4000))
        self.assertEqual(len(icea), 100)

    def test_quarantine_is_listed(self):
        icea = ngd.Icea(10, quarantine=2)
        for _ in range(2):
            icea.record([3, 8, 5], [3, 3, 3], [0, 0, 1])
        self.assertEqual(list(icea.quarantine()), [3, 8])
        sample = icea.sample(3)
        self.assertEqual((sample.seen, sample.errors, sample.miss_run, sample.score, sample.quarantined, sample.hard),
                         (2, 2, 2, 3.0, True, False))
        icea.record([3], [1.0], [True])
        self.assertEqual(list(icea.quarantine()), [8])

    def test_errors_are_exceptions(self):
        icea = ngd.Icea(10)
        with self.assertRaisesRegex(ngd.RangeError, "sample 10 .* does not exist; the buffer has 10 samples"):
            icea.record([0, 10], [1, 1])
        with self.assertRaises(ngd.NotFiniteError):
            icea.record([0], [float("nan")])
        with self.assertRaisesRegex(ngd.ShapeError, "losses has 3 entries, but ids 2"):
            icea.record([0, 1], [1, 2, 3])
        with self.assertRaisesRegex(ngd.OptionError, 'did you mean "rho"'):
            ngd.Icea(10, rhoo=0.5)
        with self.assertRaisesRegex(ValueError, "samples is -1, but must be at least 0"):
            ngd.Icea(-1)
        with self.assertRaises(ngd.StateError):
            ngd.Icea(0).draw(1)
        self.assertEqual(icea.info().records, 0)

    def test_options_and_spec(self):
        icea = ngd.Icea(10, mode="phase", rho=0.25)
        self.assertEqual(icea.spec, "icea:mode=phase,rho=0.25")
        self.assertEqual((icea["rho"], icea["mode"], icea["quarantine"]), (0.25, "phase", 3))
        icea["sampler"] = "rank"
        self.assertIn("selective_backprop", icea.options()["sampler"].choices)

    def test_resize_and_reset(self):
        icea = trained()
        icea.resize(150)
        self.assertEqual((icea.info().samples, icea.sample(149).seen), (150, 0))
        icea.reset()
        self.assertEqual(icea.info().seen, 0)

    def test_scores_travel(self):
        one, other = trained(), ngd.Icea(60, warmup=0)
        scores = one.export(30, 60)
        self.assertEqual(scores.scores.dtype, np.float32)
        other.import_scores(0, scores)
        for i in range(60):
            self.assertEqual(one.sample(30 + i)[:4], other.sample(i)[:4])
        self.assertEqual(len(one.export().seen), 100)
        with self.assertRaises(ngd.ShapeError):
            other.import_scores(0, scores._replace(seen=scores.seen[:3]))

    def test_a_loaded_buffer_goes_on(self):
        icea = trained(beta=0.5)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "icea.safetensors")
            icea.save(path)
            loaded = ngd.Icea.load(path)
        self.assertEqual(loaded.spec, icea.spec)
        for _ in range(5):
            for a, b in zip(icea.draw(30), loaded.draw(30)):
                np.testing.assert_array_equal(a, b)

    def test_threads_draw_and_record_at_once(self):
        icea = ngd.Icea(1000, warmup=0)

        def work():
            for _ in range(50):
                rows, _ = icea.draw(64)
                icea.record(rows, np.ones(64), np.zeros(64))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((icea.info().records, icea.info().draws), (4 * 50 * 64, 4 * 50 * 64))


class InTraining(unittest.TestCase):
    def data(self):
        rng = np.random.default_rng(1)
        features = rng.normal(size=(200, 4)).astype(np.float32)
        labels = (features.sum(axis=1) > 0).astype(int)
        labels[::8] = 1 - labels[::8]  # an eighth is wrong
        return ngd.Dataset.from_arrays(features, labels)

    def test_the_trainer_shares_its_buffer_and_warns(self):
        trainer = ngd.Trainer(epochs=8, batch_size=20, icea="icea:quarantine=2")
        events = list(trainer.events(ngd.Model("mlp", hidden=8), ngd.Optimizer("ngd", learning_rate=0.02), self.data()))
        icea = trainer.icea()
        self.assertEqual(icea.info().records, 1600)
        epochs = [event for event in events if event.kind == "epoch"]
        self.assertEqual(epochs[-1].hard_set, icea.info().hard)
        self.assertEqual(epochs[-1].quarantined, len(icea.quarantine()))
        self.assertGreater(epochs[-1].hard_share, 0.1)
        warnings = [event for event in events if event.kind == "warning"]
        self.assertEqual(len(warnings), 1)
        self.assertIn("in quarantine", warnings[0].message)
        self.assertIn("in quarantine", str(warnings[0]))
        wrong = icea.quarantine() % 8 == 0
        self.assertGreater(wrong.mean(), 0.6)

    def test_without_the_option_there_is_no_buffer(self):
        with self.assertRaises(ngd.StateError):
            ngd.Trainer().icea()

    def test_a_loop_of_ones_own(self):
        data = self.data()
        model = ngd.Model("mlp", hidden=8).prepare(data)
        optimizer = ngd.Optimizer("ngd", learning_rate=0.02)
        icea = ngd.Icea(len(data), beta=1)
        for _ in range(60):
            rows, weights = icea.draw(20)
            loss, losses, correct = model.train_weighted(optimizer, data, rows, weights)
            self.assertAlmostEqual(loss, float((weights * losses).mean()), places=5)
            icea.record(rows, losses, correct)
        self.assertGreater(model.evaluate(data).accuracy, 0.8)
        loss, losses, correct = model.train_weighted(optimizer, data, [0, 1])
        self.assertEqual((losses.dtype, correct.dtype, len(losses)), (np.float32, bool, 2))
        with self.assertRaises(ngd.ShapeError):
            model.train_weighted(optimizer, data, [0, 1], [1.0])


if __name__ == "__main__":
    unittest.main()
