"""Optimizers through Python: arrays in place, options, errors, saved state, threads, fork, garbage collection."""

import gc
import os
import tempfile
import threading
import time
import unittest

import numpy as np

import ngd


def ngd_in_numpy(w, gradients, lr=0.001, b1=0.9, b2=0.999, epsilon=1e-8, tau=0.1, floor=1e-3):
    """The rule `ngd` with accel=nesterov and trust=cap, written once more from the formulas."""
    w = w.copy()
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        n = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1 ** t)
        u = n / np.sqrt(v / (1 - b2 ** t) + epsilon)
        cap = tau * max(np.linalg.norm(w), floor * np.sqrt(w.size)) / (lr * np.linalg.norm(u))
        w -= lr * min(1, cap) * u
    return w


class Steps(unittest.TestCase):
    def test_twenty_steps_of_ngd_agree_with_numpy(self):
        rng = np.random.default_rng(3)
        for lr in (0.01, 0.5):  # with 0.5 the cap is at work
            w = rng.normal(size=(5, 7))
            gradients = [rng.normal(size=(5, 7)) for _ in range(20)]
            expected = ngd_in_numpy(w, gradients, lr=lr)
            optimizer = ngd.Optimizer("ngd", learning_rate=lr)
            for gradient in gradients:
                optimizer.step([w], [gradient])
            np.testing.assert_allclose(w, expected, rtol=1e-12)
            self.assertEqual(optimizer.step_count, 20)

    def test_parameters_change_in_place(self):
        w, g = np.ones((3, 4), np.float32), np.full((3, 4), 0.5, np.float32)
        view, address = w.view(), w.ctypes.data
        ngd.Optimizer("sgd", learning_rate=0.5).step([w], [g])
        self.assertEqual(w.ctypes.data, address)
        np.testing.assert_array_equal(view, np.full((3, 4), 0.75, np.float32))
        np.testing.assert_array_equal(g, np.full((3, 4), 0.5, np.float32))

    def test_a_bound_step_is_the_same_as_a_step(self):
        rng = np.random.default_rng(5)
        a = [rng.normal(size=(4, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)]
        b = [array.copy() for array in a]
        gradient = [np.empty_like(array) for array in a]
        first, second = ngd.Optimizer("adam"), ngd.Optimizer("adam")
        bound = second.bind(b, gradient)
        for _ in range(10):
            for array in gradient:
                array[...] = rng.normal(size=array.shape)
            first.step(a, gradient)
            bound()
        for x, y in zip(a, b):
            np.testing.assert_array_equal(x, y)

    def test_a_bound_step_costs_little(self):
        w, g = np.ones(8, np.float32), np.zeros(8, np.float32)
        step = ngd.Optimizer("sgd").bind([w], [g])
        best = float("inf")
        for _ in range(5):
            start = time.perf_counter()
            for _ in range(20000):
                step()
            best = min(best, (time.perf_counter() - start) / 20000)
        print(f"a bound step of 8 numbers takes {best * 1e6:.2f} us")
        self.assertLess(best, 50e-6)

    def test_dicts_go_by_name_in_any_order(self):
        w, b = np.ones(2), np.zeros(3)
        optimizer = ngd.Optimizer("sgd", learning_rate=1)
        optimizer.step({"w": w, "b": b}, {"b": np.ones(3), "w": np.zeros(2)})
        optimizer.step({"b": b, "w": w}, {"w": np.zeros(2), "b": np.ones(3)})
        np.testing.assert_array_equal(b, np.full(3, -2.0))
        np.testing.assert_array_equal(w, np.ones(2))
        self.assertEqual([info.name for info in optimizer.tensors], ["w", "b"])
        with self.assertRaisesRegex(ngd.ShapeError, "the tensors are"):
            optimizer.step({"w": w}, {"w": w})

    def test_the_gradient_penalty_restores_bit_for_bit(self):
        w = np.random.default_rng(1).normal(size=(3, 3)).astype(np.float32)
        before, g = w.copy(), w * 2
        optimizer = ngd.Optimizer("ngd", grad_penalty=0.5)
        optimizer.perturb([w], [g])
        self.assertFalse(np.array_equal(w, before))
        second = w * 2
        optimizer.restore([w], [second])
        np.testing.assert_array_equal(w, before)
        self.assertFalse(np.array_equal(second, g))
        optimizer.step([w], [second])
        self.assertEqual(optimizer.step_count, 1)

    def test_a_gradient_that_is_not_finite_is_skipped_or_refused(self):
        w, g = np.ones(3, np.float32), np.array([1, np.nan, 1], np.float32)
        optimizer = ngd.Optimizer("adam")
        optimizer.step([w], [g])
        np.testing.assert_array_equal(w, np.ones(3))
        self.assertEqual((optimizer.step_count, optimizer.skip_count), (0, 1))
        optimizer["nonfinite"] = "error"
        with self.assertRaises(ngd.NotFiniteError):
            optimizer.step([w], [g])


class Refused(unittest.TestCase):
    def setUp(self):
        self.w, self.g = np.ones((4, 3), np.float32), np.ones((4, 3), np.float32)
        self.optimizer = ngd.Optimizer("sgd")

    def refuse(self, kind, words, parameters, gradients):
        with self.assertRaisesRegex(kind, words):
            self.optimizer.step(parameters, gradients)
        with self.assertRaisesRegex(kind, words):
            self.optimizer.bind(parameters, gradients)
        np.testing.assert_array_equal(self.w, np.ones((4, 3)))

    def test_arrays_that_would_need_a_copy(self):
        w, g = self.w, self.g
        self.refuse(ValueError, r"parameters\[0\] is not a C-contiguous.*numpy.ascontiguousarray", [w.T], [g.T])
        self.refuse(ValueError, r"gradients\[0\] is not a C-contiguous", [w[:, :2].copy()], [g[:, :2]])
        self.refuse(TypeError, r"parameters\[0\] has dtype int64, but must be float32 or float64", [w.astype(int)], [g])
        self.refuse(TypeError, r"gradients\[0\] has dtype >f4", [w], [g.astype(">f4")])
        self.refuse(TypeError, r"parameters\[0\] is a list.*numpy.asarray", [w.tolist()], [g])
        self.refuse(TypeError, "put a single array in a list", w, g)
        frozen = w.copy()
        frozen.setflags(write=False)
        self.refuse(ValueError, r"parameters\[0\] is read-only.*\.copy\(\)", [frozen], [g])
        self.optimizer.step([w.copy()], [frozen])  # a gradient is only read

    def test_sizes_that_do_not_agree(self):
        w, g = self.w, self.g
        self.refuse(ngd.ShapeError, "1 parameter arrays, but 2 gradient arrays", [w], [g, g])
        self.refuse(ngd.ShapeError, "0 parameter arrays", [], [])
        self.refuse(ngd.ShapeError, r"gradients\[0\] is float32 of shape \(3, 4\)", [w], [g.reshape(3, 4)])
        self.refuse(ngd.ShapeError, "all arrays of one optimizer have one dtype", [w, w.astype("f8")], [g, g.astype("f8")])
        self.refuse(ngd.ShapeError, "each at least 1", [w, np.empty(0, "f4")], [g, np.empty(0, "f4")])
        self.assertEqual(self.optimizer.tensors, ())
        self.optimizer.step([w.copy()], [g])
        self.refuse(ngd.ShapeError, r"parameters\[0\] is F32 of shape \(2, 3\), but tensor 'tensor_0' is F32 of shape "
                    r"\(4, 3\)", [w[:2]], [g[:2]])
        self.refuse(ngd.ShapeError, "has 1 tensors, but 2 arrays came", [w, w], [g, g])

    def test_tensors_that_came_from_a_file_are_checked_too(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "state")
            self.optimizer.step([self.w.copy()], [self.g])
            self.optimizer.save(path)
            loaded = ngd.Optimizer("sgd").load(path)
            with self.assertRaisesRegex(ngd.ShapeError, "but tensor 'tensor_0'"):
                loaded.step([self.w[:1]], [self.g[:1]])


class Options(unittest.TestCase):
    def test_options_have_their_types(self):
        optimizer = ngd.Optimizer("ngd:beta1=0.8", learning_rate=0.25, accel="seed")
        self.assertEqual((optimizer["learning_rate"], optimizer["beta1"], optimizer["accel"]), (0.25, 0.8, "seed"))
        optimizer["weight_decay"] = np.float32(0.5)
        optimizer["alpha"] = 2
        self.assertEqual((optimizer["weight_decay"], optimizer["alpha"]), (0.5, 2.0))
        self.assertEqual(repr(optimizer), f"Optimizer({optimizer.spec!r})")
        self.assertEqual(ngd.Optimizer(optimizer.spec).spec, optimizer.spec)
        self.assertEqual(optimizer.kind, "ngd")

    def test_the_table_tells_name_type_range_and_help(self):
        for rule in ngd.optimizer_rules():
            for name, option in ngd.Optimizer(rule).options().items():
                self.assertEqual(name, option.name)
                self.assertIn(option.type, ("number", "integer", "flag", "choice", "text"))
                self.assertTrue(option.help, option)
        option = ngd.Optimizer("ngd").options()["accel"]
        self.assertEqual((option.type, option.default), ("choice", "nesterov"))
        self.assertIn("seed-literal", option.choices)

    def test_errors_say_what_is_meant(self):
        with self.assertRaisesRegex(ngd.OptionError, 'did you mean "learning_rate"') as caught:
            ngd.Optimizer("adam", learning_rat=0.1)
        self.assertIsInstance(caught.exception, KeyError)
        with self.assertRaisesRegex(ngd.OptionError, 'did you mean "adam"'):
            ngd.Optimizer("adm")
        optimizer = ngd.Optimizer("adam")
        with self.assertRaises(ngd.RangeError):
            optimizer["learning_rate"] = -1.0
        with self.assertRaisesRegex(TypeError, "takes a str, int, float or bool, not list"):
            optimizer["learning_rate"] = [1]
        with self.assertRaises(KeyError):
            optimizer["no such option"]
        with self.assertRaisesRegex(ValueError, "NUL"):
            optimizer["learning_rate\0"] = 1.0
        with self.assertRaises(TypeError):
            ngd.Optimizer(3)
        self.assertEqual(optimizer["learning_rate"], 0.001)


class Lifetime(unittest.TestCase):
    def test_closing_twice_is_fine_and_use_after_it_is_an_error(self):
        w, g = np.ones(2), np.ones(2)
        with ngd.Optimizer("sgd") as optimizer:
            bound = optimizer.bind([w], [g])
        optimizer.close()
        self.assertTrue(optimizer.closed)
        self.assertEqual(repr(optimizer), "<closed Optimizer>")
        for use in (bound, lambda: optimizer.step([w], [g]), lambda: optimizer.step_count, lambda: optimizer.spec,
                    lambda: optimizer["learning_rate"], optimizer.__enter__):
            with self.assertRaisesRegex(ngd.ClosedError, "this Optimizer is closed"):
                use()
        np.testing.assert_array_equal(w, np.ones(2))

    def test_a_bound_step_keeps_all_it_needs_alive(self):
        w = np.ones(1000)
        step = ngd.Optimizer("sgd", learning_rate=1).bind([w], [np.ones(1000)])
        gc.collect()
        step()
        np.testing.assert_array_equal(w, np.zeros(1000))

    def test_an_object_that_was_never_made_can_be_collected(self):
        for _ in range(3):
            with self.assertRaises(ngd.OptionError):
                ngd.Optimizer("none such")
        gc.collect()

    def test_saved_state_goes_on_bit_for_bit(self):
        rng = np.random.default_rng(0)
        w = rng.normal(size=(3, 3)).astype(np.float32)
        gradients = [rng.normal(size=(3, 3)).astype(np.float32) for _ in range(6)]
        optimizer = ngd.Optimizer("ngd", learning_rate=0.1)
        for gradient in gradients[:3]:
            optimizer.step({"w": w}, {"w": gradient})
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "state.safetensors")
            optimizer.save(path)
            resumed = ngd.Optimizer("ngd").load(path)
            with self.assertRaises(OSError):
                resumed.load(os.path.join(folder, "nothing here"))
        self.assertEqual((resumed.spec, resumed.step_count), (optimizer.spec, 3))
        self.assertEqual(resumed.tensors, (ngd.TensorInfo("w", "F32", (3, 3)),))
        other = w.copy()
        for gradient in gradients[3:]:
            optimizer.step({"w": w}, {"w": gradient})
            resumed.step({"w": other}, {"w": gradient})
        np.testing.assert_array_equal(w, other)

    def test_pickling_is_refused(self):
        import pickle
        with self.assertRaisesRegex(TypeError, "cannot be pickled; save it to a file"):
            pickle.dumps(ngd.Optimizer("sgd"))


class Processes(unittest.TestCase):
    def test_two_threads_get_what_one_gets(self):
        def train(seed, results):
            rng = np.random.default_rng(seed)
            w = np.zeros(100)
            optimizer = ngd.Optimizer("ngd")
            for _ in range(300):
                optimizer.step([w], [rng.normal(size=100)])
            results[seed] = w

        alone, together = {}, {}
        for seed in (1, 2):
            train(seed, alone)
        threads = [threading.Thread(target=train, args=(seed, together)) for seed in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for seed in (1, 2):
            np.testing.assert_array_equal(alone[seed], together[seed])

    def test_an_optimizer_survives_fork(self):
        w, g = np.ones(1000), np.ones(1000)
        optimizer = ngd.Optimizer("adam")
        optimizer.step([w], [g])
        child = os.fork()
        if child == 0:
            try:
                optimizer.step([w], [g])
                optimizer.close()
                os._exit(0 if w[0] != 1 else 1)
            except BaseException:
                os._exit(2)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        optimizer.step([w], [g])
        self.assertEqual(optimizer.step_count, 2)

    def test_groups_averages_schedules_and_lenient_loading(self):
        optimizer = ngd.Optimizer("sgd", learning_rate=1, average="swa", schedule_patience=0, schedule="plateau")
        optimizer.add_group("bias", "b", "learning_rate=0.5")
        w, b = np.array([1.0, 2.0]), np.array([3.0])
        gradients = {"w": np.ones(2), "b": np.ones(1)}
        for _ in range(2):
            optimizer.step({"w": w, "b": b}, gradients)
        averages = optimizer.average({"w": w, "b": b})
        np.testing.assert_array_equal(averages[0], [-0.5, 0.5])
        np.testing.assert_array_equal(averages[1], [2.25])
        optimizer.report(1)
        optimizer.report(1)
        self.assertEqual(optimizer.learning_rate, 0.1)
        optimizer.set_group("bias", learning_rate=0.25)
        self.assertEqual(optimizer.zero_count, 0)
        self.assertTrue(np.isnan(optimizer.gradient_norm))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "state.safetensors")
            optimizer.save(path)
            other = ngd.Optimizer("sgd")
            other.add("w", (2,), "float64")
            other.add("new", (2,), "float64")
            self.assertEqual(other.load_matching(path), 1)
            self.assertEqual(other.step_count, 2)
