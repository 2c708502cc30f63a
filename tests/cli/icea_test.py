"""ngd train --icea, ngd icea, ngd bench icea: what they print, keep and refuse."""
import json
import os
import xml.dom.minidom

from program import ProgramTest, main


class TrainWithIcea(ProgramTest):
    def train(self, *more, run="run", epochs="5"):
        self.write_flowers()
        return self.ngd("train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "mlp:hidden=8",
                        "--optimizer", "ngd:learning_rate=0.05", "--held-out", "0.2", "--epochs", epochs, "--run", run, *more)

    def test_the_table_has_columns_of_the_buffer(self):
        lines = self.train("--icea", "mix,rho=0.3").stdout.splitlines()
        self.assertEqual(lines[3], 'trainer    trainer:epochs=5,icea="icea:mode=mix,rho=0.3"')
        self.assertEqual(lines[5].split()[-5:], ["hard", "set", "quarantine", "hard", "draws"])
        self.assertEqual(lines[6].split()[-1], "0.00")
        self.assertTrue(all(0 <= float(line.split()[-1]) < 0.5 for line in lines[6:11]))

    def test_mode_and_options_make_a_spec(self):
        for given, spec in [("mix", "icea:mode=mix"), ("phase,hard_steps=3", "icea:mode=phase,hard_steps=3"), ("rho=0.2", "icea:rho=0.2"),
                            ("icea", "icea"), ("icea:cap=0.5", "icea:cap=0.5")]:
            self.train("--icea", given, run=given)
            trainer = json.loads(self.read(f"{given}/command.json"))["trainer"]
            self.assertEqual(trainer.replace('"', ""), f"trainer:epochs=5,icea={spec}")

    def test_a_wrong_buffer_is_wrong_usage(self):
        self.write_flowers()
        self.fails(2, 'ngd: error: option "mode" of the buffer cannot be "mx"; did you mean "mix"? It takes: mix, phase '
                      "(column 6)\n",
                   "train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "linear", "--run", "r", "--icea", "mx")

    def test_json_and_log_tell_of_it(self):
        events = [json.loads(line) for line in self.train("--icea", "mix", "-o", "json").stdout.splitlines()]
        epochs = [event for event in events if event["event"] == "epoch"]
        self.assertEqual(epochs[0]["hard_share"], 0)
        logged = [json.loads(line) for line in self.read("run/log.jsonl").splitlines()]
        logged = [line for line in logged if line["event"] == "epoch"]
        for event, line in zip(epochs, logged):
            for key in ("hard_set", "quarantined", "hard_share"):
                self.assertEqual(event[key], line[key])

    def test_a_resumed_run_ends_like_one_that_never_stopped(self):
        self.train("--icea", "mix,beta=0.5", run="whole")
        self.train("--icea", "mix,beta=0.5", run="part", epochs="2")
        self.fails(2, "ngd: error: --icea cannot change when a run is resumed; leave it out\n",
                   "train", "--resume", "part", "--icea", "mix")
        self.ngd("train", "--resume", "part", "--epochs", "5")
        wanted = self.json("icea", "whole")
        self.assertEqual(self.json("icea", "part"), wanted)
        self.assertEqual(wanted["visits"], 5 * wanted["samples"])

    def test_many_in_quarantine_are_warned_of(self):
        lines = self.read(self.write_flowers()).splitlines()
        kinds = ["red", "green", "blue"]
        for row in range(1, len(lines), 7):  # a seventh is wrong
            kind, rest = lines[row].split(",", 1)
            lines[row] = f"{kinds[(kinds.index(kind) + 1) % 3]},{rest}"
        self.write("flowers.csv", "\n".join(lines) + "\n")
        done = self.ngd("train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "mlp:hidden=8", "--epochs",
                        "8", "--optimizer", "ngd:learning_rate=0.02", "--run", "run", "--icea", "mix,quarantine=2")
        self.assertRegex(done.stderr, r"^ngd: warning: 1\d % of the samples \(\d\d of 300\) are in quarantine after \d epochs: ")
        self.assertEqual(done.stderr.count("warning"), 1)
        listed = self.json("icea", "run", "--list", "quarantine")["quarantine"]
        self.assertGreater(sum(entry["row"] % 7 == 0 for entry in listed), 0.9 * len(listed))


class TellIcea(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write_flowers()
        self.ngd("train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "mlp:hidden=8", "--held-out", "0.2",
                 "--epochs", "3", "--run", "run", "--icea", "mix,error_min=0.001")

    def test_totals_and_histogram(self):
        text = self.ngd("icea", "run").stdout
        self.assertRegex(text, r"(?m)^options +icea:error_min=0.001$")
        self.assertRegex(text, r"(?m)^score from +to +samples +hard set +quarantine$")
        document = self.json("icea", "run")
        self.assertEqual(sum(bin["samples"] for bin in document["histogram"]), document["seen"])
        self.assertEqual(sum(bin["hard"] for bin in document["histogram"]), document["hard_set"])
        self.assertEqual(document["hard_set_most"], -(-document["samples"] // 10))

    def test_rows_are_those_of_the_file(self):
        hard = self.json("icea", "run", "--list", "hard")["hard"]
        self.assertEqual([entry["score"] for entry in hard], sorted((entry["score"] for entry in hard), reverse=True))
        # Trained on a part of the rows; what is listed was never held out.
        held_out = {row for row in range(300)} - {entry["row"] for entry in self.all_rows()}
        self.assertEqual(len(held_out), 300 - self.json("icea", "run")["samples"])
        for entry in hard:
            self.assertNotIn(entry["row"], held_out)

    def all_rows(self):
        """With cap=1 and no threshold the hard set is every row that was trained on."""
        self.ngd("train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "mlp:hidden=8", "--held-out", "0.2",
                 "--epochs", "1", "--run", "all", "--icea", "mix,error_min=0,cap=1,quarantine=0")
        return self.json("icea", "all", "--list", "hard")["hard"]

    def test_plain_lists(self):
        lines = self.ngd("icea", "run", "--list", "hard", "-o", "plain").stdout.splitlines()
        self.assertEqual(len(lines), self.json("icea", "run")["hard_set"])
        self.assertEqual(len(lines[0].split("\t")), 5)

    def test_a_picture(self):
        self.assertEqual(self.ngd("icea", "run", "--svg", "scores.svg").stdout, "scores.svg\n")
        picture = xml.dom.minidom.parseString(self.read("scores.svg"))
        texts = [node.firstChild.data for node in picture.getElementsByTagName("text")]
        for expected in ("scores of run", "samples", "in the hard set", "in quarantine"):
            self.assertIn(expected, texts)
        self.assertGreater(len(picture.getElementsByTagName("rect")), 5)

    def test_a_run_without_a_buffer_is_told(self):
        self.ngd("train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "linear", "--epochs", "1", "--run", "other")
        self.fails(1, 'ngd: error: the checkpoint has no metadata "icea.format"\n', "icea", "other")
        self.fails(1, 'ngd: error: cannot read "nowhere": No such file or directory\n', "icea", "nowhere")
        self.fails(2, 'ngd: error: --list: cannot be "soft"; it takes quarantine or hard\n'
                      "usage: ngd icea RUN [--list quarantine|hard] [--svg FILE] [-o table|json|plain]\n",
                   "icea", "run", "--list", "soft")


class Bench(ProgramTest):
    def test_speed_tells_time_memory_and_threads(self):
        document = self.json("bench", "icea", "--samples", "20000", "--rounds", "20", "--thread-seconds", "0.01")
        self.assertEqual(document["samples"], 20000)
        self.assertTrue(16 < document["bytes_per_sample"] < 60)  # small buffers have room to spare
        for key in ("record_microseconds", "draw_microseconds", "null_microseconds", "ratio", "two_of_each"):
            self.assertGreater(document[key], 0)

    def test_a_task_compares_with_uniform(self):
        folder = self.path("data")
        os.mkdir(folder)
        self.write("data/sms.tsv", "".join(f"{'spam' if i % 3 == 0 else 'ham'}\t{'win prize' if i % 3 == 0 else 'see you'} {i}\n"
                                           for i in range(400)))
        document = self.json("bench", "icea", "--task", "sms", "--data", "data", "--seeds", "2", "--spec", "icea:sampler=rank",
                             "--svg", "curves.svg")
        task = document["tasks"][0]
        self.assertEqual([row["method"] for row in task["methods"]],
                         ["uniform", "icea", "quarantine only", "phase 8:2", "icea:sampler=rank"])
        for row in task["methods"]:
            self.assertGreater(row["final"], 99)
            self.assertEqual(row["rate"], task["methods"][0]["rate"])
        self.assertRegex(task["methods"][1]["first_wins"], r"^\d/\d$")
        xml.dom.minidom.parseString(self.read("curves.svg"))
        table = self.ngd("bench", "icea", "--task", "sms", "--data", "data", "--seeds", "1").stdout
        self.assertRegex(table, r"(?m)^method +rate +to 98 % +won/lost +to 98.5 % +won/lost +final % +pp +hard draws +quarantine$")

    def test_wrong_usage_is_told(self):
        self.fails(2, 'ngd: error: unknown task "digit"; known: digits, letters, mnist, cancer, sms, all\n',
                   "bench", "icea", "--task", "digit")
        self.fails(2, "ngd: error: --noise is a share from 0 to below 1\n", "bench", "icea", "--task", "sms", "--noise", "1")
        done = self.ngd("bench", "icea", "--task", "cancer", "--data", ".", expect=1)
        self.assertIn("breast_cancer.csv is not there; Debian's package python3-sklearn has it", done.stderr)


if __name__ == "__main__":
    main()
