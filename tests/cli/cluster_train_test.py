"""ngd train --workers: rounds equal batches of one process; whatever is killed, every sample is trained on as often as asked.

NGD_KILLS sets how many processes the test of random kills kills (default 2).
"""
import json
import os
import random
import re
import signal
import struct
import subprocess
import time

from program import PROGRAM, ProgramTest, environment, main

KILLS = int(os.environ.get("NGD_KILLS", "2"))
MLP = ("--data", "flowers.csv", "--format", "csv:label=kind", "--model", "mlp:hidden=8", "--optimizer",
       "ngd:learning_rate=0.01", "--held-out", "0.2", "--seed", "1", "-o", "json")


def alive(run):
    """Processes that know the run directory: those of the launcher."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
            with open(f"/proc/{pid}/stat") as file:
                gone = file.read().rsplit(")", 1)[1].split()[0] in "ZX"
        except OSError:
            continue
        if not gone and any(word == run or word.startswith(run + "/") or word.startswith("local:" + run + "/") for word in words):
            found[int(pid)] = words
    return found


class ClusterTrain(ProgramTest):
    def log(self, run):
        return [json.loads(line) for line in self.read(run + "/log.jsonl").splitlines()]

    def end(self, run):
        return [line for line in self.log(run) if line["event"] == "end"][-1]

    def parameters(self, run):
        name = max((n for n in os.listdir(self.path(run)) if n.endswith(".safetensors")),
                   key=lambda n: int(re.sub(r"\D", "", n)))
        with open(self.path(os.path.join(run, name)), "rb") as file:
            data = file.read()
        size = struct.unpack("<Q", data[:8])[0]
        values = []
        for key, tensor in sorted(json.loads(data[8:8 + size]).items()):
            if key.startswith("model.") and tensor.get("dtype") == "F32":
                begin, end = tensor["data_offsets"]
                values += struct.unpack(f"<{(end - begin) // 4}f", data[8 + size + begin:8 + size + end])
        self.assertGreater(len(values), 50)
        return values

    def assert_all_seen(self, run, rows, epochs):
        end = self.end(run)
        self.assertEqual(end["reason"], "epochs", end)
        self.assertEqual((end["rows"], end["epoch"]), (rows * epochs, epochs))

    def begin(self, *arguments, stdout=subprocess.PIPE, **changes):
        launcher = subprocess.Popen([PROGRAM, "train", *arguments], cwd=self.directory, env=environment(**changes),
                                    stdout=stdout, stderr=subprocess.PIPE, text=True)
        self.addCleanup(launcher.communicate)
        self.addCleanup(launcher.kill)
        return launcher

    def wait_for(self, condition, seconds=30):
        until = time.monotonic() + seconds
        while not (value := condition()):
            self.assertLess(time.monotonic(), until, "it did not come to that")
            time.sleep(0.02)
        return value

    def rows_so_far(self, run):
        try:
            return max((line.get("rows", 0) for line in self.log(run)), default=0)
        except OSError:
            return 0

    def test_rounds_are_the_batches_of_one_process(self):
        self.write_flowers(rows=500)
        options = (*MLP, "--trainer", "trainer:epochs=3,batch_size=30,schedule=linear")
        self.ngd("train", *options, "--run", "one")
        cluster = (*options, "--mode", "bulk")
        self.ngd("train", *cluster, "--run", "w1", "--workers", "1")
        self.ngd("train", *cluster, "--run", "w2", "--workers", "2")
        self.ngd("train", *cluster, "--run", "w4", "--workers", "4")
        self.ngd("train", *cluster, "--run", "w4again", "--workers", "4", "--shards", "2", "--replicas", "2")
        one = self.parameters("one")
        self.assertEqual(self.parameters("w1"), one)
        for run in ("w2", "w4"):
            for value, expected in zip(self.parameters(run), one, strict=True):
                self.assertAlmostEqual(value, expected, delta=2e-5 * max(1, abs(expected)))
        # Slices are added in the order of the workers' ranks, on any number of shards and replicas.
        self.assertEqual(self.parameters("w4again"), self.parameters("w4"))
        for run in ("w1", "w2", "w4", "w4again"):
            self.assert_all_seen(run, self.end("one")["rows"] // 3, 3)
        self.assertEqual(alive(self.path("w4again")), {})

    def test_every_mode_learns(self):
        self.write_flowers(rows=1500)
        for mode, more in [("asynchronous", ""), ("stale", ""), ("asynchronous", ",local_steps=4"), ("bulk", ",local_steps=4"),
                           ("asynchronous", ",icea=icea")]:
            with self.subTest(mode=mode, more=more):
                run = "m-" + mode + re.sub(r"\W", "", more)
                events = [json.loads(line) for line in self.ngd(
                    "train", *MLP, "--trainer", "trainer:epochs=6,batch_size=16" + more, "--run", run, "--workers", "3",
                    "--mode", mode).stdout.splitlines()]
                self.assertGreater(events[-1]["held_out_accuracy"], 0.97)
                self.assert_all_seen(run, events[-1]["rows"] // 6, 6)
                if "icea" in more:
                    self.icea_of_all_partitions(run, events[-1]["rows"] // 6)
                updates = self.log(run)[-1]
                self.assertEqual(updates["event"], "updates")
                # A round adds one of each worker.
                self.assertEqual(updates["acknowledged"], updates["applied"] * (3 if mode == "bulk" else 1))

    def icea_of_all_partitions(self, run, rows):
        """The buffers of three partitions, in the rows of the data file."""
        told = self.json("icea", run)
        self.assertEqual((told["samples"], told["seen"]), (rows, rows))
        self.assertEqual(told["visits"], 6 * rows)
        self.assertEqual(sum(one["samples"] for one in told["histogram"]), rows)
        hard = self.json("icea", run, "--list", "hard")["hard"]
        self.assertEqual(len(hard), told["hard_set"])
        numbers = {one["row"] for one in hard}
        self.assertEqual(len(numbers), len(hard))
        self.assertLess(max(numbers), 1500)
        self.assertTrue(all(one["seen"] >= 1 and one["score"] > 0 for one in hard))

    def test_gradients_in_fewer_bytes(self):
        self.write_flowers(rows=1500)
        sent = {}
        for coding in ("none", "bf16", "8bit", "topk:0.1"):
            run = "c-" + re.sub(r"\W", "", coding)
            model = ("--data", "flowers.csv", "--format", "csv:label=kind", "--model", "mlp:hidden=64", "--optimizer",
                     "ngd:learning_rate=0.01", "--held-out", "0.2", "--seed", "1", "-o", "json")
            events = [json.loads(line) for line in self.ngd(
                "train", *model, "--trainer", "trainer:epochs=6,batch_size=16,compress_pulls=bf16", "--compress", coding, "--run", run,
                "--workers", "2", "--shards", "2", "--replicas", "2").stdout.splitlines()]
            self.assertGreater(events[-1]["held_out_accuracy"], 0.97, coding)
            self.assert_all_seen(run, events[-1]["rows"] // 6, 6)
            parts = [line for line in self.log(run) if line["event"] == "workers"][-1]["partitions"]
            sent[coding] = sum(part["bytes_out"] for part in parts)
        self.assertAlmostEqual(sent["none"] / sent["bf16"], 2, delta=0.01)
        self.assertGreater(sent["none"] / sent["8bit"], 3)  # pieces of the flowers' model are below 256 numbers
        self.assertGreater(sent["none"] / sent["topk:0.1"], 1.8)  # nor does a tenth of so few cost a tenth

    def test_compress_is_checked_at_once(self):
        self.write_flowers(rows=50)
        for more, text in [(("--compress", "8bit"), "--compress is for training on servers"),
                           (("--compress", "4bit", "--workers", "1"), 'option "compress"'),
                           (("--compress", "8bit:0.1", "--workers", "1"), "only topk takes a share"),
                           (("--compress", "topk:0.9", "--workers", "1"), 'option "compress_share"'),
                           (("--compress", "topk:much", "--workers", "1"), 'option "compress_share"')]:
            with self.subTest(more=more):
                self.assertIn(text, self.ngd("train", *MLP, "--run", "none", *more, expect=2).stderr)

    def test_settings_are_changed_on_the_way_and_outlive_a_resumption(self):
        """Whoever looks on names the run directory; local steps follow, too."""
        self.write_flowers(rows=1500)
        for more in ("", ",local_steps=4"):
            run = "run" + re.sub(r"\W", "", more)
            launcher = self.begin(*MLP, "--trainer", "trainer:epochs=2000,batch_size=16" + more, "--run", run, "--workers", "2",
                                  "--shards", "2")
            self.wait_for(lambda: self.rows_so_far(run) > 2000)
            version = int(self.ngd("client", "set", "--servers", run, "learning_rate", "0.004", "optimizer.weight_decay", "0.001", "-o",
                                   "plain").stdout.split()[1])
            told = {"from_version": version, "settings": "learning_rate=0.004,weight_decay=0.001"}
            self.assertEqual(self.json("status", "--servers", run)["settings"], told)
            self.wait_for(lambda: [line["version"] for line in self.log(run) if line["event"] == "settings"] == [version])
            launcher.send_signal(signal.SIGINT)
            launcher.communicate(timeout=120)
            self.assertIn("has no servers that are at work", self.ngd("status", "--servers", run, expect=2).stderr)
            rows = self.rows_so_far(run)
            resumed = self.begin("--resume", run, "-o", "json")
            self.wait_for(lambda: self.rows_so_far(run) > rows + 2000, 60)
            self.assertEqual(self.json("status", "--servers", run)["settings"], told)
            resumed.send_signal(signal.SIGINT)
            resumed.communicate(timeout=120)
            self.assertEqual(self.end(run)["reason"], "cancelled")
            self.assertEqual(len([line for line in self.log(run) if line["event"] == "settings"]), 1)

    def test_random_kills(self):
        epochs = max(30, 20 * KILLS)
        self.write_flowers(rows=4000)
        launcher = self.begin(*MLP, "--trainer", f"trainer:epochs={epochs},batch_size=16", "--run", "run", "--workers", "3", "--shards",
                              "2", "--replicas", "2", "--servers-checkpoint-every", "2", "--lease", "1.5")
        run, draws, killed = self.path("run"), random.Random(os.getpid()), []
        self.wait_for(lambda: self.rows_so_far("run") > 3000)
        for _ in range(KILLS):
            victims = {pid: words for pid, words in alive(run).items() if words[1] in ("server", "worker")}
            if launcher.poll() is not None or not victims:
                break
            pid = draws.choice(sorted(victims))
            killed.append(victims[pid][1])
            os.kill(pid, signal.SIGKILL)
            time.sleep(draws.uniform(0.5, 3.5))
        out, err = launcher.communicate(timeout=240 + 20 * KILLS)
        self.assertEqual(launcher.returncode, 0, err)
        self.assertTrue(killed)
        rows = self.end("run")["rows"]
        self.assert_all_seen("run", rows // epochs, epochs)
        self.assertGreater(json.loads(out.splitlines()[-1])["held_out_accuracy"], 0.97)
        self.assertEqual(alive(run), {})
        print(f"killed {killed}: {rows} rows, as many as asked for")

    def test_all_servers_killed_at_once(self):
        self.write_flowers(rows=2000)
        launcher = self.begin(*MLP, "--trainer", "trainer:epochs=30,batch_size=16", "--run", "run", "--workers", "2", "--replicas",
                              "2", "--servers-checkpoint-every", "1", "--lease", "1.5")
        run = self.path("run")
        self.wait_for(lambda: self.rows_so_far("run") > 12000)
        for pid, words in alive(run).items():
            if words[1] == "server":
                os.kill(pid, signal.SIGKILL)
        err = launcher.communicate(timeout=240)[1]
        self.assertEqual(launcher.returncode, 0, err)
        self.assert_all_seen("run", self.end("run")["rows"] // 30, 30)

    def test_launcher_killed_takes_all_with_it_and_run_resumes(self):
        self.write_flowers(rows=2000)
        launcher = self.begin(*MLP, "--trainer", "trainer:epochs=20,batch_size=16", "--run", "run", "--workers", "2", "--replicas",
                              "2", "--servers-checkpoint-every", "1")
        run = self.path("run")
        self.wait_for(lambda: self.rows_so_far("run") > 8000)
        self.assertEqual(len(alive(run)), 4)
        launcher.kill()
        launcher.communicate()
        self.wait_for(lambda: not alive(run), 5)
        self.ngd("train", "--resume", "run", "-o", "json")
        self.assert_all_seen("run", self.end("run")["rows"] // 20, 20)

    def test_launcher_killed_as_it_starts(self):
        self.write_flowers(rows=300)
        options = (*MLP, "--trainer", "trainer:epochs=3,batch_size=16", "--run", "run", "--workers", "1")
        launcher = self.begin(*options)
        self.wait_for(lambda: os.path.exists(self.path("run/servers/server-1.log")))
        launcher.kill()
        launcher.communicate()
        self.wait_for(lambda: not alive(self.path("run")), 5)
        self.ngd("train", "--resume", "run", "-o", "json")
        self.assert_all_seen("run", self.end("run")["rows"] // 3, 3)
        self.fails(1, 'ngd: error: the run directory "run" already holds a run; go on with it by --resume run, or choose another '
                   "directory\n", "train", *options)

    def test_an_ended_training_has_nothing_left_to_do(self):
        self.write_flowers(rows=300)
        self.ngd("train", *MLP, "--trainer", "trainer:epochs=3,batch_size=16", "--run", "run", "--workers", "1")
        before = self.read("run/log.jsonl")
        os.makedirs(self.path("run/servers/1"))  # a launcher that was killed as it cleared up
        self.ngd("train", "--resume", "run", "-o", "json")
        self.assertEqual(self.read("run/log.jsonl"), before)
        self.assertFalse(os.path.exists(self.path("run/servers/1")))
        self.fails(2, "ngd: error: the training in run has ended, and its servers with it; leave --epochs out, or train anew in another "
                   "directory\n", "train", "--resume", "run", "--epochs", "5")

    def test_run_directory_is_for_one_launcher(self):
        self.write_flowers(rows=2000)
        launcher = self.begin(*MLP, "--trainer", "trainer:epochs=200,batch_size=16", "--run", "run", "--workers", "1")
        self.wait_for(lambda: self.rows_so_far("run") > 100)
        refused = 'ngd: error: another ngd train is at work in the run directory "run"; let it end, or end it\n'
        self.fails(1, refused, "train", "--resume", "run")
        self.fails(1, refused, "train", *MLP, "--run", "run", "--workers", "1")
        self.assertIsNone(launcher.poll())
        launcher.kill()

    def test_what_a_killed_launcher_left_is_removed(self):
        self.write_flowers(rows=2000)
        os.mkdir(self.path("tmp"))
        launcher = self.begin(*MLP, "--trainer", "trainer:epochs=20,batch_size=16", "--run", "run", "--workers", "1",
                              TMPDIR=self.path("tmp"))
        self.wait_for(lambda: self.rows_so_far("run") > 100)
        launcher.kill()
        launcher.communicate()
        self.wait_for(lambda: not alive(self.path("run")), 5)
        self.ngd("train", "--resume", "run", "-o", "json", TMPDIR=self.path("tmp"))
        self.assertEqual(os.listdir(self.path("tmp")), [])

    def test_a_worker_is_started_as_often_as_it_dies_while_training_goes_on(self):
        self.write_flowers(rows=2000)
        # It has more epochs to tell of than a pipe holds that nobody reads.
        launcher = self.begin(*MLP, "--trainer", "trainer:epochs=1000000,batch_size=16", "--run", "run", "--workers", "2", "--lease", "0.5",
                              stdout=subprocess.DEVNULL)
        run, last = self.path("run"), None
        for _ in range(7):
            rows = self.rows_so_far("run")

            def other():
                return next((pid for pid, words in alive(run).items() if words[1] == "worker" and "rank=1" in str(words) and pid != last),
                            None)
            last = self.wait_for(other)
            self.wait_for(lambda: self.rows_so_far("run") > rows)
            os.kill(last, signal.SIGKILL)
        rows = self.rows_so_far("run")
        self.wait_for(lambda: self.rows_so_far("run") > rows + 1000)
        self.assertIsNone(launcher.poll())
        launcher.kill()

    def test_interrupted_and_resumed(self):
        self.write_flowers(rows=2000)
        launcher = self.begin(*MLP, "--trainer", "trainer:epochs=20,batch_size=16", "--run", "run", "--workers", "2")
        self.wait_for(lambda: self.rows_so_far("run") > 3000)
        before = self.rows_so_far("run")
        launcher.send_signal(signal.SIGINT)
        err = launcher.communicate(timeout=60)[1]
        self.assertEqual(launcher.returncode, 1, err)
        self.assertIn("\nngd: to go on: ngd train --resume run\n", err)
        self.assertEqual(alive(self.path("run")), {})
        events = [json.loads(line) for line in self.ngd("train", "--resume", "run", "-o", "json").stdout.splitlines()]
        # Servers that end in order lose nothing.
        self.assertGreaterEqual(events[0]["rows"], before)
        self.assert_all_seen("run", self.end("run")["rows"] // 20, 20)

    def test_worker_with_other_data_is_refused(self):
        self.write_flowers(rows=2000)
        self.write_flowers("other.csv", rows=1000)
        launcher = self.begin(*MLP, "--trainer", "trainer:epochs=200,batch_size=16", "--run", "run", "--workers", "1")
        words = self.wait_for(lambda: next((w for w in alive(self.path("run")).values() if w[1] == "worker"), None))
        self.wait_for(lambda: self.rows_so_far("run") > 100)
        done = self.ngd(*words[1:-1], "--data", "other.csv", expect=1)
        self.assertIn("the training on the servers is another: its rows is ", done.stderr)
        launcher.kill()


if __name__ == "__main__":
    main()
