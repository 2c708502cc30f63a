"""ngd search: a space in TOML, trials in processes, a journal that outlives kill -9, reports and pictures.

NGD_TEST_SEARCH_KILLS says how many times a search is killed (3).
"""
import json
import os
import random
import re
import signal
import subprocess
import time
import xml.etree.ElementTree

import program
from program import ProgramTest, environment, main

SPACE = """
[data]
file = "flowers.csv"
format = "csv:label=kind"
held_out = 0.3

[train]
model = "mlp:hidden=4"
optimizer = "ngd"
trainer = "trainer:epochs=4,batch_size=16"
seeds = 2

[search]
max_trials = 14
patience = 0
pruning = "median"
startup_trials = 2
parallel = 4

[space.optimizer]
learning_rate = { kind = "log_uniform", low = 1e-4, high = 0.3 }
rule = { kind = "categorical", values = ["ngd", "adam", "sgd"] }
momentum = { kind = "uniform", low = 0, high = 0.9, when = "optimizer.rule=sgd" }

[space.model]
hidden = { kind = "categorical", values = ["2", "8", "8x4"] }

[space.trainer]
batch_size = { kind = "log_integer", low = 8, high = 64 }
"""


def children_of(process):
    path = f"/proc/{process}/task/{process}/children"
    with open(path, encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


class SearchTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write_flowers(rows=150)
        self.write("space.toml", SPACE.replace('momentum = { kind = "uniform", low = 0, high = 0.9, when = '
                                               '"optimizer.rule=sgd" }\n', ""))

    def search(self, run, *more, **kept):
        return self.ngd("search", "--space", "space.toml", "--run", run, *more, **kept)

    def trials(self, run):
        return self.ngd("search", "--report", run, "-o", "plain").stdout

    def start(self, *arguments):
        return subprocess.Popen([program.PROGRAM, "search", *arguments], cwd=self.directory, env=environment(),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class Searches(SearchTest):
    def test_any_number_of_workers_has_the_same_trials(self):
        lists = [self.search(f"run{workers}", "--workers", str(workers), "-o", "plain").stdout for workers in (1, 2, 4)]
        self.assertEqual(len(lists[0].splitlines()), 14)
        self.assertIn("pruned", lists[0])
        self.assertEqual(lists[0], lists[1])
        self.assertEqual(lists[0], lists[2])

    def test_the_report_tells_the_best_and_how_to_train_it(self):
        told = self.search("run", "--workers", "2").stdout
        report = json.loads(self.read("run/report.json"))
        self.assertEqual(report["reason"], "max_trials")
        finished = [trial for trial in report["trials"] if trial["state"] == "finished"]
        best = min(finished, key=lambda trial: trial["value"])
        self.assertEqual(report["best"]["trial"], best["trial"])
        self.assertEqual(report["best"]["value"], best["value"])
        self.assertIn(f"best       trial {best['trial']}: held-out loss {best['value']:.4f}", told)
        self.assertEqual(sorted(p["name"] for p in report["parameters"]),
                         ["model.hidden", "optimizer.learning_rate", "optimizer.rule", "trainer.batch_size"])
        command = told.splitlines()[-1].strip()
        self.assertTrue(command.startswith("ngd train --data "), command)
        done = subprocess.run(command.replace("ngd", program.PROGRAM, 1), shell=True, cwd=self.directory, env=environment(),
                              capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.json("search", "--report", "run")["best"], report["best"])

    def test_pictures_show_every_trial(self):
        self.search("run")
        report = json.loads(self.read("run/report.json"))
        space = "{http://www.w3.org/2000/svg}"
        drawn = {name: xml.etree.ElementTree.fromstring(self.read(f"run/{name}.svg"))
                 for name in ("best-so-far", "parallel", "importance")}
        self.assertEqual(len(drawn["parallel"].findall(f"{space}polyline")), report["finished"])
        self.assertEqual(len(drawn["best-so-far"].findall(f"{space}circle")), report["finished"] + 1)
        texts = [text.text for text in drawn["importance"].findall(f"{space}text")]
        for parameter in report["parameters"]:
            self.assertIn(parameter["name"], texts)

    def test_a_search_is_extended_and_confirmed(self):
        self.write("space.toml", SPACE.replace("seeds = 2", "seeds = 1\nconfirm = 2").replace(
            "held_out = 0.3", "held_out = 0.3\ntest = 0.2").replace("momentum", "# momentum"))
        self.search("run")
        first = self.trials("run")
        told = self.ngd("search", "--resume", "run", "--max-trials", "18").stdout
        self.assertRegex(told, r"on 2 fresh seeds, test rows: base loss [\d.]+ \+- [\d.]+, best ")
        longer = self.trials("run")
        self.assertTrue(longer.startswith(first))
        self.assertEqual(len(longer.splitlines()), 18)
        self.assertEqual(len(json.loads(self.read("run/report.json"))["confirmation"]["base"]), 2)

    def test_a_parameter_may_depend_on_another(self):
        self.write("space.toml", SPACE.replace('"sgd"', '"momentum"').replace("rule=sgd", "rule=momentum"))
        report = self.search("run", "-o", "json").stdout
        for trial in json.loads(report)["trials"]:
            self.assertEqual(trial["optimizer.momentum"] is None, trial["optimizer.rule"] != "momentum")

    def test_a_trial_that_diverges_is_no_improvement(self):
        self.write("space.toml", SPACE.replace("low = 1e-4, high = 0.3", "low = 1e-3, high = 1e38").replace(
            "momentum", "# momentum").replace('"ngd", "adam", "sgd"', '"sgd"').replace("max_trials = 14", "max_trials = 8"))
        report = json.loads(self.search("run", "-o", "json").stdout)
        failed = [trial for trial in report["trials"] if trial["state"] == "failed"]
        self.assertGreater(len(failed), 1)
        self.assertRegex(failed[0]["message"], "became (infinite|-?nan|-?inf)|not finite")
        self.assertEqual(report["counted"], 8)


class Deaths(SearchTest):
    def test_a_search_killed_at_any_moment_ends_with_the_same_answer(self):
        self.search("whole", "--workers", "2")
        expected = self.trials("whole")
        generator = random.Random(7)
        began = time.monotonic()
        self.search("timed", "--workers", "2")
        duration = time.monotonic() - began
        killed = 0
        wanted = int(os.environ.get("NGD_TEST_SEARCH_KILLS", "3"))
        for attempt in range(100 + 10 * wanted):
            if killed >= wanted:
                break
            run = f"run{attempt}"
            arguments = ["--space", "space.toml", "--run", run]
            while True:
                process = self.start(*arguments, "--workers", str(1 + attempt % 3))
                try:
                    process.wait(generator.uniform(0.02, duration))
                except subprocess.TimeoutExpired:
                    process.kill()
                _, stderr = process.communicate()
                if process.returncode == 0:
                    break
                self.assertEqual(process.returncode, -signal.SIGKILL, stderr)
                killed += 1
                if os.path.exists(self.path(f"{run}/search.json")):
                    arguments = ["--resume", run]
            self.assertEqual(self.trials(run), expected)
        self.assertGreaterEqual(killed, wanted)
        print(f"killed {killed} times in {attempt} searches")

    def test_a_worker_that_dies_has_failed_its_trial_and_is_replaced(self):
        self.write("space.toml", self.read("space.toml").replace("epochs=4", "epochs=1500").replace(
            "max_trials = 14", "max_trials = 3").replace("seeds = 2", "seeds = 1").replace("median", "none"))
        process = self.start("--space", "space.toml", "--run", "run", "--workers", "1")
        while not (os.path.exists(self.path("run/journal.jsonl")) and '"report"' in self.read("run/journal.jsonl")):
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        os.kill(children_of(process.pid)[0], signal.SIGKILL)
        _, stderr = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 0, stderr)
        trials = json.loads(self.read("run/report.json"))["trials"]
        self.assertEqual([trial["state"] for trial in trials], ["failed", "finished", "finished"])
        self.assertEqual(trials[0]["message"], "the worker was ended by signal 9 (Killed)")

    def test_ctrl_c_says_how_to_go_on(self):
        self.write("space.toml", self.read("space.toml").replace("epochs=4", "epochs=100000"))
        code, written = self.in_terminal("search", "--space", "space.toml", "--run", "run", "--workers", "2",
                                         interrupt=lambda text, seconds: os.path.exists(self.path("run/journal.jsonl"))
                                         and '"report"' in self.read("run/journal.jsonl"))
        self.assertEqual(code, 1)
        self.assertIn("ngd: error: the search was interrupted\r\nngd: to go on: ngd search --resume run", written)


class WrongUse(SearchTest):
    def refused(self, old, new, message):
        self.write("space.toml", self.read("space.toml").replace(old, new, 1))
        self.fails(2, f"ngd: error: {message}\n", "search", "--space", "space.toml", "--run", "run")
        self.assertFalse(os.path.exists(self.path("run")))

    def test_syntax(self):
        done = self.ngd("search", "--space", self.write("space.toml", "[data\n"), "--run", "run", expect=2)
        self.assertRegex(done.stderr, r"^ngd: error: space.toml:1: .+\n$")

    def test_unknown_key(self):
        self.refused("seeds = 2", "seed = 2", 'space.toml:11: unknown key "seed" in [train]; it takes model, optimizer, '
                                              "trainer, metric, seeds, confirm")

    def test_missing_parts(self):
        self.refused('file = "flowers.csv"', "", 'space.toml:2: [data] has no "file"')

    def test_unknown_option_of_the_search(self):
        self.refused("max_trials", "max_trails", 'unknown option "max_trails" for the search; did you mean "max_trials"? '
                                                 "(column 8)")

    def test_unknown_option_of_an_optimizer(self):
        self.refused("learning_rate", "learning_rat",
                     'parameter "optimizer.learning_rat": unknown option "learning_rat" for rule "sgd"; did you mean '
                     '"learning_rate"?')

    def test_parameter_of_nothing(self):
        self.refused("[space.trainer]", "[space.training]",
                     'space.toml:28: "training.batch_size" is an option of nothing; a parameter is called model.OPTION, '
                     "optimizer.OPTION or trainer.OPTION")

    def test_wrong_range(self):
        self.refused("low = 1e-4", "low = 1", 'parameter "optimizer.learning_rate" has nothing to draw from: low is 1 and '
                                              "high is 0.3")

    def test_arguments(self):
        self.fails(2, "ngd: error: give one of --space FILE, --resume RUN and --report RUN\n", "search")
        self.fails(2, "ngd: error: --run is required: the directory that the search is kept in\n", "search", "--space", "x")
        self.fails(1, "ngd: error: nowhere: no search: search.json cannot be read\n", "search", "--resume", "nowhere")
        self.fails(1, "ngd: error: none.toml: cannot be read\n", "search", "--space", "none.toml", "--run", "run")

    def test_a_run_is_not_written_over(self):
        self.search("run")
        self.fails(1, "ngd: error: run already holds a search; go on with it by --resume run, or choose another directory\n",
                   "search", "--space", "space.toml", "--run", "run")

    def test_missing_data(self):
        self.write("space.toml", self.read("space.toml").replace("flowers.csv", "absent.csv"))
        done = self.ngd("search", "--space", "space.toml", "--run", "run", expect=1)
        self.assertRegex(done.stderr, re.escape(f'cannot open "{self.path("absent.csv")}"') + "|absent.csv")


if __name__ == "__main__":
    main()
