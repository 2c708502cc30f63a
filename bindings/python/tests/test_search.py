"""Random search and initialisers through Python."""

import math
import os
import tempfile
import unittest

import numpy as np

import ngd

SPACE = {"rate": "log_uniform:low=1e-4,high=0.1", "rule": "categorical:values=sgd|ngd", "units": "log_integer:low=8,high=512",
         "delta": "uniform:low=1,high=2,when=rule=ngd"}


def loss(trial):
    if trial["units"] % 7 == 0:
        raise MemoryError("too large")
    return (math.log10(trial["rate"]) + 2) ** 2 + trial.values.get("delta", 3) + 3 / trial["units"]


class RandomSearch(unittest.TestCase):
    def test_a_search_runs_to_its_end(self):
        search = ngd.Search(SPACE, max_trials=40, patience=0).run(loss)
        info = search.info()
        self.assertEqual((info.parameters, info.counted, info.reason), (4, 40, "max_trials"))
        self.assertGreater(info.failed, 0)
        self.assertEqual(info.finished + info.failed, 40)
        best = search.values(info.best_trial)
        self.assertEqual(best["rule"], "ngd")
        self.assertIsInstance(best["units"], int)
        self.assertEqual(info.best_value, min(search.trial(i).value for i in range(40) if search.trial(i).state == "finished"))
        failed = next(i for i in range(40) if search.trial(i).state == "failed")
        self.assertEqual(search.message(failed), "MemoryError: too large")
        self.assertGreater(search.importance("rule").correlation, search.importance("rule").chance)
        self.assertIsNone(search.ask())

    def test_threads_and_a_journal_give_the_same_answer(self):
        def with_reports(trial):
            for step in range(1, 4):
                if trial.report(step, loss(trial) + 1 / step):
                    break
            return loss(trial)

        options = dict(max_trials=40, pruning="median", parallel=8, patience=0)
        alone = ngd.Search(SPACE, **options).run(with_reports).info()
        self.assertGreater(alone.pruned, 0)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "search.jsonl")
            with ngd.Search(SPACE, journal=path, **options) as crew:
                crew.run(with_reports, workers=4)
                self.assertEqual(crew.info()[3:8] + crew.info()[9:11], alone[3:8] + alone[9:11])
            loaded = ngd.Search.load(path)
            self.assertEqual(loaded.info()[3:8] + loaded.info()[9:11], alone[3:8] + alone[9:11])
            self.assertEqual(list(loaded.space), list(SPACE))
            with self.assertRaises(ngd.StateError):
                loaded.ask()
            with ngd.Search(SPACE, journal=path, **{**options, "max_trials": 50}) as longer:
                self.assertEqual(longer.run(with_reports).info().counted, 50)

    def test_errors_are_exceptions(self):
        search = ngd.Search()
        with self.assertRaisesRegex(ngd.OptionError, 'did you mean "uniform"'):
            search.add("a", "unifrom")
        with self.assertRaises(ngd.StateError):
            search.ask()
        with self.assertRaises(ngd.NotFoundError):
            search.importance("a")
        with self.assertRaises(ngd.FileError):
            ngd.Search.load("/no such file")
        search.add("a", "uniform")
        trial = search.ask()
        with self.assertRaisesRegex(ngd.StateError, "already ended"):
            trial.tell(1)
            trial.tell(2)
        self.assertEqual(ngd.parameter_kinds(), ["uniform", "log_uniform", "integer", "log_integer", "categorical"])
        self.assertEqual(list(ngd.Search.parameter_options("categorical")), ["values", "when"])
        self.assertEqual(search.options()["patience"].default, 20)


class Initialisers(unittest.TestCase):
    def test_weights_begin_as_those_of_a_model(self):
        model = ngd.Model("mlp", inputs=4, outputs=2, hidden=3, seed=9, init="truncated_normal").prepare()
        own = ngd.initialize(4, 3, "truncated_normal", seed=9)
        np.testing.assert_array_equal(own, model.get_tensor(0))
        self.assertEqual(own.dtype, np.float32)

    def test_every_kind_has_its_spread(self):
        spread = {kind: ngd.initialize(300, 100, kind, dtype="float64").std() for kind in ngd.initializer_kinds()}
        self.assertAlmostEqual(spread["kaiming_normal"], math.sqrt(2 / 300), delta=0.002)
        self.assertAlmostEqual(spread["xavier_uniform"], math.sqrt(2 / 400), delta=0.002)
        self.assertEqual(spread["zeros"], 0)
        q = ngd.initialize(30, 20, "orthogonal", dtype="float64")
        np.testing.assert_allclose(q.T @ q, np.eye(20), atol=1e-12)
        with self.assertRaisesRegex(ngd.OptionError, "unknown initializer"):
            ngd.initialize(2, 2, "he")
        with self.assertRaises(TypeError):
            ngd.initialize(2, 2, dtype="int32")


if __name__ == "__main__":
    unittest.main()
