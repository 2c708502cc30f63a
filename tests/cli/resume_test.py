"""ngd train --resume: an interrupted run ends with the very numbers of one that was not."""
import json
import os
import shutil
import signal
import subprocess
import time

from program import PROGRAM, ProgramTest, environment, main

NUMBERS = ["epoch", "step", "rows", "loss", "held_out_loss", "held_out_accuracy", "learning_rate"]


class Resume(ProgramTest):
    # Steps of one row, so that the run lasts long enough to be interrupted.
    ARGUMENTS = ["train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "mlp:hidden=128x128",
                 "--held-out", "0.2", "--optimizer", "ngd:learning_rate=0.001", "--batch-size", "1", "--seed", "5"]

    def interrupt(self, run, *more, sig=signal.SIGINT, after_epochs=1):
        """Trains, sends the signal once so many epochs have ended; returns (exit code, stdout, stderr)."""
        child = subprocess.Popen([PROGRAM, *self.ARGUMENTS, *more, "--run", run, "-o", "json"], cwd=self.directory,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=environment())
        lines = []
        for line in child.stdout:
            lines.append(line)
            if json.loads(line)["event"] == "epoch" and json.loads(line)["epoch"] == after_epochs:
                break
        time.sleep(0.02)  # into the middle of an epoch
        child.send_signal(sig)
        stdout, stderr = child.communicate(timeout=60)
        return child.returncode, lines + stdout.splitlines(), stderr

    def epochs(self, run):
        found = {}
        for line in self.read(f"{run}/log.jsonl").splitlines():
            record = json.loads(line)
            if record["event"] == "epoch":
                found[record["epoch"]] = {key: record[key] for key in NUMBERS}
        return found

    def test_interrupted_and_resumed_equals_uninterrupted(self):
        self.write_flowers(rows=3000)
        self.ngd(*self.ARGUMENTS, "--epochs", "4", "--run", "whole")
        code, _, stderr = self.interrupt("parts", "--epochs", "4")
        self.assertEqual(code, 1, stderr)
        self.assertRegex(stderr, r"^ngd: error: .*cancelled.*\nngd: to go on: ngd train --resume parts\n$")
        self.assertLess(len(self.epochs("parts")), 4)
        done = self.ngd("train", "--resume", "parts")
        self.assertIn("The run is in parts.", done.stdout)
        self.assertEqual(self.epochs("parts"), self.epochs("whole"))
        self.assertEqual(self.json("eval", "--model", "parts", "--data", "flowers.csv"),
                         self.json("eval", "--model", "whole", "--data", "flowers.csv"))

    def test_a_killed_run_is_resumed_from_its_last_checkpoint(self):
        self.write_flowers(rows=3000)
        self.ngd(*self.ARGUMENTS, "--epochs", "4", "--run", "whole")
        code, _, _ = self.interrupt("parts", "--epochs", "4", sig=signal.SIGKILL, after_epochs=2)
        self.assertEqual(code, -signal.SIGKILL)
        self.ngd("train", "--resume", "--run", "parts")
        self.assertEqual(self.epochs("parts"), self.epochs("whole"))

    def test_a_polite_kill_cancels_too(self):
        self.write_flowers(rows=3000)
        code, _, stderr = self.interrupt("run", "--epochs", "50", sig=signal.SIGTERM)
        self.assertEqual(code, 1)
        self.assertIn("ngd: to go on: ngd train --resume run\n", stderr)

    def test_resume_from_another_directory(self):
        self.write_flowers(rows=3000)
        self.interrupt("run", "--epochs", "3")
        elsewhere = self.path("elsewhere")
        os.mkdir(elsewhere)
        shutil.move(self.path("run"), elsewhere)
        done = subprocess.run([PROGRAM, "train", "--resume", "run"], cwd=elsewhere, capture_output=True, encoding="utf-8")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_finished_run_has_nothing_left_to_do(self):
        self.train_flowers("run")
        before = self.read("run/log.jsonl").count('"event":"epoch"')
        self.ngd("train", "--resume", "run")
        self.assertEqual(self.read("run/log.jsonl").count('"event":"epoch"'), before)

    def test_more_epochs_for_a_finished_run(self):
        self.train_flowers("run")
        self.ngd("train", "--resume", "run", "--epochs", "7")
        self.assertEqual([json.loads(line)["epoch"] for line in self.read("run/log.jsonl").splitlines()
                          if json.loads(line)["event"] == "epoch"], [1, 2, 3, 4, 5, 6, 7])
        self.assertIn("epochs=7", json.loads(self.read("run/command.json"))["trainer"])

    def test_what_cannot_change_is_wrong_usage(self):
        self.train_flowers("run")
        for name, value in [("--model", "linear"), ("--optimizer", "adam"), ("--format", "csv"), ("--trainer", "trainer"),
                            ("--batch-size", "7"), ("--seed", "7")]:
            self.fails(2, f"ngd: error: {name} cannot change when a run is resumed; leave it out\n", "train", "--resume",
                       "run", name, value)

    def test_resume_without_a_run_directory_is_wrong_usage(self):
        self.fails(2, "ngd: error: --resume needs a run directory\n", "train", "--resume")
        self.fails(2, "ngd: error: a run directory without --resume; a new run is named by --run\n", "train", "run")
        self.fails(2, "ngd: error: --run and --resume name different run directories\n", "train", "--resume", "a",
                   "--run", "b")

    def test_resume_of_no_run_is_an_error(self):
        self.fails(1, "ngd: error: none: no run of ngd train to resume: command.json cannot be read\n", "train",
                   "--resume", "none")

    def test_damaged_command_file_is_an_error(self):
        self.train_flowers("run")
        self.write("run/command.json", '{"data": 1}')
        done = self.ngd("train", "--resume", "run", expect=1)
        self.assertRegex(done.stderr, r"^ngd: error: run/command\.json: damaged: ")


if __name__ == "__main__":
    main()
