"""Word vectors through Python: reading, looking up, training, and a text model that begins with them."""

import os
import tempfile
import unittest

import numpy as np

import ngd

WORDS = ["king", "queen", "man", "woman"]
VALUES = np.array([[1, 0, 1], [1, 1, 1], [1, 0, 0], [1, 1, 0]], dtype="float32")


class LookUp(unittest.TestCase):
    def test_arrays_go_in_and_out(self):
        vectors = ngd.Vectors.from_arrays(WORDS, VALUES)
        self.assertEqual((len(vectors), vectors.words), (4, WORDS))
        np.testing.assert_array_equal(vectors.array(), VALUES)
        np.testing.assert_array_equal(vectors.vector("woman"), VALUES[3])
        self.assertIn("king", vectors)
        self.assertNotIn("King", vectors)
        self.assertIn("King", ngd.Vectors.from_arrays(WORDS, VALUES, case="fold"))
        with self.assertRaises(ngd.NotFoundError):
            vectors.find("prince")
        with self.assertRaises(ngd.ShapeError):
            vectors.append(["a"], VALUES)

    def test_neighbours_are_those_of_numpy(self):
        rng = np.random.default_rng(1)
        values = rng.normal(size=(500, 20)).astype("float32")
        vectors = ngd.Vectors.from_arrays([f"w{i}" for i in range(500)], values)
        unit = values / np.linalg.norm(values, axis=1, keepdims=True)
        cosine = unit @ unit[7]
        expected = [i for i in np.argsort(-cosine) if i != 7][:10]
        found = vectors.neighbours("w7")
        self.assertEqual([one.word for one in found], [f"w{i}" for i in expected])
        np.testing.assert_allclose([one.similarity for one in found], cosine[expected], atol=1e-6)
        self.assertEqual(vectors.nearest(values[7], 1)[0].word, "w7")
        self.assertEqual(vectors.nearest(values[7], 10, excluded=[7]), found)
        self.assertEqual(ngd.Vectors.from_arrays(WORDS, VALUES).analogy("man", "king", "woman", 1)[0].word, "queen")

    def test_files_keep_every_bit(self):
        values = np.random.default_rng(2).normal(size=(4, 3)).astype("float32")
        with tempfile.TemporaryDirectory() as folder:
            for format in ("word2vec_text", "word2vec_binary", "safetensors"):
                path = os.path.join(folder, format)
                ngd.Vectors.from_arrays(WORDS, values).save(path, format)
                again = ngd.Vectors.load(path, words=3)
                self.assertEqual(again.words, WORDS[:3])
                np.testing.assert_array_equal(again.array(), values[:3])


class Training(unittest.TestCase):
    def texts(self):
        return ["the cat purrs", "the dog barks", "a cat sleeps", "a dog runs"] * 50

    def test_texts_make_vectors(self):
        seen = []
        vectors = ngd.Vectors(dimension=8, epochs=4, subsample=0).train(self.texts(), callback=seen.append, steps=1)
        self.assertEqual(vectors.info()[:2], (8, 8))
        self.assertEqual(seen[-1].epoch, 4)
        self.assertLess(seen[-1].loss, seen[0].loss)

    def test_training_can_stop(self):
        vectors = ngd.Vectors(dimension=8, epochs=4, subsample=0)
        vectors.train(self.texts(), "sgd:learning_rate=0.05", callback=lambda progress: progress.steps >= 2, steps=1)
        self.assertEqual(vectors.progress().steps, 2)

    def test_a_text_model_begins_with_vectors(self):
        vectors = ngd.Vectors.from_arrays(["cat", "dog"], np.array([[1, 2], [3, 4]]))
        model = ngd.Model("text", dimension=2).set_vectors(vectors).prepare((self.texts(), ["cat", "dog"] * 100))
        coverage = model.coverage()
        self.assertEqual((coverage.words, coverage.found), (8, 2))
        np.testing.assert_array_equal(model.get_tensor("embedding.weight")[[1, 3]], [[1, 2], [3, 4]])


if __name__ == "__main__":
    unittest.main()
