"""What the tests of the program share: running it, small data, a terminal to run it in."""
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else None


def environment(**changes):
    """Ours, without what would change the output."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "TERM")}
    kept.update(changes)
    return kept


class ProgramTest(unittest.TestCase):
    """Each test has an empty directory of its own as working directory of the program."""

    maxDiff = None

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="ngd-cli-")
        self.addCleanup(shutil.rmtree, self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return name

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def ngd(self, *arguments, stdin="", expect=0, **changes):
        done = subprocess.run([PROGRAM, *arguments], input=stdin.encode(), capture_output=True, cwd=self.directory,
                              env=environment(**changes), timeout=300)
        # Decoded here, because run() would turn "\r" into "\n".
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, expect, f"{arguments}\nstdout:\n{done.stdout}\nstderr:\n{done.stderr}")
        return done

    def fails(self, exit_code, stderr, *arguments, **more):
        """The program ends with this code and exactly this text on stderr, and prints nothing else."""
        done = self.ngd(*arguments, expect=exit_code, **more)
        self.assertEqual(done.stderr, stderr)
        self.assertEqual(done.stdout, "")

    def json(self, *arguments, **more):
        return json.loads(self.ngd(*arguments, "-o", "json", **more).stdout)

    def events(self, *arguments, **more):
        return [json.loads(line) for line in self.ngd(*arguments, "-o", "json", **more).stdout.splitlines()]

    def in_terminal(self, *arguments, columns=80, seconds=60, interrupt=None, **changes):
        """Runs the program with a terminal as stdin, stdout and stderr; returns (exit code, what it wrote).

        Ctrl-C is typed once interrupt(what was written, seconds since the start) is true."""
        try:
            child, terminal = pty.fork()
        except OSError:
            self.skipTest("this system gives out no pseudo-terminals; mount devpts on /dev/pts")
        if child == 0:
            os.chdir(self.directory)
            os.execve(PROGRAM, [PROGRAM, *arguments], environment(COLUMNS=str(columns), TERM="xterm", **changes))
        written = b""
        start = time.monotonic()
        while time.monotonic() < start + seconds:
            if interrupt is not None and interrupt(written.decode(errors="replace"), time.monotonic() - start):
                os.write(terminal, b"\x03")
                interrupt = None
            if not select.select([terminal], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(terminal, 65536)
            except OSError:  # Linux says so when the other side has closed
                break
            if not data:
                break
            written += data
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), written.decode()

    # --- small data ---

    def write_flowers(self, name="flowers.csv", rows=300):
        """Three classes in two columns, apart from each other; always the same numbers."""
        lines = ["kind,length,width"]
        state = 12345
        for row in range(rows):
            noise = []
            for _ in range(2):
                state = (state * 1103515245 + 12345) % 2**31
                noise.append(state / 2**31 - 0.5)
            kind = row % 3
            lines.append(f"{'red green blue'.split()[kind]},{3 * kind + noise[0]:.4f},{5 - 2 * kind + noise[1]:.4f}")
        return self.write(name, "\n".join(lines) + "\n")

    def write_sayings(self, name="sayings.txt"):
        cats = ["the cat purrs", "a cat sleeps all day", "cat and mouse", "my cat likes fish"]
        dogs = ["the dog barks", "a dog runs all day", "dog and bone", "my dog likes meat"]
        lines = [f"cat\t{c}\ndog\t{d}\n" for c, d in zip(cats, dogs)]
        return self.write(name, "".join(lines) * 10)

    def train_flowers(self, run="run", *more):
        self.write_flowers()
        return self.ngd("train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "mlp:hidden=8",
                        "--optimizer", "ngd:learning_rate=0.05", "--held-out", "0.2", "--epochs", "5", "--run", run,
                        *more)

    def train_sayings(self, run="run", *more):
        self.write_sayings()
        return self.ngd("train", "--data", "sayings.txt", "--model", "text:dimension=8", "--optimizer",
                        "ngd:learning_rate=0.05", "--epochs", "5", "--run", run, *more)


def main():
    if PROGRAM is None:
        sys.exit("usage: x_test.py PROGRAM [unittest options]")
    unittest.main()
