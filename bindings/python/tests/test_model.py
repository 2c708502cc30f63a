"""Models through Python: fit and predict, by parts, tensors, files, and what is refused."""

import gc
import os
import tempfile
import unittest

import numpy as np

import ngd


def clouds(rows=300, seed=0):
    """Three clouds of points, labelled 0 to 2."""
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % 3
    centres = np.array([[0, 2], [2, -1], [-2, -1]])
    return (centres[labels] + 0.5 * rng.normal(size=(rows, 2))).astype(np.float32), labels


class Whole(unittest.TestCase):
    def test_fit_learns_classes_and_predicts_their_numbers(self):
        features, labels = clouds()
        model = ngd.Model("mlp", hidden="16x8").fit((features, labels), held_out=clouds(seed=1), optimizer="adam",
                                                    epochs=20, batch_size=16)
        metrics = model.evaluate(clouds(seed=2))
        self.assertGreater(metrics.accuracy, 0.97)
        self.assertEqual(metrics.rows, 300)
        self.assertAlmostEqual(metrics.majority, 1 / 3)
        probabilities = model.predict_proba(features)
        self.assertEqual((probabilities.shape, probabilities.dtype), ((300, 3), np.float32))
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
        self.assertGreater(np.mean(model.predict(features) == labels), 0.97)
        self.assertEqual((model.classes, model.input_count, model.output_count), (["0", "1", "2"], 2, 3))

    def test_two_classes_have_two_columns_of_probability(self):
        features = np.linspace(-1, 1, 100, dtype=np.float32)[:, None]
        model = ngd.Model("linear").fit((features, (features[:, 0] > 0).astype(int)), optimizer="ngd:learning_rate=0.1",
                                        epochs=30)
        self.assertEqual(model.output_count, 1)
        probabilities = model.predict_proba([[-1.0], [1.0]])
        self.assertEqual(probabilities.shape, (2, 2))
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_array_equal(model.predict([[-1.0], [1.0]]), [0, 1])

    def test_regression_predicts_numbers(self):
        features = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
        target = features @ [1.0, -2.0, 0.5] + 3
        model = ngd.Model("linear").fit((features, target), optimizer=ngd.Optimizer("adam", learning_rate=0.05), epochs=60)
        np.testing.assert_allclose(model.predict(features), target, atol=0.1)
        self.assertGreater(model.evaluate((features, target)).r_squared, 0.99)
        with self.assertRaisesRegex(ngd.UnsupportedError, "no classes, hence no probabilities"):
            model.predict_proba(features)

    def test_texts_are_classified_by_name(self):
        texts = ["free money now", "win a prize now", "see you at lunch", "are you home"] * 20
        labels = ["spam", "spam", "ham", "ham"] * 20
        model = ngd.Model("text", dimension=8).fit((texts, labels), optimizer="adam:learning_rate=0.05", epochs=10)
        np.testing.assert_array_equal(model.predict(["win money", "lunch at home"]), ["spam", "ham"])

    def test_the_callback_gets_every_event_and_its_exception_comes_out(self):
        events = []
        ngd.Model("linear").fit(clouds(), epochs=3, callback=events.append)
        self.assertEqual([event.kind for event in events if event.kind != "progress"],
                         ["begin", "epoch", "epoch", "epoch", "end"])

        def fail(event):
            raise ZeroDivisionError("of the callback")

        with self.assertRaisesRegex(ZeroDivisionError, "of the callback"):
            ngd.Model("linear").fit(clouds(), epochs=3, callback=fail)

    def test_a_saved_model_predicts_the_same(self):
        features, labels = clouds()
        model = ngd.Model("mlp", hidden=8).fit((features, labels), epochs=2)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.safetensors")
            model.save(path)
            loaded = ngd.Model.load(path)
            with ngd.Checkpoint(path) as checkpoint:
                names = [name.split(".", 1)[-1] for name in checkpoint]
                self.assertTrue({info.name for info in model.tensors} <= set(names) | set(checkpoint), list(checkpoint))
            with self.assertRaises(OSError):
                ngd.Model.load(os.path.join(folder, "none"))
            with self.assertRaises(OSError):
                model.save(os.path.join(folder, "none", "model"))
        np.testing.assert_array_equal(loaded.predict_proba(features), model.predict_proba(features))
        self.assertEqual((loaded.classes, loaded.spec), (model.classes, model.spec))


class Parts(unittest.TestCase):
    def test_forward_backward_step_follow_the_gradient(self):
        model = ngd.Model("linear", inputs=2, outputs=1, loss="mean_square", precision="f64").prepare()
        model.set_tensor(0, [[1.0], [2.0]])
        bias = model.tensors[1].name
        model.set_tensor(bias, np.array([0.5]))
        features, targets = np.array([[1.0, 1.0], [2.0, 0.0]]), np.array([3.0, 3.0])
        np.testing.assert_array_equal(model.forward(features), [[3.5], [2.5]])
        self.assertAlmostEqual(model.backward(targets), 0.25, places=14)
        residual = np.array([0.5, -0.5])
        np.testing.assert_allclose(model.get_gradient(0)[:, 0], features.T @ residual, atol=1e-15)
        model.step(ngd.Optimizer("sgd", learning_rate=1))
        np.testing.assert_allclose(model.get_tensor(0)[:, 0], np.array([1, 2]) - features.T @ residual, atol=1e-15)
        self.assertEqual(model.get_tensor(0).dtype, np.float64)
        out = np.empty((2, 1), np.float32)
        self.assertIs(model.get_tensor(0, out), out)
        np.testing.assert_allclose(out, model.get_tensor(0))
        self.assertEqual(model.forward(features.astype(np.float32)).dtype, np.float32)

    def test_train_batch_lowers_the_loss(self):
        dataset = ngd.Dataset.from_arrays(*clouds())
        model, optimizer = ngd.Model("linear").prepare(dataset), ngd.Optimizer("adam", learning_rate=0.1)
        losses = [model.train_batch(optimizer, dataset, np.arange(300)) for _ in range(30)]
        self.assertLess(losses[-1], losses[0] / 3)
        self.assertEqual([info.shape for info in optimizer.tensors], [info.shape for info in model.tensors])
        with self.assertRaises(ngd.ShapeError):
            optimizer.step([np.ones(1, np.float32)], [np.ones(1, np.float32)])
        with self.assertRaises(ngd.RangeError):
            model.train_batch(optimizer, dataset, [300])

    def test_what_does_not_fit_is_refused(self):
        model = ngd.Model("linear", inputs=3, outputs=2, loss="cross_entropy")
        with self.assertRaises(ngd.StateError):
            model.forward(np.ones((1, 3)))
        with self.assertRaises(ngd.StateError):
            model.save("somewhere")
        model.prepare()
        with self.assertRaisesRegex(ngd.ShapeError, "features has 2 columns, but the model has 3 inputs"):
            model.forward(np.ones((4, 2)))
        with self.assertRaises(ngd.StateError):
            model.backward([0])
        model.forward(np.ones((4, 3)))
        with self.assertRaises(ngd.ShapeError):
            model.backward([0, 1])
        with self.assertRaises(ngd.RangeError):
            model.backward([0, 1, 2, 0])
        with self.assertRaisesRegex(ngd.NotFoundError, "no tensor 'none such'; the model has: "):
            model.get_tensor("none such")
        with self.assertRaisesRegex(ngd.ShapeError, r"values has shape \(2, 3\)"):
            model.set_tensor(0, np.ones((2, 3)))
        with self.assertRaises(ngd.NotFiniteError):
            model.set_tensor(0, np.full((3, 2), np.inf))
        with self.assertRaisesRegex(ValueError, "out is not a C-contiguous"):
            model.get_tensor(0, np.ones((2, 3), np.float32).T)
        with self.assertRaises(ngd.ShapeError):
            model.get_tensor(0, np.ones(5, np.float32))

    def test_objects_may_be_dropped_in_any_order(self):
        import itertools
        for order in itertools.permutations(range(4)):
            dataset = ngd.Dataset.from_arrays(*clouds(30))
            model, optimizer, trainer = ngd.Model("linear"), ngd.Optimizer("sgd"), ngd.Trainer(epochs=2)
            trainer.start(model, optimizer, dataset)
            trainer.advance(1)
            objects = [dataset, model, optimizer, trainer]
            del dataset, model, optimizer, trainer
            for index in order:
                objects[index] = None
                gc.collect()


class Options(unittest.TestCase):
    def test_kinds_and_options_are_listed(self):
        self.assertEqual(ngd.model_kinds(), ["linear", "mlp", "text"])
        self.assertEqual(ngd.Model("mlp", hidden="64x32")["hidden"], "64x32")
        self.assertEqual(ngd.Model("mlp").options()["activation"].choices[0], "sigmoid")
        model = ngd.Model("linear").prepare(clouds())
        with self.assertRaises(ngd.StateError):
            model["seed"] = 3
