"""ngd vectors: what a file holds, neighbours and analogies against brute force, other formats, training, and a text model that
begins with vectors.

Real vectors are read where they lie ($NGD_TEST_DATA, or ../shared/data). gensim's own reader is asked where the Python that
$NGD_TEST_PYTHON names, or this one, has it.
"""
import gzip
import math
import os
import re
import struct
import subprocess
import sys

from program import ProgramTest, main

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.abspath(os.environ.get("NGD_TEST_DATA") or os.path.join(HERE, "..", "..", "..", "shared", "data"))
GLOVE = os.path.join(DATA, "glove-twitter-25d.txt.gz")
PYTHON = os.environ.get("NGD_TEST_PYTHON") or sys.executable

SMALL = "king 1 0 1\nqueen 1 1 1\nman 1 0 0\nwoman 1 1 0\napple -1 0.5 0\n"


def bits(number):
    """As float32."""
    return struct.unpack("f", struct.pack("f", number))[0]


class SmallFile(ProgramTest):
    def test_inspect_tells_what_there_is(self):
        self.write("small.txt", SMALL + "king 3 3 3\n")
        found = self.json("vectors", "inspect", "small.txt")
        self.assertEqual([found[key] for key in ("words", "dimension", "declared", "duplicates", "skipped", "first", "last")],
                         [5, 3, 0, 1, 0, "king", "apple"])

    def test_neighbours_and_analogies(self):
        self.write("small.txt", SMALL)
        found = self.json("vectors", "neighbours", "small.txt", "king", "man", "--count", "1")["found"]
        self.assertEqual([(one["asked"], one["word"]) for one in found], [("king", "queen"), ("man", "king")])
        found = self.json("vectors", "analogy", "small.txt", "man", "king", "woman", "--count", "1")["found"]
        self.assertEqual([(one["asked"], one["word"]) for one in found], [("man : king = woman : ?", "queen")])
        self.assertEqual(self.ngd("vectors", "neighbours", "small.txt", "woman", "--count", "1", "-o", "plain").stdout,
                         "woman\tqueen\t0.8164966106414795\n")

    def test_conversions_keep_every_bit(self):
        self.write("small.txt", SMALL)
        for name in ("a.bin", "a.vec", "a.safetensors"):
            self.ngd("vectors", "convert", "small.txt", name)
            self.ngd("vectors", "convert", name, "back.bin")
            with open(self.path("back.bin"), "rb") as one:
                back = one.read()
            self.assertEqual(back.split(b"\n")[0], b"5 3")
            self.assertEqual(back[4:4 + 5 + 12], b"king " + struct.pack("fff", 1, 0, 1))
        self.assertEqual(self.read("a.vec"), "5 3\n" + SMALL)

    def test_failures_are_told(self):
        self.write("small.txt", SMALL)
        self.fails(1, "ngd: error: the word \"prince\" has no vector\n", "vectors", "neighbours", "small.txt", "prince")
        self.fails(2, "ngd: error: an analogy has three words, not 2: FIRST is to SECOND as THIRD is to what?\n",
                   "vectors", "analogy", "small.txt", "man", "king")
        self.fails(2, "ngd: error: --to cannot be \"glove\"; it takes word2vec_text, word2vec_binary or safetensors\n",
                   "vectors", "convert", "small.txt", "out", "--to", "glove")
        self.fails(1, "ngd: error: absent: cannot open the file: No such file or directory\n", "vectors", "inspect", "absent")
        self.assertEqual(self.json("vectors", "inspect", "small.txt", "--spec", "vectors:words=2")["words"], 2)


class Training(ProgramTest):
    def write_texts(self):
        self.write("texts.txt", "the cat purrs\nthe dog barks\na cat sleeps\na dog runs\n" * 50)

    def test_vectors_are_trained_and_written(self):
        self.write_texts()
        made = self.json("vectors", "train", "--data", "texts.txt", "--spec", "vectors:dimension=8,epochs=3,subsample=0", "--out", "out.bin")
        self.assertEqual((made["words"], made["dimension"]), (8, 8))
        self.assertEqual([epoch["epoch"] for epoch in made["epochs"]], [1, 2, 3])
        self.assertEqual([epoch["words"] for epoch in made["epochs"]], [600, 1200, 1800])
        self.assertEqual(self.json("vectors", "inspect", "out.bin")["words"], 8)
        lines = self.ngd("vectors", "train", "--data", "texts.txt", "--spec", "vectors:dimension=8,method=cbow", "--out", "out.vec",
                         "--optimizer", "sgd:learning_rate=0.05").stdout.splitlines()
        self.assertEqual(lines[0], "8 words of dimension 8")
        self.assertRegex(lines[-1], r"^The vectors are in out.vec. Next: ngd vectors neighbours out.vec \w+$")

    def test_threads_make_no_difference(self):
        self.write_texts()
        files = []
        for threads in "12":
            self.ngd("vectors", "train", "--data", "texts.txt", "--spec", f"vectors:dimension=8,subsample=0,threads={threads}", "--out", "out.bin")
            with open(self.path("out.bin"), "rb") as file:
                files.append(file.read())
        self.assertEqual(*files)

    def test_ctrl_c_keeps_what_was_learned(self):
        self.write_texts()
        code, text = self.in_terminal("vectors", "train", "--data", "texts.txt", "--spec", "vectors:epochs=1000000,subsample=0", "--out", "out.vec",
                                      interrupt=lambda written, seconds: "words/s" in written and seconds > 1)
        self.assertEqual(code, 1)
        self.assertIn("stopped by Ctrl-C; out.vec holds the vectors as far as they had come", text)
        self.assertEqual(self.json("vectors", "inspect", "out.vec")["words"], 8)

    def test_a_text_model_begins_with_vectors(self):
        self.write_sayings()
        self.write("vectors.txt", "Cat 1 2 3\ndog 3 2 1\nnever 0 0 0\n")
        done = self.ngd("train", "--data", "sayings.txt", "--model", "text", "--vectors", "vectors.txt", "--vectors-spec",
                        "vectors:case=fold", "--trainer", "trainer:freeze_epochs=1", "--epochs", "2", "--run", "run")
        self.assertIn("model      text:dimension=3\n", done.stdout)
        coverage = re.search(r"^vectors    for (\d+) of (\d+) words", done.stdout, re.M)
        self.assertEqual(coverage.group(1), "2")
        self.ngd("train", "--resume", "run", "--epochs", "3")
        self.fails(1, "ngd: format text, guessed by the first line; --format says otherwise\n"
                   "ngd: error: the word vectors have 3 numbers a word, but the model's option dimension is 4; set dimension=3\n",
                   "train", "--data", "sayings.txt", "--model", "text:dimension=4", "--vectors", "vectors.txt", "--run", "other")


class RealVectors(ProgramTest):
    def setUp(self):
        super().setUp()
        if not os.path.exists(GLOVE):
            self.skipTest(f"no {GLOVE}")

    def table(self):
        with gzip.open(GLOVE, "rt", encoding="utf-8") as file:
            for line in file:
                word, *numbers = line.rstrip("\n").split(" ")
                yield word, [bits(float(number)) for number in numbers]

    def test_neighbours_are_those_of_brute_force(self):
        table = dict(self.table())
        self.assertEqual(len(table), 11925)
        unit = {}
        for word, vector in table.items():
            length = math.sqrt(sum(x * x for x in vector))
            unit[word] = [x / length for x in vector]
        for asked in ("king", "river"):
            query = unit[asked]
            cosine = {word: sum(a * b for a, b in zip(query, vector)) for word, vector in unit.items() if word != asked}
            expected = sorted(cosine, key=cosine.get, reverse=True)[:10]
            found = self.json("vectors", "neighbours", GLOVE, asked)["found"]
            self.assertEqual([one["word"] for one in found], expected)
            for one in found:
                self.assertAlmostEqual(one["similarity"], cosine[one["word"]], places=5)

    def test_binary_files_read_back_bit_for_bit(self):
        self.ngd("vectors", "convert", GLOVE, "glove.bin")
        expected = b"11925 25\n" + b"".join(word.encode() + b" " + struct.pack("25f", *vector) + b"\n" for word, vector in self.table())
        with open(self.path("glove.bin"), "rb") as file:
            self.assertEqual(file.read(), expected)
        self.ngd("vectors", "convert", "glove.bin", "again.bin")
        with open(self.path("again.bin"), "rb") as file:
            self.assertEqual(file.read(), expected)

    def test_gensim_opens_what_is_written(self):
        if subprocess.run([PYTHON, "-c", "import gensim"], capture_output=True).returncode != 0:
            self.skipTest(f"{PYTHON} has no gensim; NGD_TEST_PYTHON names one that has")
        self.ngd("vectors", "convert", GLOVE, "glove.bin")
        self.ngd("vectors", "convert", GLOVE, "glove.vec")
        script = ("from gensim.models import KeyedVectors as K\n"
                  "for name, binary in (('glove.bin', True), ('glove.vec', False)):\n"
                  "    v = K.load_word2vec_format(name, binary=binary)\n"
                  "    print(len(v), v.vector_size, v['river'].tobytes().hex(), *[w for w, _ in v.most_similar('king', topn=10)])\n")
        lines = subprocess.run([PYTHON, "-c", script], cwd=self.directory, capture_output=True, text=True, check=True).stdout.splitlines()
        found = [one["word"] for one in self.json("vectors", "neighbours", GLOVE, "king")["found"]]
        river = struct.pack("25f", *dict(self.table())["river"]).hex()
        self.assertEqual(lines, [" ".join(["11925", "25", river, *found])] * 2)


if __name__ == "__main__":
    main()
