"""ngd options: what it lists is what the library tells."""
from program import ProgramTest, main


class Options(ProgramTest):
    def test_all_topics_are_listed(self):
        kinds = self.json("options")["kinds"]
        found = {(kind["topic"], kind["name"]) for kind in kinds}
        for expected in [("optimizer", "ngd"), ("optimizer", "adam"), ("model", "mlp"), ("model", "text"),
                         ("format", "csv"), ("format", "libsvm"), ("format", "idx"), ("trainer", "trainer"), ("icea", "icea")]:
            self.assertIn(expected, found)

    def test_one_topic_lists_only_its_kinds(self):
        self.assertEqual({kind["topic"] for kind in self.json("options", "model")["kinds"]}, {"model"})

    def test_options_of_a_rule_have_default_range_and_help(self):
        document = self.json("options", "optimizer", "ngd")
        self.assertEqual((document["topic"], document["name"]), ("optimizer", "ngd"))
        options = {option["name"]: option for option in document["options"]}
        self.assertEqual(options["learning_rate"]["type"], "number")
        self.assertEqual(float(options["learning_rate"]["default"]), 0.001)
        self.assertTrue(options["learning_rate"]["help"])
        self.assertEqual(options["beta1"]["range"], "[0, 1)")
        self.assertEqual(options["accel"]["type"], "choice")
        self.assertIn("nesterov|", options["accel"]["range"] + "|")

    def test_every_listed_kind_can_be_described(self):
        for kind in self.json("options")["kinds"]:
            if kind["name"] == "zeros":  # has nothing to choose
                continue
            self.assertTrue(self.json("options", kind["topic"], kind["name"])["options"], kind)

    def test_trainer_needs_no_name(self):
        self.assertEqual(self.json("options", "trainer"), self.json("options", "trainer", "trainer"))
        self.assertEqual(self.json("options", "icea"), self.json("options", "icea", "icea"))

    def test_plain_has_five_fields_and_no_head(self):
        for line in self.ngd("options", "trainer", "-o", "plain").stdout.splitlines():
            self.assertEqual(len(line.split("\t")), 5, line)
        self.assertNotIn("default\t", self.ngd("options", "trainer", "-o", "plain").stdout)

    def test_table_has_a_head(self):
        self.assertRegex(self.ngd("options", "trainer").stdout.splitlines()[0], r"^option +type +default +range +help$")

    def test_unknown_topic_is_wrong_usage(self):
        self.fails(2, 'ngd: error: unknown topic "optimiser"; known: optimizer, model, format, trainer, icea, server, client, vectors\n',
                   "options", "optimiser")

    def test_unknown_name_is_wrong_usage_in_the_words_of_the_library(self):
        self.fails(2, 'ngd: error: unknown optimizer rule "adm"; did you mean "adam"? Known: sgd, momentum, nesterov, '
                      "adagrad, adadelta, rmsprop, adam, adamw, amsgrad, adamax, nadam, radam, adabelief, yogi, qhadam, lion, "
                      "lars, lamb, schedule_free_adamw, adafactor, muon, rprop, lbfgs, asgd, ftrl, ngd\n", "options", "optimizer", "adm")
        self.fails(2, 'ngd: error: unknown trainer "coach"; it is called trainer\n', "options", "trainer", "coach")
        self.fails(2, 'ngd: error: unknown buffer "ica"; it is called icea\n', "options", "icea", "ica")


if __name__ == "__main__":
    main()
