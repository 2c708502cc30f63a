"""ngd predict and ngd eval: answers of a trained model in every style, and what they refuse."""
import json

from program import ProgramTest, main


class Predict(ProgramTest):
    def test_classes_and_probabilities_of_a_file(self):
        self.train_flowers()
        self.write("new.csv", "kind,length,width\nred,0,5\nblue,6,1\n")
        rows = [line.split("\t") for line in
                self.ngd("predict", "--model", "run", "--data", "new.csv", "-o", "plain").stdout.splitlines()]
        self.assertEqual([row[:2] for row in rows], [["0", "red"], ["1", "blue"]])
        for row in rows:
            self.assertTrue(0.5 < float(row[2]) <= 1)

    def test_data_without_labels(self):
        self.train_flowers()
        self.write("new.csv", "length,width\n0,5\n6,1\n")
        document = self.json("predict", "--model", "run", "--data", "new.csv", "--format", "csv")
        self.assertEqual([row["class"] for row in document["predictions"]], ["red", "blue"])

    def test_table(self):
        self.train_flowers()
        self.write("new.csv", "length,width\n0,5\n")
        lines = self.ngd("predict", "--model", "run", "--data", "new.csv", "--format", "csv").stdout.splitlines()
        self.assertEqual(lines[0].split(), ["row", "class", "probability"])
        self.assertEqual(lines[1].split()[:2], ["0", "red"])
        self.assertEqual(len(lines), 2)

    def test_top_lists_the_likeliest_first_and_probabilities_sum_to_one(self):
        self.train_flowers()
        document = self.json("predict", "--model", "run", "--data", "flowers.csv", "--top", "9")
        self.assertEqual(len(document["predictions"]), 300)
        for row, prediction in enumerate(document["predictions"]):
            self.assertEqual(prediction["row"], row)
            top = prediction["top"]
            self.assertEqual(sorted(one["class"] for one in top), ["blue", "green", "red"])
            self.assertEqual([one["probability"] for one in top], sorted((one["probability"] for one in top), reverse=True))
            self.assertAlmostEqual(sum(one["probability"] for one in top), 1, places=5)
            self.assertEqual((top[0]["class"], top[0]["probability"]), (prediction["class"], prediction["probability"]))
        self.assertEqual(len(self.ngd("predict", "--model", "run", "--data", "flowers.csv", "--top", "2", "-o",
                                      "plain").stdout.splitlines()), 600)

    def test_more_rows_than_one_chunk_in_one_document(self):
        self.train_flowers()
        self.write_flowers("many.csv", 2500)
        document = self.json("predict", "--model", "run", "--data", "many.csv")
        self.assertEqual([row["row"] for row in document["predictions"]], list(range(2500)))

    def test_two_classes_of_one_output(self):
        self.write("two.csv", "kind,x\n" + "a,0\nb,1\n" * 50)
        self.ngd("train", "--data", "two.csv", "--format", "csv:label=kind", "--model", "linear", "--optimizer",
                 "ngd:learning_rate=0.1", "--run", "run")
        document = self.json("predict", "--model", "run", "--data", "two.csv", "--top", "2")
        for row, prediction in enumerate(document["predictions"]):
            self.assertEqual(prediction["class"], "ab"[row % 2])
            self.assertAlmostEqual(sum(one["probability"] for one in prediction["top"]), 1, places=5)

    def test_numbers_of_a_regression(self):
        self.write("line.csv", "x,y\n" + "".join(f"{x},{2 * x + 1}\n" for x in range(20)))
        self.ngd("train", "--data", "line.csv", "--format", "csv:label=y,label_type=number", "--model", "linear",
                 "--optimizer", "ngd:learning_rate=0.3,trust=none", "--epochs", "300", "--run", "run")
        rows = self.json("predict", "--model", "run", "--data", "line.csv")["predictions"]
        self.assertEqual(list(rows[0]), ["row", "value"])
        for row in rows:
            self.assertAlmostEqual(row["value"], 2 * row["row"] + 1, delta=1)
        measured = self.json("eval", "--model", "run", "--data", "line.csv")
        self.assertGreater(measured["r_squared"], 0.99)
        self.assertIsNone(measured["accuracy"])
        self.assertIn("r squared", self.ngd("eval", "--model", "run", "--data", "line.csv").stdout)

    def test_lines_of_words_from_standard_input(self):
        self.train_sayings()
        done = self.ngd("predict", "--model", "run", "--data", "-", "-o", "plain", stdin="a cat purrs\nmy dog barks\r\n")
        self.assertEqual([line.split("\t")[:2] for line in done.stdout.splitlines()], [["0", "cat"], ["1", "dog"]])

    def test_no_line_at_all_is_an_empty_document(self):
        self.train_sayings()
        self.assertEqual(self.json("predict", "--model", "run", "--data", "-", stdin=""), {"predictions": []})

    def test_a_checkpoint_file_serves_as_well_as_its_run(self):
        self.train_sayings()
        path = [json.loads(line)["path"] for line in self.read("run/log.jsonl").splitlines() if '"path"' in line][-1]
        self.assertEqual(self.json("predict", "--model", path, "--data", "sayings.txt"),
                         self.json("predict", "--model", "run", "--data", "sayings.txt"))

    def test_eval_agrees_with_the_last_epoch(self):
        self.write_flowers()
        self.ngd("train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "mlp:hidden=8", "--held-out",
                 "flowers.csv", "--epochs", "2", "--run", "run")
        last = [json.loads(line) for line in self.read("run/log.jsonl").splitlines() if '"epoch"' in line]
        last = [record for record in last if record["event"] == "epoch"][-1]
        measured = self.json("eval", "--model", "run", "--data", "flowers.csv")
        self.assertEqual(list(measured), ["rows", "unknown", "loss", "accuracy", "majority", "r_squared"])
        self.assertEqual(measured["rows"], 300)
        self.assertEqual(measured["accuracy"], last["held_out_accuracy"])
        self.assertAlmostEqual(measured["loss"], last["held_out_loss"], places=6)
        self.assertAlmostEqual(measured["majority"], 1 / 3)

    def test_eval_counts_rows_of_unknown_classes(self):
        self.train_flowers()
        self.write("new.csv", "kind,length,width\nred,0,5\npink,0,5\n")
        self.assertEqual(self.json("eval", "--model", "run", "--data", "new.csv")["unknown"], 1)
        self.assertRegex(self.ngd("eval", "--model", "run", "--data", "new.csv").stdout, r"rows of unknown classes +1\n")

    def test_eval_plain_is_name_tab_value(self):
        self.train_flowers()
        lines = self.ngd("eval", "--model", "run", "--data", "flowers.csv", "-o", "plain").stdout.splitlines()
        self.assertEqual([line.split("\t")[0] for line in lines],
                         ["rows", "unknown", "loss", "accuracy", "majority", "r_squared"])

    # --- what they refuse ---

    def test_what_is_required(self):
        self.fails(2, "ngd: error: --data is required\nusage: ngd predict --model RUN|FILE --data FILE|- [--format SPEC] "
                      "[--top K] [-o table|json|plain]\n", "predict", "--model", "run")
        self.fails(2, "ngd: error: --model is required\nusage: ngd eval --model RUN|FILE --data FILE [--format SPEC] "
                      "[-o table|json|plain]\n", "eval", "--data", "x")

    def test_top_of_zero_is_wrong_usage(self):
        self.train_sayings()
        self.fails(2, "ngd: error: --top is 0, but takes at least 1\n", "predict", "--model", "run", "--data",
                   "sayings.txt", "--top", "0")

    def test_standard_input_is_for_text_models(self):
        self.train_flowers()
        self.fails(2, "ngd: error: --data - reads lines of text, but this model takes rows of numbers; name a file\n",
                   "predict", "--model", "run", "--data", "-")

    def test_no_model_there(self):
        done = self.ngd("predict", "--model", "none", "--data", "x", expect=1)
        self.assertRegex(done.stderr, r'^ngd: error: .*"none".*No such file or directory\n$')

    def test_a_model_file_that_is_none(self):
        self.write_flowers()
        done = self.ngd("predict", "--model", "flowers.csv", "--data", "flowers.csv", expect=1)
        self.assertRegex(done.stderr, "^ngd: error: .*flowers.csv")
        self.assertEqual(done.stdout, "")

    def test_data_of_another_shape(self):
        self.train_flowers()
        self.write("wide.csv", "a,b,c\n1,2,3\n")
        done = self.ngd("predict", "--model", "run", "--data", "wide.csv", "--format", "csv", expect=1)
        self.assertRegex(done.stderr, "^ngd: error: .*3.*2|^ngd: error: .*2.*3")


if __name__ == "__main__":
    main()
