"""ngd inspect: data files, run directories, checkpoints, and safetensors files of other programs."""
import gzip
import json
import math
import struct

from program import ProgramTest, main


def safetensors(tensors, metadata=None):
    """The bytes of a file with float32 tensors, written from the format's description alone."""
    header, data = {}, b""
    for name, shape, values in tensors:
        packed = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    if metadata is not None:
        header["__metadata__"] = metadata
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


class Inspect(ProgramTest):
    def test_data_file(self):
        self.write_flowers()
        document = self.json("inspect", "flowers.csv", "--format", "csv:label=kind")
        self.assertEqual({key: document[key] for key in list(document)[:9]},
                         {"kind": "data", "format": "csv:label=kind", "features": "dense", "labels": "category",
                          "rows": 300, "columns": 2, "values": 600, "classes": 3, "skipped": 0})
        self.assertEqual([(one["class"], one["rows"]) for one in document["class_counts"]],
                         [("red", 100), ("green", 100), ("blue", 100)])
        self.assertEqual(document["first_lines"], self.read("flowers.csv").splitlines()[:3])

    def test_data_file_as_a_table(self):
        self.write_flowers()
        out = self.ngd("inspect", "flowers.csv", "--format", "csv:label=kind").stdout
        self.assertRegex(out, r"(?m)^rows +300$")
        self.assertRegex(out, r"(?m)^green +100 +0\.3333$")
        self.assertIn("\nkind,length,width\n", out)

    def test_csv_without_a_label_is_read_as_numbers(self):
        self.write("numbers.csv", "a,b\n1,2\n3,4\n")
        document = self.json("inspect", "numbers.csv")
        self.assertEqual((document["labels"], document["rows"], document["columns"], document["class_counts"]),
                         ("none", 2, 2, []))

    def test_gzip_is_unpacked_for_the_guess_and_the_first_lines(self):
        self.write("sayings.gz", gzip.compress(b"cat\tthe cat purrs\ndog\tthe dog barks\n"))
        document = self.json("inspect", "sayings.gz")
        self.assertEqual((document["format"], document["rows"]), ("text", 2))
        self.assertEqual(document["first_lines"], ["cat\tthe cat purrs", "dog\tthe dog barks"])

    def test_run_directory(self):
        self.train_flowers()
        document = self.json("inspect", "run")
        self.assertEqual((document["kind"], document["ended"]), ("run", True))
        self.assertEqual(document["last_epoch"]["epoch"], 5)
        self.assertEqual(document["config"]["model"], "mlp:hidden=8")
        out = self.ngd("inspect", "run").stdout
        self.assertRegex(out, r"(?m)^model +mlp:hidden=8$")
        self.assertRegex(out, r"(?m)^last epoch +5$")

    def test_tensors_and_texts_of_a_foreign_file(self):
        self.write("foreign.safetensors", safetensors([("weight", [2, 2], [1, -2, 3, 4]), ("bias", [1], [0.5])],
                                                      {"author": "someone"}))
        document = self.json("inspect", "foreign.safetensors")
        self.assertEqual(document["kind"], "checkpoint")
        self.assertEqual(document["metadata"], {"author": "someone"})
        weight, bias = document["tensors"]
        self.assertEqual({k: v for k, v in weight.items() if k != "norm"},
                         {"name": "weight", "dtype": "F32", "shape": [2, 2], "minimum": -2, "maximum": 4, "mean": 1.5})
        self.assertAlmostEqual(weight["norm"], math.sqrt(30))
        self.assertEqual(bias["shape"], [1])

    def test_a_checkpoint_is_known_without_its_ending(self):
        self.write("foreign", safetensors([("weight", [1], [1])]))
        self.assertEqual(self.json("inspect", "foreign")["kind"], "checkpoint")

    def test_checkpoint_as_a_table_and_plain(self):
        self.write("foreign.safetensors", safetensors([("weight", [2, 2], [1, -2, 3, 4])], {"note": "x" * 300}))
        lines = self.ngd("inspect", "foreign.safetensors").stdout.splitlines()
        self.assertEqual(lines[0].split(), ["tensor", "type", "shape", "min", "max", "mean", "norm"])
        self.assertEqual(lines[1].split(), ["weight", "F32", "[2,", "2]", "-2", "4", "1.5", "5.477"])
        self.assertEqual(lines[3], "note  " + "x" * 100 + "... (300 bytes)")
        self.assertEqual(self.ngd("inspect", "foreign.safetensors", "-o", "plain").stdout,
                         f"weight\tF32\t[2,2]\t-2.0\t4.0\t1.5\t{math.sqrt(30)!r}\n")

    def test_checkpoint_of_a_run(self):
        self.train_flowers()
        path = [json.loads(line)["path"] for line in self.read("run/log.jsonl").splitlines() if '"path"' in line][-1]
        names = {tensor["name"] for tensor in self.json("inspect", path)["tensors"]}
        self.assertTrue(any(name.startswith("model.") for name in names), names)
        self.assertTrue(any(name.startswith("optimizer.") for name in names), names)

    def test_errors(self):
        self.fails(1, "ngd: error: none.csv: cannot be read: No such file or directory\n", "inspect", "none.csv")
        self.write("broken.safetensors", b"\x05\x00")
        done = self.ngd("inspect", "broken.safetensors", expect=1)
        self.assertRegex(done.stderr, '^ngd: error: .*broken.safetensors')
        self.fails(1, "ngd: error: .: no run directory: log.jsonl cannot be read\n", "inspect", ".")


if __name__ == "__main__":
    main()
