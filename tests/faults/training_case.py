"""What is trained while processes are killed: small trainings of some seconds, in every mode of training on servers."""

import os
from dataclasses import dataclass

import counted



@dataclass
class Mode:
    options: tuple           # of ngd train
    trainer: str             # more of the trainer's options
    epochs: tuple            # of counted rows, of letters, that take some seconds
    batch: int = 64          # of letters
    one_by_one: bool = True  # each step of a partition is an update of the model


MODES = {
    "asynchronous": Mode((), "", (48, 20)),
    "bulk": Mode(("--mode", "bulk"), "", (12, 14), batch=256, one_by_one=False),
    "stale": Mode(("--mode", "stale"), "", (48, 20)),
    "local": Mode((), ",local_steps=4", (96, 30), one_by_one=False),
    "rounds": Mode(("--mode", "bulk"), ",local_steps=4", (32, 20), batch=256, one_by_one=False),
}
LETTERS = "LetterRecognition.csv"
HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.environ.get("NGD_TEST_DATA") or os.path.join(HERE, "..", "..", "..", "shared", "data")


@dataclass
class Case:
    name: str
    arguments: tuple  # of ngd train
    epochs: int
    one_by_one: bool
    counted: bool = False
    accuracy: float = 0.0   # the least at the end; known when it has been trained undisturbed


def counted_case(folder, name, share):
    """Rows that the model itself counts."""
    mode, dense = MODES[name], name == "rounds"
    path = os.path.join(folder, "rows.csv" if dense else "rows.libsvm")
    if not os.path.exists(path):
        (counted.write_dense_rows if dense else counted.write_rows)(path)
    epochs = max(2, round(share * mode.epochs[0]))
    return Case(f"counted rows, {name}", ("--data", path, *counted.options(epochs, mode.trainer, dense), *mode.options), epochs,
                mode.one_by_one, counted=True)


def letters_case(name, share):
    """Real data; None where they are absent."""
    path, mode = os.path.abspath(os.path.join(DATA, LETTERS)), MODES[name]
    if not os.path.exists(path):
        return None
    epochs, icea = max(2, round(share * mode.epochs[1])), name == "asynchronous"
    trainer = f"trainer:epochs={epochs},batch_size={mode.batch},schedule=linear{mode.trainer}{',icea=icea' if icea else ''}"
    return Case(f"letters, {name}{', icea' if icea else ''}",
                ("--data", path, "--format", "csv:label=lettr", "--held-out", "0.1", "--seed", "1", "--model", "mlp:hidden=32",
                 "--optimizer", "ngd:learning_rate=0.01", "--trainer", trainer, *mode.options), epochs, mode.one_by_one)


def cases(folder, share):
    """share: of the usual epochs. In an order that gives a few runs the modes that differ most."""
    found = []
    for name in MODES:
        found.append(counted_case(folder, name, share))
        letters = letters_case(name, share)
        if letters is not None:
            found.append(letters)
    return found
