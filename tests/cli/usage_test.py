"""The command line as a whole: help, version, wrong usage."""
from program import ProgramTest, main

VERBS = ["train", "predict", "eval", "inspect", "options", "plot", "icea", "bench", "version"]


class Usage(ProgramTest):
    def test_help_names_every_verb_and_shows_an_example(self):
        text = self.ngd("--help").stdout
        for verb in VERBS:
            self.assertRegex(text, rf"(?m)^  {verb} ")
        self.assertIn("ngd train --data iris.csv", text)
        self.assertIn("Exit codes: 0 good, 1 failed, 2 the command line is wrong.", text)

    def test_help_of_every_verb_shows_an_example(self):
        for verb in VERBS:
            text = self.ngd(verb, "--help").stdout
            self.assertRegex(text, rf"Examples?:\n  (echo .*\| )?ngd {verb}", verb)

    def test_no_argument_is_wrong_usage_and_prints_help_on_stderr(self):
        done = self.ngd(expect=2)
        self.assertEqual(done.stdout, "")
        self.assertIn("Subcommands:", done.stderr)

    def test_unknown_verb_is_wrong_usage(self):
        self.fails(2, 'ngd: error: unknown verb "trian"; known: train, predict, eval, inspect, options, plot, icea, server, worker, client, status, cluster, keygen, bench, vectors, version\n',
                   "trian")

    def test_unknown_option_is_wrong_usage_and_prints_the_usage_of_the_verb(self):
        self.fails(2, "ngd: error: The following argument was not expected: --colour\n"
                      "usage: ngd version [-o table|json|plain]\n", "version", "--colour")

    def test_unknown_output_style_is_wrong_usage(self):
        self.fails(2, 'ngd: error: --output: cannot be "xml"; it takes table, json or plain\n'
                      "usage: ngd version [-o table|json|plain]\n", "version", "-o", "xml")

    def test_version_in_every_style(self):
        number = self.json("version")
        self.assertEqual(sorted(number), ["built_with", "number", "version"])
        self.assertEqual(self.ngd("version").stdout, f"ngd {number['version']}\n")
        self.assertEqual(self.ngd("--version").stdout, f"ngd {number['version']}\n")
        self.assertEqual(self.ngd("version", "-o", "plain").stdout, f"{number['version']}\n")

    def test_full_disk_is_an_error(self):
        import os
        import subprocess
        from program import PROGRAM
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM, "version"], stdout=full, stderr=subprocess.PIPE, encoding="utf-8")
        self.assertEqual((done.returncode, done.stderr), (1, "ngd: error: standard output could not be written\n"))


if __name__ == "__main__":
    main()
