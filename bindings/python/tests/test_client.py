"""Clients of parameter servers through Python: what is pushed and pulled, and which arrays are refused."""

import math
import unittest

import numpy as np

import ngd
from cluster import ClusterTest, together, vector


class Updates(ClusterTest):
    def test_every_kind_of_push_and_what_a_pull_then_reads(self):
        client = self.client(optimizer="sgd:learning_rate=0.5")
        self.assertEqual(client.version(), 0)
        self.assertEqual(client.tensors, (ngd.TensorInfo("w", "F32", (2,)), ngd.TensorInfo("table", "F32", (10, 3))))
        first = vector(1, 2)
        self.assertEqual(client.init([first, None]), (True, 1))
        self.assertEqual(client.push([vector(1, -1), None]), 2)  # one step of the servers' rule: w - 0.5 g
        self.assertEqual(self.value(client), [0.5, 2.5])
        self.assertEqual(client.push({"w": vector(10, 20)}, "delta"), 3)
        self.assertEqual(self.value(client), [10.5, 22.5])
        self.assertEqual(client.push({"w": vector(7, 8)}, kind="value"), 4)
        w = np.zeros(2, np.float32)
        self.assertEqual(client.pull([w, None]), 4)
        self.assertEqual(w.tolist(), [7, 8])
        self.assertEqual(client.push_pull([vector(2, 0), None], [w, None]), (5, 5))
        self.assertEqual(w.tolist(), [6, 8])
        self.assertEqual(client.push_pull({"w": w}, {"w": w}, "delta"), (6, 6))  # there and back in the same array
        self.assertEqual(w.tolist(), [12, 16])
        self.assertEqual(client.version(), 6)
        self.assertEqual(client.info(), ngd.ClientInfo(6, 1, 1, 1, 1, 2 + 30))

    def test_the_first_values_win_and_all_others_get_them(self):
        one, other = self.client(), self.client()
        self.assertEqual(one.init({"w": vector(1, 2)}), (True, 1))
        mine = vector(8, 9)
        self.assertEqual(other.init({"w": mine}), (False, 1))
        self.assertEqual(mine.tolist(), [1, 2])

    def test_a_model_that_is_there_is_learnt(self):
        self.begun(3, 4)
        with ngd.Client(worker=False).connect([self.address]) as reader:
            self.assertEqual([info.name for info in reader.tensors], ["w", "table"])
            values = reader.empty()
            self.assertEqual({name: array.shape for name, array in values.items()}, {"w": (2,), "table": (10, 3)})
            reader.pull(values)
            self.assertEqual(values["w"].tolist(), [3, 4])
            self.assertTrue((np.abs(values["table"]) <= 0.5).all() and values["table"].std() > 0.1)
            self.assertEqual(list(reader.empty("table")), ["table"])
            with self.assertRaisesRegex(ngd.NotFoundError, "no tensor 'v'; the model has: w, table"):
                reader.empty("v")

    def test_a_tensor_may_be_declared_by_an_array_and_of_any_rank(self):
        client = ngd.Client(model="ranks")
        client.add("matrix", np.zeros((3, 4), np.float32))
        client.add("scalar", ())
        with client.connect(self.address):
            self.assertEqual([info.shape for info in client.tensors], [(3, 4), ()])
            client.init([np.arange(12, dtype=np.float32).reshape(3, 4), np.array(5, np.float32)])
            values = client.empty()
            client.pull(values)
            self.assertEqual(values["matrix"][2].tolist(), [8, 9, 10, 11])
            self.assertEqual(values["scalar"], 5)

    def test_groups_have_options_of_their_own(self):
        client = ngd.Client(optimizer="sgd:learning_rate=1")
        client.add("w", (1,))
        client.add("b", (1,))
        client.add_group("slow", "b", "learning_rate=0.25")
        with client.connect(self.address):
            values = [vector(0), vector(0)]
            client.init(values)
            client.push_pull([vector(1), vector(1)], values)
            self.assertEqual([array.tolist() for array in values], [[-1], [-0.25]])

    def test_rows_of_a_table(self):
        client = self.begun(optimizer="sgd:learning_rate=0.5")
        initial, version = client.pull_rows("table", [2, 9, 2])
        self.assertEqual((initial.shape, initial.dtype, version), ((3, 3), np.float32, 1))
        self.assertEqual(initial[0].tolist(), initial[2].tolist())
        values = np.arange(6, dtype=np.float32).reshape(2, 3)
        self.assertEqual(client.push_rows("table", [9, 2], values, "value"), 2)  # falling: each row must find its own
        out = np.zeros((2, 3), np.float32)
        rows, version = client.pull_rows(1, np.array([2, 9], np.int64), out=out)
        self.assertIs(rows, out)
        self.assertEqual((out.tolist(), version), ([[3, 4, 5], [0, 1, 2]], 2))
        client.push_rows("table", [2], np.ones((1, 3), np.float32))
        self.assertEqual(client.pull_rows("table", [2])[0].tolist(), [[2.5, 3.5, 4.5]])
        client.push_rows("table", np.array([2], np.uint32), np.ones((1, 3), np.float32), kind="delta")
        self.assertEqual(client.pull_rows("table", [2])[0].tolist(), [[3.5, 4.5, 5.5]])
        untouched = client.pull_rows("table", [0])[0]
        whole = client.empty("table")
        client.pull(whole)
        self.assertEqual(whole["table"][0].tolist(), untouched[0].tolist())
        self.assertEqual(whole["table"][9].tolist(), [0, 1, 2])

    def test_versions_that_are_not_there_are_told(self):
        client = self.begun()
        w = [np.empty(2, np.float32), None]
        with self.assertRaises(ngd.NgdError):
            client.pull(w, version=1000, timeout=0.3)
        client.push([vector(1, 1), None], "delta")
        self.assertEqual(client.pull(w, version=2), 2)

    def test_least_squares_by_two_workers_in_rounds(self):
        rng = np.random.default_rng(3)
        inputs = rng.normal(size=(400, 5)).astype(np.float32)
        truth = np.arange(1, 6, dtype=np.float32)
        targets = inputs @ truth

        def work(rank):
            with ngd.Client(model="squares", optimizer="sgd:learning_rate=0.1", consistency="bulk", workers=2,
                            rank=rank + 1) as client:
                w = np.zeros(5, np.float32)
                client.add("w", w)
                client.connect(self.address)
                client.init([w])
                mine, wanted = inputs[rank::2], targets[rank::2]
                for _ in range(150):
                    gradient = mine.T @ (mine @ w - wanted) / len(mine)
                    client.push_pull([gradient], [w])
                found[rank] = w

        found = {}
        together(lambda: work(0), lambda: work(1))
        np.testing.assert_allclose(found[0], truth, atol=1e-3)
        np.testing.assert_array_equal(found[0], found[1])  # a round gives all the same version
        alone = np.zeros(5, np.float32)
        for _ in range(150):
            halves = [inputs[r::2].T @ (inputs[r::2] @ alone - targets[r::2]) / 200 for r in (0, 1)]
            alone -= np.float32(0.1) * (halves[0] + halves[1]) / 2
        np.testing.assert_allclose(found[0], alone, rtol=1e-4)
        with ngd.Client(model="squares", worker=False).connect(self.address) as reader:
            self.assertEqual(reader.version(), 151)  # 150 rounds and the first values: no gradient twice

    def test_threads_share_a_client_and_no_update_is_lost(self):
        client = self.begun()

        def work():
            for _ in range(50):
                client.push({"w": vector(1, 2)}, "delta")

        together(work, work, work, work)
        self.assertEqual(self.value(client), [200, 400])
        self.assertEqual(client.version(), 201)


class Arrays(ClusterTest):
    def test_arrays_are_used_in_place_or_refused(self):
        client = self.begun()
        good = vector(1, 2)
        wrong = [([good.astype(np.float64), None], TypeError, "float64, but tensors of servers are float32"),
                 ([[1, 2], None], TypeError, "is a list"),
                 ([np.zeros(4, np.float32)[::2], None], ValueError, "not a C-contiguous"),
                 ([np.zeros((2, 1), np.float32), None], ngd.ShapeError, r"shape \(2, 1\), but the tensor has \(2,\)"),
                 ([good], ngd.ShapeError, "has 1 arrays, but the model has 2 tensors"),
                 ({"v": good}, ngd.ShapeError, "has 'v', but the tensors of the model are"),
                 (good, TypeError, r"put a single array in a list: \[w\]")]
        for arrays, error, text in wrong:
            for use in (client.push, client.pull, client.init, client.start_push, client.start_pull,
                        lambda given: client.push_pull([good, None], given),
                        lambda given: client.push_pull(given, [good, None])):
                with self.assertRaisesRegex(error, text):
                    use(arrays)
        fixed = vector(1, 2)
        fixed.flags.writeable = False
        client.push([fixed, None], "delta")
        with self.assertRaisesRegex(ValueError, "read-only"):
            client.pull([fixed, None])
        self.assertEqual(client.version(), 2)

    def test_what_servers_or_the_library_refuse(self):
        client = self.begun()
        with self.assertRaises(ngd.NotFiniteError):
            client.push([vector(math.nan, 1), None])
        with self.assertRaisesRegex(ngd.ShapeError, "is a table"):
            client.push([None, np.zeros((10, 3), np.float32)])
        with self.assertRaisesRegex(ngd.OptionError, "a push has no kind 'gradients'; it is \"gradient\""):
            client.push([vector(1, 1), None], "gradients")
        self.assertEqual(client.version(), 1)

    def test_rows_are_checked(self):
        client, one = self.begun(), np.zeros((1, 3), np.float32)
        for rows, values, error in (([10], one, ngd.RangeError), ([-1], one, ngd.RangeError),
                                    ([2**32], one, ngd.RangeError), ([1.5], one, TypeError),
                                    ([[1]], one, ngd.ShapeError), ([1, 2], one, ngd.ShapeError),
                                    ([1], np.zeros((1, 2), np.float32), ngd.ShapeError),
                                    ([1], one.astype(float), TypeError)):
            with self.assertRaises(error):
                client.push_rows("table", rows, values)
            with self.assertRaises(error):
                client.pull_rows("table", rows, out=values)
        with self.assertRaises(ngd.ShapeError):
            client.push_rows("table", [1, 1], np.zeros((2, 3), np.float32))
        for table, error in (("w", ngd.ShapeError), ("v", ngd.NotFoundError), (2, ngd.NotFoundError)):
            with self.assertRaises(error):
                client.pull_rows(table, [1])
        self.assertEqual(client.version(), 1)

    def test_declarations_are_checked(self):
        client = self.client(connect=False)
        for wrong, error in ((lambda: client.add("w", (2,)), ngd.ArgumentError),
                             (lambda: client.add("v", (0,)), ngd.ShapeError),
                             (lambda: client.add("v", np.zeros(2)), TypeError),
                             (lambda: client.add_table("t", 0, 3), ngd.ShapeError),
                             (lambda: client.add_table("t", -1, 3), ValueError),
                             (lambda: client.add_table("t", 2, 3, "gaussian"), ngd.OptionError),
                             (lambda: client.add_table("t", 2, 3, "normal", scale=-1), ngd.RangeError)):
            with self.assertRaises(error):
                wrong()


if __name__ == "__main__":
    unittest.main()
