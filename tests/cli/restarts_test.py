"""ngd train --restarts: the best of several seeds, in a run directory like any other, that can be killed and resumed."""
import json
import os
import signal
import subprocess
import time

import program
from program import ProgramTest, environment, main


class Restarts(ProgramTest):
    def arguments(self, run, *more, epochs=5):
        self.write_flowers()
        return ["train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "mlp:hidden=2", "--optimizer",
                "ngd:learning_rate=0.01", "--held-out", "0.3", "--epochs", str(epochs), "--run", run, *more]

    def epochs(self, run):
        lines = [json.loads(line) for line in self.read(f"{run}/log.jsonl").splitlines()]
        return [line for line in lines if line["event"] == "epoch"]

    def losses(self, run):
        return [epoch["held_out_loss"] for epoch in self.epochs(run)]

    def test_the_best_by_held_out_loss_is_kept(self):
        told = self.ngd(*self.arguments("run", "--restarts", "4")).stdout
        last = [self.losses(f"run/restart-{i}")[-1] for i in range(1, 5)]
        self.assertEqual(len(set(last)), 4)
        best = last.index(min(last)) + 1
        self.assertIn(f"\nThe best is restart {best}.\n", told)
        self.assertEqual(self.losses("run"), self.losses(f"run/restart-{best}"))
        for model in ("run", f"run/restart-{best}"):
            told = self.ngd("predict", "--model", model, "--data", "flowers.csv").stdout
            self.assertEqual(len(told.splitlines()), 301)
        self.assertEqual(self.ngd("predict", "--model", "run", "--data", "flowers.csv").stdout,
                         self.ngd("predict", "--model", f"run/restart-{best}", "--data", "flowers.csv").stdout)

    def test_each_restart_is_the_run_of_its_seed_on_the_same_split(self):
        self.ngd(*self.arguments("run", "--restarts", "2"))
        self.ngd(*self.arguments("one"))
        self.assertEqual(self.losses("run/restart-1"), self.losses("one"))
        self.ngd(*self.arguments("two", "--trainer", "trainer:seed=2"), )
        command = json.loads(self.read("run/restart-2/command.json"))
        self.assertIn("seed=2", command["model"])
        self.assertIn("seed=2", command["trainer"])
        self.assertEqual(command["split_seed"], json.loads(self.read("one/command.json"))["split_seed"])

    def test_a_killed_run_goes_on_to_the_same_end(self):
        self.ngd(*self.arguments("whole", "--restarts", "3", epochs=40))
        process = subprocess.Popen([program.PROGRAM, *self.arguments("run", "--restarts", "3", epochs=40)],
                                   cwd=self.directory, env=environment(), stdout=subprocess.DEVNULL)
        while not os.path.exists(self.path("run/restart-2/log.jsonl")):
            self.assertIsNone(process.poll())
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        told = self.ngd("train", "--resume", "run").stdout
        self.assertNotIn("restart 1 of 3", told)
        self.assertIn("restart 2 of 3", told)
        for part in ("", "/restart-1", "/restart-2", "/restart-3"):
            self.assertEqual(self.losses("run" + part), self.losses("whole" + part))

    def test_wrong_use(self):
        self.fails(2, "ngd: error: --restarts keeps the best by held-out loss; give --held-out\n", "train", "--data",
                   self.write_flowers(), "--format", "csv:label=kind", "--model", "mlp", "--run", "run", "--restarts", "2")
        self.ngd(*self.arguments("run", "--restarts", "2"))
        self.fails(1, 'ngd: error: the run directory "run" already holds a run; go on with it by --resume run, or choose '
                      "another directory\n", *self.arguments("run", "--restarts", "2", "-o", "plain"))
        self.fails(2, "ngd: error: --restarts cannot change when a run is resumed; leave it out\n", "train", "--resume", "run",
                   "--restarts", "3")
        self.fails(2, "ngd: error: --epochs cannot change when restarts are resumed; leave it out\n", "train", "--resume",
                   "run", "--epochs", "9")


if __name__ == "__main__":
    main()
