"""What is only for terminals: the progress line, colours, the width."""
import os
import pty
import sys
import re
import signal
import subprocess
import time

from program import PROGRAM, ProgramTest, environment, main

CLEAR = "\r\x1b\\[K"
LINE = r"epoch \d+/\d+  \d+%  loss \d+\.\d+  [\d.]+[kM]? samples/s(  (about|less than) .* left)?"


class Terminal(ProgramTest):
    def endless(self):
        """Arguments of a run that only Ctrl-C ends."""
        self.write_flowers()
        return ["train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "mlp:hidden=64", "--epochs",
                "100000000", "--trainer", "trainer:checkpoint_epochs=0", "--run", "run"]

    def test_progress_line_rewrites_itself_and_goes_away(self):
        code, written = self.in_terminal(*self.endless(), "-o", "json", interrupt=lambda text, _: re.search(LINE, text))
        self.assertEqual(code, 1, written)
        self.assertRegex(written, CLEAR + LINE)
        # What stands after the last progress line has cleared it first.
        self.assertTrue(written.split("\r\x1b[K")[-1].startswith(("{", "ngd: error: ")), written[-2000:])

    def test_progress_off(self):
        _, written = self.in_terminal(*self.endless(), "--progress", "off", "-o", "json",
                                      interrupt=lambda _, seconds: seconds > 2.5)
        self.assertNotRegex(written, CLEAR)

    def test_progress_on_writes_the_line_without_a_terminal(self):
        child = subprocess.Popen([PROGRAM, *self.endless(), "--progress", "on"], cwd=self.directory,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment())
        written = ""
        while not re.search(CLEAR + LINE, written):
            data = os.read(child.stderr.fileno(), 4096)
            self.assertTrue(data, written)
            written += data.decode()
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=60)
        self.assertEqual(child.returncode, 1)

    def test_nothing_is_written_to_stderr_that_is_no_terminal(self):
        child = subprocess.Popen([PROGRAM, *self.endless()], cwd=self.directory, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, env=environment())
        time.sleep(2.5)
        child.send_signal(signal.SIGINT)
        self.assertTrue(child.communicate(timeout=60)[1].startswith(b"ngd: error: "))

    def test_a_short_run_has_no_progress_line(self):
        self.write_flowers(rows=30)
        _, written = self.in_terminal("train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "linear",
                                      "--epochs", "2", "--run", "run")
        self.assertNotRegex(written, CLEAR)

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


def terminals_are_there():
    try:
        for descriptor in pty.openpty():
            os.close(descriptor)
        return True
    except OSError:
        return False


if __name__ == "__main__":
    if not terminals_are_there():
        print("skipped: this system gives out no pseudo-terminals; mount devpts on /dev/pts")
        sys.exit(77)
    main()
