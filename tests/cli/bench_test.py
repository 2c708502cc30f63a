"""ngd bench: what it lists, its columns and its JSON, on tiny sizes. Nothing here depends on how fast anything is."""
import math
import os

from program import ProgramTest, main

TINY = ["--sizes", "4096", "--rounds", "3", "--burst", "0.0001"]


class Bench(ProgramTest):
    def test_without_a_name_it_lists_the_benchmarks(self):
        listed = self.json("bench")["benchmarks"]
        self.assertEqual([each["name"] for each in listed], ["optimizer", "rules", "icea", "cluster", "train", "vectors"])
        self.assertTrue(all(each["about"] for each in listed))
        self.assertRegex(self.ngd("bench").stdout, r"(?m)^optimizer +\w")

    def test_unknown_benchmark_is_wrong_usage(self):
        self.fails(2, 'ngd: error: unknown benchmark "optimiser"; known: optimizer, rules, icea, cluster, train, vectors\n', "bench", "optimiser")

    def test_help_of_each_shows_an_example(self):
        for name in ["optimizer", "rules", "icea", "cluster", "train", "vectors"]:
            self.assertRegex(self.ngd("bench", name, "--help").stdout, rf"Example:\n  ngd bench {name}")


class OptimizerBench(ProgramTest):
    def bench(self, *more):
        return self.json("bench", "optimizer", *TINY, *more)

    def flat(self, rules, threads="1"):
        results = self.bench("--rules", rules, "--groups", "flat", "--threads", threads)["results"]
        return {(each["rule"], each["threads"]): each for each in results}

    def test_bytes_follow_from_what_a_rule_keeps(self):
        # The gradient is read, the parameters and every array of state are read and written.
        rows = self.flat("sgd,momentum,adam,amsgrad,ngd")
        self.assertEqual({rule: row["bytes_per_parameter"] for (rule, _), row in rows.items()},
                         {"sgd": 12, "momentum": 20, "adam": 28, "amsgrad": 36, "ngd": 28})

    def test_every_rule_has_a_row(self):
        listed = {kind["name"] for kind in self.json("options", "optimizer")["kinds"]}
        self.assertEqual({each["rule"] for each in self.bench("--groups", "flat", "--threads", "1")["results"]}, listed)

    def test_threads_are_an_option_of_the_library_step(self):
        rows = self.flat("adam", "1,2")
        self.assertEqual([rows[("adam", threads)]["spec"] for threads in (1, 2)],
                         ["adam:nonfinite=zero", "adam:threads=2,nonfinite=zero"])

    def test_times_are_ordered_and_ratios_lie_between_them(self):
        for row in self.flat("sgd,adam").values():
            ours, limit = row["nanoseconds_per_parameter"], row["against_nanoseconds_per_parameter"]
            for times in (ours, limit, row["plain_nanoseconds_per_parameter"], row["vector_nanoseconds_per_parameter"]):
                self.assertLess(0, times["minimum"])
                self.assertLessEqual(times["minimum"], times["median"])
                self.assertLessEqual(times["median"], times["maximum"])
            self.assertEqual(row["against"], "limit")
            self.assertLessEqual(ours["minimum"] / limit["maximum"], row["ratio"])
            self.assertLessEqual(row["ratio"], ours["maximum"] / limit["minimum"])

    def test_goal_and_whether_it_is_met_agree(self):
        for row in self.flat("adam,ngd,lamb").values():
            if row["rule"] == "lamb":  # needs norms first: no single sweep is its limit
                self.assertEqual((row["goal"], row["goal_is"], row["met"]), (None, None, None))
            else:
                self.assertEqual((row["goal"], row["goal_is"]), (1.05, "at most"))
                self.assertEqual(row["met"], row["ratio"] <= row["goal"])

    def test_only_rules_with_loops_by_hand_have_their_times(self):
        rows = self.flat("momentum,ngd", "1,2")
        self.assertIsNotNone(rows[("momentum", 1)]["plain_nanoseconds_per_parameter"])
        for key in [("ngd", 1), ("momentum", 2)]:
            self.assertIsNone(rows[key]["plain_nanoseconds_per_parameter"])
            self.assertIsNone(rows[key]["vector_nanoseconds_per_parameter"])

    def test_the_check_of_gradients_reads_them_once_more(self):
        results = self.bench("--rules", "adam,ngd,sgd", "--groups", "checked", "--threads", "1")["results"]
        self.assertEqual({(each["spec"], each["bytes_per_parameter"]) for each in results},
                         {("adam:nonfinite=skip", 32), ("ngd:nonfinite=skip", 32)})

    def test_smaller_state_moves_fewer_bytes(self):
        results = self.bench("--groups", "state", "--threads", "1", "--sizes", "65536")["results"]
        rows = {each["rule"]: each for each in results}
        self.assertEqual(rows["adam bf16"]["bytes_per_parameter"], 20)
        self.assertTrue(16 < rows["adam 8bit"]["bytes_per_parameter"] < 17)
        self.assertEqual([rows[name]["goal"] for name in ("adam bf16", "adam 8bit")], [0.75, 0.65])

    def test_clipping_and_clearing_read_and_write_the_gradient_once_more(self):
        row, = self.bench("--groups", "clip", "--threads", "1")["results"]
        self.assertEqual((row["spec"], row["bytes_per_parameter"], row["against"], row["goal"]),
                         ("adam:clip=norm,zero_gradient=1", 36, "plain step", 1.3))

    def test_rows_of_tables_are_stepped_on_both_sides(self):
        results = self.bench("--groups", "rows", "--rows", "8192,20000", "--threads", "1,2")["results"]
        self.assertEqual([(each["rule"], each["tensors"], each["parameters"], each["threads"]) for each in results],
                         [(f"adam, {rows} rows", 4096, 4096 * width, threads)
                          for threads in (1, 2) for width in (32, 8) for rows in (8192, 20000)])
        for row in results:
            self.assertEqual((row["bytes_per_parameter"], row["against"], row["goal"]), (28, "limit", 1.1))

    def test_a_table_that_memory_does_not_hold_is_left_out(self):
        done = self.ngd("bench", "optimizer", *TINY, "--groups", "rows", "--rows", "4294967296", "--threads", "1", expect=2)
        self.assertEqual(done.stderr, "ngd: left out: 4294967296 rows of 32, which need 2783GB of memory\n"
                                      "ngd: left out: 4294967296 rows of 8, which need 722GB of memory\n"
                                      "ngd: error: none of the chosen groups has a case for these rules and threads\n")

    def test_shapes_of_small_tensors_and_matrices(self):
        results = self.bench("--groups", "small,trust", "--rules", "adam,ngd", "--threads", "1", "--sizes", "65536")["results"]
        self.assertEqual([(each["group"], each["rule"], each["tensors"], each["parameters"], each["against"])
                          for each in results],
                         [("small", "adam", 1000, 1000000, "one flat tensor"), ("trust", "ngd", 1, 65536, "adam"),
                          ("trust", "ngd", 16, 65536, "adam"), ("trust", "ngd", 4, 65536, "adam")])

    def test_table_has_a_head_a_group_and_units(self):
        text = self.ngd("bench", "optimizer", *TINY, "--rules", "sgd", "--groups", "flat", "--threads", "1").stdout
        self.assertRegex(text, r"medians of 3 rounds")
        self.assertRegex(text, r"(?m)^flat: ")
        self.assertRegex(text, r"(?m)^rule +tensors +threads +ns/param +B/param +GB/s +against +ns/param +ratio +goal "
                               r"+plain C +vector C$")
        self.assertRegex(text, r"(?m)^sgd +1 x 4096 +1 +\d+\.\d{3} +12\.0 +\d+\.\d +limit +\d+\.\d{3} +\d+\.\d\d "
                               r"+<= 1\.05 (met|missed) +\d+\.\d{3} +\d+\.\d{3}$")

    def test_plain_has_thirteen_fields_and_no_head(self):
        text = self.ngd("bench", "optimizer", *TINY, "--rules", "sgd,adam", "--groups", "flat", "--threads", "1", "-o",
                        "plain").stdout
        lines = [line.split("\t") for line in text.splitlines()]
        self.assertEqual([line[:4] for line in lines], [["flat", "sgd", "1 x 4096", "1"], ["flat", "adam", "1 x 4096", "1"]])
        self.assertEqual([len(line) for line in lines], [13, 13])

    def test_wrong_names_and_numbers_are_wrong_usage(self):
        usage = "usage: ngd bench [optimizer|rules|icea|cluster|train|vectors] [options]; see ngd bench NAME --help\n"
        groups = ", ".join(["flat", "checked", "peer", "small", "state", "clip", "trust", "rows"])
        self.fails(2, f'ngd: error: unknown group "flatt"; known: {groups}\n', "bench", "optimizer", "--groups", "flatt")
        error = self.ngd("bench", "optimizer", "--rules", "adm", expect=2).stderr
        self.assertIn('ngd: error: unknown optimizer rule "adm"; did you mean "adam"?', error)
        self.fails(2, "ngd: error: --rounds: Value 0 not in range 1 to 1000\n" + usage, "bench", "optimizer", "--rounds", "0")
        self.fails(2, "ngd: error: none of the chosen groups has a case for these rules and threads\n",
                   "bench", "optimizer", "--groups", "small", "--rules", "sgd")


class PeerBench(ProgramTest):
    def peer(self, script):
        path = self.path("peer")
        self.write("peer", "#!/bin/sh\n" + script)
        os.chmod(path, 0o755)
        return path

    def bench(self, script, *more, **expected):
        return self.ngd("bench", "optimizer", *TINY, "--rules", "adam", "--groups", "peer", "--threads", "1", "--peer",
                        self.peer(script), *more, **expected)

    def test_a_peer_is_asked_for_every_shape_and_its_seconds_count(self):
        script = "echo slowlib 7\nwhile read line; do echo $line >>asked; echo 2.5; done\n"
        document = self.json("bench", "optimizer", *TINY, "--rules", "adam", "--groups", "peer", "--threads", "1", "--peer",
                             self.peer(script))
        self.assertEqual(document["peer"], "slowlib 7")
        flat, small = document["results"]
        self.assertEqual((flat["tensors"], flat["parameters"]), (1, 4096))
        self.assertEqual((small["tensors"], small["parameters"]), (1000, 1000000))
        times = flat["against_nanoseconds_per_parameter"]
        self.assertEqual({times["median"], times["minimum"], times["maximum"]}, {2.5e9 / 4096})
        self.assertEqual((flat["goal"], flat["goal_is"], flat["met"]), (8, "at least", True))
        ours = flat["nanoseconds_per_parameter"]["median"]
        self.assertTrue(math.isclose(flat["ratio"], 2.5e9 / 4096 / ours, rel_tol=1e-9))
        # One round that is not counted, then three.
        self.assertEqual(self.read("asked").splitlines(), ["adam 1 4096 1"] * 4 + ["adam 1000 1000 1"] * 4)

    def test_a_fast_peer_is_a_goal_missed(self):
        done = self.bench("echo fastlib\nwhile read line; do echo 1e-12; done\n")
        self.assertRegex(done.stdout, r"(?m)^adam +1 x 4096 .* fastlib .* >= 8\.00 missed$")

    def test_errors_of_a_peer_are_told_in_its_words(self):
        path = self.path("peer")
        for script, message in [("echo lib\nread line; echo error no such rule\n", "no such rule"),
                                ("echo lib\nread line\n", "ended without an answer"),
                                ("echo lib\nread line; echo soon\n", 'answered "soon", not the seconds of a step'),
                                ("echo lib\nread line; echo -1\n", 'answered "-1", not the seconds of a step'),
                                ("", "ended without an answer")]:
            self.assertEqual(self.bench(script, expect=1).stderr, f"ngd: error: {path}: {message}\n")

    def test_a_peer_that_is_not_there(self):
        done = self.ngd("bench", "optimizer", "--peer", "./nobody", expect=1)
        self.assertEqual(done.stderr, "ngd: error: ./nobody: cannot be run: No such file or directory\n")


def steps(result):
    """Never is later than any step."""
    return math.inf if result["steps"] is None else result["steps"]


class RulesBench(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write_flowers("LetterRecognition.csv", rows=600)
        text = self.read("LetterRecognition.csv").replace("kind", "lettr", 1)
        self.write("LetterRecognition.csv", text)

    SMALL = ["--data", ".", "--tasks", "letters", "--rules", "sgd,ngd,ngd:accel=seed", "--steps", "60", "--trials", "6",
             "--seeds", "3"]

    def test_results_are_complete_and_repeatable(self):
        document = self.json("bench", "rules", *self.SMALL)
        self.assertEqual(document, self.json("bench", "rules", *self.SMALL))
        self.assertEqual((document["trials"], document["tuning_seeds"], document["seeds"]), (6, 1, 3))
        task, = document["tasks"]
        self.assertEqual((task["task"], task["steps"], task["target"]), ("letters", 60, 0.85))
        self.assertEqual({each["rule"] for each in task["rules"]}, {"sgd", "ngd", "ngd:accel=seed"})
        arrivals = [steps(each) for each in task["rules"]]
        self.assertEqual(arrivals, sorted(arrivals))
        for each in task["rules"]:
            self.assertTrue(1e-5 <= each["learning_rate"] <= 10)
            self.assertTrue(1 <= each["good_rates"] <= 6)
            self.assertEqual(len(each["runs"]), 3)
            self.assertEqual(steps(each), sorted(map(steps, each["runs"]))[1])
            self.assertEqual(each["accuracy"], sorted(run["accuracy"] for run in each["runs"])[1])
            self.assertGreaterEqual(each["accuracy"], 0.95)  # these three classes lie apart

    def test_ngd_is_counted_against_each_rule_seed_by_seed(self):
        task, = self.json("bench", "rules", *self.SMALL)["tasks"]
        rows = {each["rule"]: each for each in task["rules"]}
        self.assertEqual((rows["ngd"]["ngd_sooner"], rows["ngd"]["ngd_later"]), (None, None))
        for rule in ["sgd", "ngd:accel=seed"]:
            pairs = [(steps(a), steps(b)) for a, b in zip(rows["ngd"]["runs"], rows[rule]["runs"])]
            self.assertEqual((rows[rule]["ngd_sooner"], rows[rule]["ngd_later"]),
                             (sum(a < b for a, b in pairs), sum(a > b for a, b in pairs)))

    def test_table_and_plain(self):
        text = self.ngd("bench", "rules", *self.SMALL).stdout
        self.assertRegex(text, r"(?m)^letters: .*; 60 steps of 64 rows; \"steps\": to 85 % of held-out rows right$")
        self.assertRegex(text, r"(?m)^rule +rate +good rates +steps +seeds there +accuracy % +training loss +ngd sooner/later$")
        lines = self.ngd("bench", "rules", *self.SMALL, "-o", "plain").stdout.splitlines()
        self.assertEqual([len(line.split("\t")) for line in lines], [9] * 3)
        self.assertTrue(all(line.startswith("letters\t") for line in lines))

    def test_a_rule_that_never_arrives_has_no_steps(self):
        # One rate is drawn, in the whole range; no rule learns these classes in a single step.
        task, = self.json("bench", "rules", "--data", ".", "--tasks", "letters", "--rules", "ngd", "--steps", "1",
                          "--trials", "1", "--seeds", "1")["tasks"]
        self.assertIsNone(task["rules"][0]["steps"])
        self.assertIsNone(task["rules"][0]["runs"][0]["steps"])

    def test_a_rule_that_cannot_train_the_model_is_told_with_the_reason(self):
        self.write("sms.tsv", "".join(f"{kind}\t{kind} words {row}\n" for row in range(40) for kind in ("ham", "spam")))
        small = ["--data", ".", "--tasks", "spam", "--rules", "muon,ngd", "--steps", "5", "--trials", "2", "--seeds", "1"]
        task, = self.json("bench", "rules", *small)["tasks"]
        rows = {each["rule"]: each for each in task["rules"]}
        reason = 'rule "muon" works on whole tensors; it takes no table of rows ("embedding.weight")'
        self.assertEqual((rows["muon"]["refused"], rows["muon"]["runs"]), (reason, []))
        self.assertEqual((rows["ngd"]["refused"], len(rows["ngd"]["runs"])), (None, 1))
        self.assertIn(f"\nmuon: refused: {reason}\n", self.ngd("bench", "rules", *small).stdout)

    def test_wrong_names_and_absent_data(self):
        self.fails(2, 'ngd: error: unknown task "numbers"; known: digits, letters, spam\n',
                   "bench", "rules", "--data", ".", "--tasks", "numbers")
        error = self.ngd("bench", "rules", "--data", ".", "--rules", "adm", expect=2).stderr
        self.assertIn('unknown optimizer rule "adm"', error)
        error = self.ngd("bench", "rules", "--data", ".", "--tasks", "spam", expect=1).stderr
        self.assertIn("./sms.tsv", error)
        self.fails(2, "ngd: error: --data is required\n"
                      "usage: ngd bench [optimizer|rules|icea|cluster|train|vectors] [options]; see ngd bench NAME --help\n", "bench", "rules")


class TrainBench(ProgramTest):
    TINY = ["--rounds", "2", "--seconds", "0.02"]

    def test_each_model_in_each_mode_has_a_row(self):
        done = self.json("bench", "train", *self.TINY)
        self.assertEqual((done["benchmark"], done["rounds"], done["replicas"], done["shards"]), ("train", 2, 1, 1))
        self.assertEqual([(row["model"], row["mode"], row["goal"]) for row in done["results"]],
                         [("text", "asynchronous", 1.3), ("text", "bulk", None),
                          ("perceptron", "asynchronous", 1.5), ("perceptron", "bulk", None)])
        for row in done["results"]:
            for key in ("seconds_alone", "seconds", "ratio", "cpu_alone", "cpu_worker"):
                self.assertLess(0, row[key], (row, key))
        # What another process has used is known once it was scheduled again: a turn of one step may see nothing of it.
        self.assertLess(0, sum(row["cpu_servers"] for row in done["results"]))
        # A step sends and reads every number of the perceptron once: 784-1600-800-10.
        bytes_of_all = 4 * (784 * 1600 + 1600 + 1600 * 800 + 800 + 800 * 10 + 10)
        for row in done["results"][2:]:
            for key in ("bytes_out", "bytes_in"):
                self.assertTrue(bytes_of_all <= row[key] < 1.3 * bytes_of_all, (row, key, bytes_of_all))

    def test_of_tables_only_the_rows_of_a_batch_travel(self):
        self.write("texts", "".join(f"{'ab'[i % 2]}\tword{i} word{i + 1}\n" for i in range(1000)))
        row, = self.json("bench", "train", *self.TINY, "--models", "text", "--modes", "bulk", "--data", "texts",
                         "--replicas", "2", "--shards", "2")["results"]
        # At most 64 x 3 rows of 50 numbers and their own number, a layer for two classes, and the control.
        for key in ("bytes_out", "bytes_in"):
            self.assertTrue(0 < row[key] < 64 * 3 * 51 * 4 + 10000, row)

    def test_what_it_does_not_know_is_wrong_usage(self):
        self.fails(2, "ngd: error: --models cannot be \"linear\"; it takes text and perceptron\n", "bench", "train", "--models", "linear")
        self.fails(2, "ngd: error: --modes cannot be \"fast\"; it takes asynchronous, stale and bulk\n", "bench", "train", "--modes", "fast")


if __name__ == "__main__":
    main()
