"""ngd train: what it prints in each style, what it keeps, what it refuses."""
import json
import os

from program import ProgramTest, main

FIELDS = ["event", "epoch", "epochs", "step", "steps", "rows", "skipped", "loss", "held_out_loss", "held_out_accuracy",
          "majority", "learning_rate", "rows_per_second", "seconds", "seconds_left", "path", "resumed", "hard_set",
          "quarantined", "hard_share", "message"]
USAGE = "see ngd train --help"


class Train(ProgramTest):
    def flowers(self, *more, **changes):
        self.write_flowers()
        return self.ngd("train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "mlp:hidden=8",
                        "--epochs", "3", *more, **changes)

    def test_table_has_a_summary_a_line_an_epoch_and_a_curve(self):
        done = self.train_flowers()
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"^data +2\d\d rows of 2 columns in 3 classes, \d\d rows held out$")
        self.assertEqual(lines[1:4], ["model      mlp:hidden=8", "optimizer  ngd:learning_rate=0.05",
                                      "trainer    trainer:epochs=5"])
        self.assertEqual(lines[5].split(), "epoch loss held-out loss accuracy largest class samples/s seconds".split())
        self.assertEqual([line.split()[0] for line in lines[6:11]], ["1", "2", "3", "4", "5"])
        self.assertIn("\nloss\n", done.stdout)
        self.assertIn("\naccuracy\n", done.stdout)
        self.assertRegex(done.stdout, "[\u2801-\u28ff]")
        self.assertNotIn("\x1b", done.stdout)
        self.assertEqual(lines[-1], "The run is in run. Next: ngd predict --model run --data FILE")

    def test_columns_of_a_table_line_up(self):
        lines = self.train_flowers().stdout.splitlines()
        self.assertEqual(len({len(line) for line in lines[5:11]}), 1)

    def test_without_held_out_data_there_is_no_held_out_column(self):
        head = self.flowers("--run", "run").stdout.splitlines()[5]
        self.assertEqual(head.split(), ["epoch", "loss", "samples/s", "seconds"])

    def test_it_learns(self):
        self.write_flowers()
        last = self.train_flowers("run", "-o", "plain").stdout.splitlines()[-1].split("\t")
        self.assertGreater(float(last[3]), 0.9)

    def test_json_is_one_object_an_event_with_stable_keys(self):
        self.write_flowers()
        events = self.events("train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "linear",
                             "--held-out", "0.2", "--epochs", "2", "--run", "run")
        for event in events:
            self.assertEqual(list(event), FIELDS)
        kinds = [event["event"] for event in events if event["event"] != "progress"]
        self.assertEqual(kinds, ["begin", "epoch", "checkpoint", "epoch", "checkpoint", "end"])
        epochs = [event for event in events if event["event"] == "epoch"]
        self.assertEqual([event["epoch"] for event in epochs], [1, 2])
        self.assertLess(epochs[1]["loss"], epochs[0]["loss"])
        self.assertTrue(0 < epochs[1]["held_out_accuracy"] <= 1)

    def test_plain_is_seven_fields_an_epoch(self):
        done = self.flowers("--run", "run", "-o", "plain")
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        self.assertEqual([row[0] for row in rows], ["1", "2", "3"])
        self.assertEqual({len(row) for row in rows}, {7})
        self.assertEqual(rows[0][2:5], ["", "", ""])  # no held-out data

    def test_nothing_but_errors_and_guesses_on_stderr_without_a_terminal(self):
        self.assertEqual(self.train_flowers().stderr, "")

    def test_same_seed_same_numbers_and_another_seed_others(self):
        def losses(run, seed):
            done = self.flowers("--run", run, "--seed", seed, "-o", "plain")
            return [line.split("\t")[1] for line in done.stdout.splitlines()]
        first = losses("a", "7")
        self.assertEqual(first, losses("b", "7"))
        self.assertNotEqual(first, losses("c", "8"))

    def test_seed_of_a_spec_goes_before_seed(self):
        self.flowers("--run", "run", "--seed", "7", "--trainer", "trainer:seed=3")
        command = json.loads(self.read("run/command.json"))
        self.assertIn("seed=3", command["trainer"])
        self.assertIn("seed=7", command["model"])
        self.assertEqual(command["split_seed"], 7)

    def test_batch_size_and_epochs_go_to_the_trainer(self):
        self.flowers("--run", "run", "--batch-size", "100")
        self.assertEqual(json.loads(self.read("run/command.json"))["trainer"], "trainer:epochs=3,batch_size=100")

    def test_held_out_file(self):
        self.write_flowers("test.csv", 60)
        done = self.flowers("--run", "run", "--held-out", "test.csv")
        self.assertIn("300 rows of 2 columns in 3 classes, 60 rows held out", done.stdout)

    def test_several_files_are_one_dataset(self):
        self.write_flowers("a.csv", 30)
        self.write_flowers("b.csv", 60)
        done = self.ngd("train", "--data", "a.csv,b.csv", "--format", "csv:label=kind", "--model", "linear", "--epochs",
                        "1", "--run", "run")
        self.assertIn("90 rows", done.stdout)

    def test_a_file_with_a_comma_in_its_name_is_one_file(self):
        self.write_flowers("a,b.csv", 30)
        done = self.ngd("train", "--data", "a,b.csv", "--format", "csv:label=kind", "--model", "linear", "--epochs", "1",
                        "--run", "run")
        self.assertIn("30 rows", done.stdout)

    def test_format_of_text_is_guessed_and_said(self):
        self.assertEqual(self.train_sayings().stderr,
                         "ngd: format text, guessed by the first line; --format says otherwise\n")

    def test_format_of_libsvm_is_guessed(self):
        for run, line in [("a", "1 1:0.5 3:1"), ("b", "-1 qid:3 1:1e-3 # a comment"), ("c", "+1\t2:-.5 ")]:
            self.write("data", f"{line}\n0 2:0.25\n" * 10)
            done = self.ngd("train", "--data", "data", "--model", "linear", "--epochs", "1", "--run", run)
            self.assertEqual(done.stderr, "ngd: format libsvm, guessed by the first line; --format says otherwise\n")

    def test_what_only_resembles_libsvm_is_not_taken_for_it(self):
        for line in ["1", "12:30 13:45", "note 1:2", "1 one:2", "1 2:x", "1 1:2 three"]:
            self.write("data", line + "\n")
            self.ngd("train", "--data", "data", "--model", "linear", "--run", "run", expect=2)

    def test_idx_and_its_labels_are_guessed(self):
        self.write("train-images-idx3-ubyte", bytes([0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 1]) + bytes(range(8)))
        self.write("train-labels-idx1-ubyte", bytes([0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 0, 1]))
        done = self.ngd("train", "--data", "train-images-idx3-ubyte", "--model", "linear", "--epochs", "1", "--run", "run")
        self.assertEqual(done.stderr, "ngd: format idx, guessed by the first bytes; --format says otherwise\n"
                                      "ngd: labels train-labels-idx1-ubyte, guessed by the file's name; "
                                      "--labels says otherwise\n")
        self.assertIn("4 rows of 2 columns in 2 classes", done.stdout)

    def test_regression_has_no_accuracy(self):
        rows = "".join(f"{x},{2 * x + 1}\n" for x in range(20))
        self.write("line.csv", "x,y\n" + rows)
        done = self.ngd("train", "--data", "line.csv", "--format", 'csv:label=y,label_type=number', "--model", "linear",
                        "--held-out", "0.3", "--epochs", "2", "--run", "run")
        self.assertIn("\nloss\n", done.stdout)
        self.assertNotIn("accuracy", done.stdout)

    # --- what it refuses ---

    def test_what_is_required(self):
        for arguments, name in [(["--model", "linear", "--run", "r"], "--data"),
                                (["--data", "x", "--run", "r"], "--model"),
                                (["--data", "x", "--model", "linear"], "--run")]:
            self.fails(2, f"ngd: error: {name} is required (or --resume with a run directory)\n", "train", *arguments)

    def test_a_run_directory_is_not_overwritten(self):
        self.flowers("--run", "run")
        before = self.read("run/command.json")
        self.fails(1, 'ngd: error: the run directory "run" already holds a run; set resume=1 to go on with it, or '
                      "choose another directory\n", "train", "--data", "flowers.csv", "--format", "csv:label=kind",
                   "--model", "linear", "--run", "run", "-o", "json")
        self.assertEqual(self.read("run/command.json"), before)

    def test_wrong_specs_are_wrong_usage_in_the_words_of_the_library(self):
        self.write_flowers()
        common = ["train", "--data", "flowers.csv", "--run", "run"]
        cases = [
            (["--format", "csv:label=kind", "--model", "linear", "--optimizer", "adam:learning_rat=1"],
             'unknown option "learning_rat" for rule "adam"; did you mean "learning_rate"? (column 6)'),
            (["--format", "csv:label=kind", "--model", "mlp:activation=rely"],
             'option "activation" of kind "mlp" cannot be "rely"; did you mean "relu"?'),
            (["--format", "csv:label=kind", "--model", "linear", "--trainer", "trainer:epochs=0"],
             'option "epochs" of the trainer is 0, outside its range'),
            (["--format", "cvs", "--model", "linear"], 'unknown format "cvs"; did you mean "csv"?')]
        for more, message in cases:
            done = self.ngd(*common, *more, expect=2)
            self.assertTrue(done.stderr.startswith("ngd: error: " + message), done.stderr)
            self.assertEqual(done.stdout, "")
        self.assertFalse(os.path.exists(self.path("run")))

    def test_a_missing_file_is_an_error_of_the_library(self):
        done = self.ngd("train", "--data", "none.csv", "--format", "csv:label=kind", "--model", "linear", "--run", "run",
                        expect=1)
        self.assertRegex(done.stderr, r"^ngd: error: .*none\.csv.*No such file or directory")
        self.fails(1, "ngd: error: none.csv: cannot be read: No such file or directory\n", "train", "--data", "none.csv",
                   "--model", "linear", "--run", "run")
        self.assertFalse(os.path.exists(self.path("run")))

    def test_a_malformed_line_is_an_error_with_file_and_line(self):
        self.write("bad.csv", "kind,x\na,1\nb,two\n")
        done = self.ngd("train", "--data", "bad.csv", "--format", "csv:label=kind", "--model", "linear", "--run", "run",
                        expect=1)
        self.assertRegex(done.stderr, r"^ngd: error: .*bad\.csv.*3.*two")

    def test_csv_without_a_named_column_is_wrong_usage(self):
        self.write_flowers()
        self.fails(2, "ngd: error: flowers.csv: looks like csv; name the column to predict: --format csv:label=NAME. "
                      "Its first line: kind,length,width\n", "train", "--data", "flowers.csv", "--model", "linear",
                   "--run", "run")

    def test_a_format_that_cannot_be_guessed_is_wrong_usage(self):
        for content in ["hello\n", b"\x7fELF\x00\x00", ""]:
            self.write("what", content)
            self.fails(2, "ngd: error: what: its format cannot be guessed; say it with --format, such as "
                          "csv:label=NAME, libsvm, text or idx (ngd options format lists them)\n", "train", "--data",
                       "what", "--model", "linear", "--run", "run")

    def test_a_share_outside_its_range_is_refused(self):
        for share in ["0", "1", "1.5"]:
            done = self.flowers("--run", "run", "--held-out", share, expect=1)
            self.assertRegex(done.stderr, "^ngd: error: .*fraction")

    def test_wrong_progress_is_wrong_usage(self):
        self.fails(2, 'ngd: error: --progress cannot be "maybe"; it takes auto, on or off\n', "train", "--progress",
                   "maybe")

    def test_a_number_is_wanted_for_epochs(self):
        done = self.ngd("train", "--epochs", "many", expect=2)
        self.assertIn("--epochs", done.stderr)
        self.assertIn(USAGE, done.stderr)

    def test_divergence_is_an_error_of_the_library(self):
        rows = "".join(f"{x},{2 * x + 1}\n" for x in range(20))
        self.write("line.csv", "x,y\n" + rows)
        done = self.ngd("train", "--data", "line.csv", "--format", "csv:label=y,label_type=number", "--model",
                        "linear:scale=none", "--optimizer", "sgd:learning_rate=1000", "--epochs", "50", "--run", "run",
                        expect=1)
        self.assertRegex(done.stderr, r"^ngd: error: the loss became inf at step \d+ .*; last good checkpoint: "
                                      r"run/checkpoint-\d+\.safetensors\. Try a learning_rate of ")


if __name__ == "__main__":
    main()
