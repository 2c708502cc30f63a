"""Rows that were left out or trained on twice are found in the model: plants both."""

import json
import os
import random
import struct
import tempfile
import unittest

import counted

EPOCHS = 40


def train(visits, folder):
    """The steps that a linear model takes; visits: how often each row is in an epoch's batches. Writes its checkpoint."""
    weights, bias, draws = [0.0] * counted.ROWS, 0.0, random.Random(1)
    for epoch in range(EPOCHS):
        order = [row for row, count in enumerate(visits) for _ in range(count if epoch == 0 else 1)]
        draws.shuffle(order)
        for first in range(0, len(order), counted.BATCH):
            errors = {row: weights[row] + bias - (1 if row % 2 == 0 else -1) for row in order[first:first + counted.BATCH]}
            for row, error in errors.items():
                weights[row] -= counted.STEP * error
            bias -= counted.STEP * sum(errors.values())
    head = json.dumps({"model.output.weight": {"dtype": "F32", "shape": [counted.ROWS, 1], "data_offsets": [0, 4 * counted.ROWS]}}).encode()
    with open(os.path.join(folder, "checkpoint-7.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head + struct.pack(f"<{counted.ROWS}f", *weights))


class Counted(unittest.TestCase):
    def wrong(self, visits):
        with tempfile.TemporaryDirectory() as folder:
            train(visits, folder)
            return counted.wrong_counts(folder, EPOCHS)

    def test_every_row_once_an_epoch_is_right(self):
        self.assertEqual(self.wrong([1] * counted.ROWS), "")

    def test_rows_left_out_and_doubled_are_named(self):
        visits = [1] * counted.ROWS
        visits[5], visits[8] = 0, 2
        self.assertRegex(self.wrong(visits), r"^2 of 2304 rows were not trained on 40 times: row 5 39\.\d\d times, row 8 4[01]\.\d\d times$")


if __name__ == "__main__":
    unittest.main()
