"""Data whose rows can be counted in the model: row i is a column of its own, so that weight i tells how often row i was trained on.

A linear model under plain SGD moves weight i by a known step each time that row i is in a batch, towards the label of the row (1 or -1). The
steps are so small that what went before hardly changes them: a weight of n steps is n times the first one, less a few per cent that a
logarithm takes out.

As LIBSVM the weights are rows of a table; as CSV they are one dense tensor. The latter is for rounds of local steps, which average each row of a
table over the workers that have it, so that how far it moved does not tell how often it was moved.
"""

import json
import math
import os
import re
import struct

ROWS, BATCH = 2304, 24  # so that parts of three and of four workers have whole batches, and these have equal slices
STEP = 1e-5             # of one row in one batch, as a share of what is left to the label


def write_rows(path, rows=ROWS):
    """Labels take turns, so that the bias stays where it is."""
    with open(path, "w", encoding="utf-8") as file:
        for row in range(rows):
            file.write(f"{1 if row % 2 == 0 else -1} {row + 1}:1\n")


def write_dense_rows(path, rows=ROWS):
    with open(path, "w", encoding="utf-8") as file:
        file.write("label," + ",".join(f"c{row}" for row in range(rows)) + "\n")
        for row in range(rows):
            file.write(f"{1 if row % 2 == 0 else -1}," + "0," * row + "1" + ",0" * (rows - row - 1) + "\n")


def options(epochs, more="", dense=False):
    """Of ngd train. The gradient of a row is twice its error, divided by the rows of the batch."""
    return ("--format", "csv:label=label,label_type=number" if dense else "libsvm:label_type=number", "--model",
            "linear:init=zeros,scale=none,loss=mean_square", "--optimizer", f"sgd:learning_rate={STEP * BATCH / 2}", "--trainer", f"trainer:epochs={epochs},batch_size={BATCH}{more}")


def tensors(run):
    """Those of the model in the newest checkpoint of a run directory: {name: numbers}."""
    steps = {int(found[1]): name for name in os.listdir(run) if (found := re.fullmatch(r"checkpoint-(\d+)\.safetensors", name))}
    with open(os.path.join(run, steps[max(steps)]), "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        head, data = json.loads(file.read(size)), file.read()
    found = {}
    for name, tensor in head.items():
        if name.startswith("model.") and tensor.get("dtype") == "F32":
            begin, end = tensor["data_offsets"]
            found[name] = struct.unpack(f"<{(end - begin) // 4}f", data[begin:end])
    return found


def counts(run, rows=ROWS):
    """How often each row was trained on."""
    weights = tensors(run)["model.output.weight"]
    towards = (weight if row % 2 == 0 else -weight for row, weight in enumerate(weights))
    return [math.log1p(-weight) / math.log1p(-STEP) if weight < 1 else math.inf for weight in towards]


def wrong_counts(run, epochs, rows=ROWS):
    """Rows that were not trained on once in each epoch, as one line of text; empty: all were."""
    bad = [(row, count) for row, count in enumerate(counts(run, rows)) if abs(count - epochs) > 0.4]
    return f"{len(bad)} of {rows} rows were not trained on {epochs} times: " + ", ".join(
        f"row {row} {count:.2f} times" for row, count in bad[:5]) if bad else ""
