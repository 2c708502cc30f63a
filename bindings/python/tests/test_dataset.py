"""Datasets through Python: arrays, sparse matrices, texts, files, parts, and what is refused."""

import gzip
import os
import tempfile
import types
import unittest

import numpy as np

import ngd


class Arrays(unittest.TestCase):
    def setUp(self):
        self.features = np.arange(12, dtype=np.float32).reshape(6, 2)

    def test_whole_numbers_are_classes_and_others_are_numbers(self):
        classes = ngd.Dataset.from_arrays(self.features, np.array([0, 1, 2, 0, 1, 2]))
        self.assertEqual((classes.info.labels, classes.info.classes, len(classes)), ("category", 3, 6))
        np.testing.assert_array_equal(classes.labels(), [0, 1, 2, 0, 1, 2])
        self.assertEqual(classes.labels().dtype, np.int64)
        self.assertEqual(classes.classes, ["0", "1", "2"])
        numbers = ngd.Dataset.from_arrays(self.features, np.array([0.5, 1, 2, 0, 1, 2]))
        self.assertEqual((numbers.info.labels, numbers.info.classes), ("number", 0))
        np.testing.assert_array_equal(numbers.labels(1, 2), [1, 2])
        self.assertEqual(ngd.Dataset.from_arrays(self.features).info.labels, "none")

    def test_labels_that_are_texts_name_classes(self):
        dataset = ngd.Dataset.from_arrays(self.features, np.array(["dog", "cat", "dog", "bird", "cat", "dog"]))
        self.assertEqual((dataset.info.labels, dataset.classes), ("category", ["bird", "cat", "dog"]))
        np.testing.assert_array_equal(dataset.labels(), [2, 1, 2, 0, 1, 2])
        ordered = ngd.Dataset.from_arrays(self.features[:2], ["10", "5"], classes="10,5,7")
        self.assertEqual(ordered.classes, ["10", "5", "7"])
        np.testing.assert_array_equal(ordered.labels(), [0, 1])
        with self.assertRaisesRegex(ValueError, "the label 'c' is not among the classes a, b"):
            ngd.Dataset.from_arrays(self.features[:2], ["a", "c"], classes="a,b")
        with self.assertRaisesRegex(ValueError, "cannot hold commas"):
            ngd.Dataset.from_arrays(self.features[:2], ["a,b", "c"])

    def test_features_come_back_and_are_copies(self):
        dataset = ngd.Dataset.from_arrays(self.features.astype(np.float64)[:, ::-1])
        self.features[:] = 0
        np.testing.assert_array_equal(dataset.features(), np.arange(12).reshape(6, 2)[:, ::-1])
        np.testing.assert_array_equal(dataset.features(2, 1), [[5, 4]])
        dataset.append([[7, 8]])
        self.assertEqual((len(dataset), dataset.info.features), (7, "dense"))

    def test_sparse_matrices_are_taken_by_their_parts(self):
        matrix = types.SimpleNamespace(indptr=[0, 1, 1, 3], indices=[2, 0, 3], data=[5.0, 1.0, 2.0], shape=(3, 4))
        dataset = ngd.Dataset.from_sparse(matrix, [1, 0, 1])
        self.assertEqual((dataset.info.features, dataset.info.values), ("sparse", 3))
        np.testing.assert_array_equal(dataset.features(), [[0, 0, 5, 0], [0, 0, 0, 0], [1, 0, 0, 2]])
        matrix.indptr = [0, 1, 1, 4]
        with self.assertRaisesRegex(ngd.ShapeError, "4 offsets, 3 indices and 3 values do not make a matrix of 3 rows"):
            ngd.Dataset.from_sparse(matrix)
        with self.assertRaisesRegex(TypeError, "convert it with .tocsr()"):
            ngd.Dataset.from_sparse(self.features)

    def test_texts_have_class_names(self):
        dataset = ngd.Dataset.from_texts(["free money", "see you", "money"], ["spam", "ham", "spam"])
        self.assertEqual((dataset.classes, dataset.info.features), (["spam", "ham"], "text"))
        np.testing.assert_array_equal(dataset.labels(), [0, 1, 0])
        self.assertEqual(dataset.info.columns, 4)
        self.assertEqual(ngd.Dataset.from_texts(["grüße"]).info.labels, "none")

    def test_what_does_not_fit_is_refused(self):
        for kind, words, features, labels in (
                (ValueError, r"features has 1 dimensions \(shape \(2,\)\), but must have 2", [1, 2], None),
                (ngd.ShapeError, "6 rows of features, but 2 labels", self.features, [1, 2]),
                (TypeError, "features has dtype <U1, but must hold numbers", [["a"]], None),
                (TypeError, "labels has dtype complex", self.features[:1], [1j]),
                (ngd.NotFiniteError, "nan", [[np.nan]], None),
                (ngd.RangeError, "", [[1.0]], [-1])):
            with self.assertRaisesRegex(kind, words):
                ngd.Dataset.from_arrays(features, labels)
        with self.assertRaisesRegex(ngd.ShapeError, "2 texts, but 1 labels"):
            ngd.Dataset.from_texts(["a", "b"], ["x"])
        with self.assertRaisesRegex(ValueError, "NUL"):
            ngd.Dataset.from_texts(["a\0b"])
        with self.assertRaisesRegex(TypeError, "text must be a str, not bytes"):
            ngd.Dataset.from_texts([b"a"])
        dataset = ngd.Dataset.from_arrays(self.features)
        with self.assertRaises(ngd.UnsupportedError):
            dataset.append_file("somewhere")
        for first, rows in ((-1, 1), (0, 7), (5, 2), (7, None)):
            with self.assertRaises(IndexError):
                dataset.features(first, rows)


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        with (gzip.open if name.endswith(".gz") else open)(path, "wt", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_the_format_is_told_by_the_name(self):
        letters = "x,y,kind\n1,2,a\n3,4,b\n5,6,a\n"
        for name in ("letters.csv", "letters.CSV.gz"):
            dataset = ngd.Dataset.load(self.write(name, letters), label="kind")
            self.assertEqual((len(dataset), dataset.classes, dataset.kind), (3, ["a", "b"], "csv"))
            np.testing.assert_array_equal(dataset.features(), [[1, 2], [3, 4], [5, 6]])
        self.assertEqual(ngd.Dataset.load(self.write("a.svm", "1 1:2\n-1 2:3\n")).kind, "libsvm")
        self.assertEqual(ngd.Dataset.load(self.write("a.txt", "__label__x one two\n")).classes, ["x"])
        self.assertEqual(ngd.Dataset.load(self.write("a.data", letters), format="csv", label="kind")["label"], "kind")
        with self.assertRaisesRegex(ngd.ArgumentError, r"cannot tell the format of 'letters.data'.*csv"):
            ngd.Dataset.load("letters.data")

    def test_errors_of_files_are_those_python_users_expect(self):
        with self.assertRaises(OSError) as caught:
            ngd.Dataset.load(os.path.join(self.folder.name, "none.csv"))
        self.assertIn("none.csv", str(caught.exception))
        with self.assertRaisesRegex(ngd.DataError, "bad.svm"):
            ngd.Dataset.load(self.write("bad.svm", "1 1:2\n1 what\n"))
        with self.assertRaisesRegex(ngd.OptionError, "label"):
            ngd.Dataset.load("x.csv", labl="kind")


class Parts(unittest.TestCase):
    def test_parts_outlive_the_whole(self):
        features = np.arange(400, dtype=np.float32).reshape(200, 2)
        whole = ngd.Dataset.from_arrays(features, np.arange(200) % 2)
        rest, held_out = whole.split(0.25, seed=7)
        part = whole[50:60]
        again = whole.split(0.25, seed=7)[1]
        whole.close()
        self.assertEqual(len(rest) + len(held_out), 200)
        self.assertTrue(25 < len(held_out) < 75)
        np.testing.assert_array_equal(held_out.features(), again.features())
        together = np.vstack([rest.features(), held_out.features()])
        np.testing.assert_array_equal(together[np.argsort(together[:, 0])], features)
        np.testing.assert_array_equal(part.features(), features[50:60])
        with self.assertRaises(ngd.StateError):
            part.append([[1, 2]], [0])
        with self.assertRaises(ngd.RangeError):
            rest.split(1.5)

    def test_slices_are_those_of_python(self):
        whole = ngd.Dataset.from_arrays([[1.0], [2.0], [3.0]])
        self.assertEqual([len(whole[:2]), len(whole[-1:]), len(whole[5:]), len(whole[2:1])], [2, 1, 0, 0])
        with self.assertRaisesRegex(ValueError, "step 1"):
            whole[::2]
        self.assertIn("rows=3, columns=1", repr(whole))
        with self.assertRaises(TypeError):
            iter(whole)
