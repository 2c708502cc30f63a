"""The program on real data reaches the accuracy that docs/benchmarks.md states, less a margin for other machines.

Reads $NGD_TEST_DATA, or ../shared/data beside the sources; skips what is not there.
"""
import os
import sys

from program import ProgramTest, main

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.abspath(os.environ.get("NGD_TEST_DATA") or os.path.join(HERE, "..", "..", "..", "shared", "data"))
FILES = ["LetterRecognition.csv", "t10k-images-idx3-ubyte.gz", "sms.tsv"]


class RealData(ProgramTest):
    def accuracy(self, name, *arguments):
        path = os.path.join(DATA, name)
        if not os.path.exists(path):
            self.skipTest(f"no {path}")
        events = self.events("train", "--data", path, "--run", "run", *arguments)
        return [event for event in events if event["event"] == "epoch"][-1]["held_out_accuracy"]

    def test_letters_reach_93_percent(self):
        found = self.accuracy("LetterRecognition.csv", "--format", "csv:label=lettr", "--model", "mlp:hidden=128",
                              "--optimizer", "ngd:learning_rate=0.01", "--held-out", "0.2", "--trainer",
                              "trainer:epochs=15,batch_size=64,schedule=linear")
        self.assertGreaterEqual(found, 0.93)

    def test_digits_reach_94_percent(self):
        found = self.accuracy("t10k-images-idx3-ubyte.gz", "--model", "mlp:hidden=256,scale=max_abs",
                              "--optimizer", "ngd:learning_rate=0.004", "--held-out", "0.2", "--trainer",
                              "trainer:epochs=10,batch_size=64,schedule=linear")
        self.assertGreaterEqual(found, 0.94)

    def test_spam_reaches_98_percent(self):
        found = self.accuracy("sms.tsv", "--format", "text:lowercase=1,punctuation=split", "--model",
                              "text:dimension=20,word_ngrams=2", "--optimizer", "ngd:learning_rate=0.01", "--held-out",
                              "0.2", "--trainer", "trainer:epochs=10,batch_size=32,schedule=linear")
        self.assertGreaterEqual(found, 0.98)


if __name__ == "__main__":
    if not any(os.path.exists(os.path.join(DATA, name)) for name in FILES):
        print(f"skipped: no real data in {DATA}; set NGD_TEST_DATA to where it lies")
        sys.exit(77)
    main()
