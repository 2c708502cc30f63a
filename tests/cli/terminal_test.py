"""What is only for terminals: the progress line, colours, the width."""
import os
import pty
import subprocess

from program import PROGRAM, ProgramTest, environment, main

CLEAR = "\r\x1b[K"
LINE = r"epoch \d+/\d+  \d+%  loss \d+\.\d+  [\d.]+[kM]? samples/s(  (about|less than) .* left)?"


class Terminal(ProgramTest):
    def slow(self):
        """Arguments of a run of some seconds: steps of one row."""
        self.write_flowers(rows=3000)
        return ["train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "mlp:hidden=256x256",
                "--batch-size", "1", "--epochs", "8", "--run", "run"]

    def test_progress_line_rewrites_itself_and_goes_away(self):
        code, written = self.in_terminal(*self.slow())
        self.assertEqual(code, 0, written)
        self.assertRegex(written, "\r\x1b\\[K" + LINE)
        # What stands after the last progress line has cleared it first.
        self.assertRegex(written.split(CLEAR)[-1], r"^ +\d+  |^\r?\n|^The run")

    def test_progress_off(self):
        _, written = self.in_terminal(*self.slow(), "--progress", "off")
        self.assertNotIn(CLEAR, written)

    def test_progress_on_writes_the_line_without_a_terminal(self):
        done = self.ngd(*self.slow(), "--progress", "on")
        self.assertRegex(done.stderr, "\r\x1b\\[K" + LINE)

    def test_a_short_run_has_no_progress_line(self):
        self.write_flowers(rows=30)
        _, written = self.in_terminal("train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "linear",
                                      "--epochs", "2", "--run", "run")
        self.assertNotIn(CLEAR, written)

    def test_curve_has_colours_on_a_terminal_unless_refused(self):
        self.train_flowers()
        _, written = self.in_terminal("plot", "run")
        self.assertIn("\x1b[36m", written)
        for changes in [{"NO_COLOR": "1"}, {}]:
            if changes:
                _, written = self.in_terminal("plot", "run", **changes)
            else:
                written = self.ngd("plot", "run").stdout
            self.assertNotIn("\x1b", written)
            self.assertIn("training", written)

    def test_a_line_typed_in_a_terminal_is_answered_before_the_next(self):
        self.train_sayings()
        keyboard, terminal = pty.openpty()
        child = subprocess.Popen([PROGRAM, "predict", "--model", "run", "--data", "-", "-o", "plain"], cwd=self.directory,
                                 stdin=terminal, stdout=subprocess.PIPE, env=environment(), encoding="utf-8")
        for line, answer in [("a cat purrs", "0\tcat\t"), ("my dog barks", "1\tdog\t")]:
            os.write(keyboard, line.encode() + b"\n")
            self.assertTrue(child.stdout.readline().startswith(answer))
        os.write(keyboard, b"\x04")
        self.assertEqual(child.communicate(timeout=60)[0], "")
        self.assertEqual(child.returncode, 0)
        os.close(keyboard)
        os.close(terminal)


if __name__ == "__main__":
    main()
