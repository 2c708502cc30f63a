"""Checkpoints through Python: safetensors files of our own and of other programs."""

import json
import os
import struct
import tempfile
import unittest

import numpy as np

import ngd


class Checkpoints(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "made.safetensors")

    def write(self, tensors, metadata=None):
        """A safetensors file as any other program writes it."""
        header, data = ({"__metadata__": metadata} if metadata else {}), b""
        for name, (dtype, array) in tensors.items():
            header[name] = {"dtype": dtype, "shape": list(array.shape),
                            "data_offsets": [len(data), len(data) + array.nbytes]}
            data += array.tobytes()
        text = json.dumps(header).encode()
        with open(self.path, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text + data)

    def test_a_foreign_file_is_a_mapping_of_arrays(self):
        whole = np.arange(6, dtype=np.int64).reshape(2, 3)
        self.write({"weight": ("F32", whole.astype(np.float32) / 2), "steps": ("I64", whole)}, {"made by": "hand"})
        with ngd.Checkpoint(self.path) as checkpoint:
            self.assertEqual((len(checkpoint), list(checkpoint)), (2, ["weight", "steps"]))
            self.assertEqual(checkpoint.info("weight"), ngd.TensorInfo("weight", "F32", (2, 3)))
            self.assertEqual(checkpoint.info("weight").elements, 6)
            np.testing.assert_array_equal(checkpoint["weight"], whole / 2)
            np.testing.assert_array_equal(checkpoint["steps"], whole)
            self.assertEqual(checkpoint.metadata, {"made by": "hand"})
            self.assertIn("steps", checkpoint)
            self.assertIn("2 tensors", repr(checkpoint))
            with self.assertRaisesRegex(ngd.NotFoundError, "no tensor 'bias' in .*; it has: weight, steps"):
                checkpoint["bias"]
            with self.assertRaisesRegex(TypeError, "read-only"):
                checkpoint["weight"] = whole
        with self.assertRaises(ngd.ClosedError):
            checkpoint["weight"]
        with self.assertRaises(ngd.ClosedError):
            checkpoint.metadata

    def test_our_own_files_are_read_too(self):
        w = {"layer": np.ones((2, 2), np.float32)}
        optimizer = ngd.Optimizer("momentum")
        optimizer.step(w, {"layer": np.full((2, 2), 3, np.float32)})
        optimizer.save(self.path)
        with ngd.Checkpoint(self.path) as checkpoint:
            found = [name for name in checkpoint if "layer" in name]
            self.assertTrue(found, list(checkpoint))
            np.testing.assert_array_equal(np.unique(checkpoint[found[0]]), [3])

    def test_damaged_and_missing_files_are_refused(self):
        with self.assertRaises(OSError):
            ngd.Checkpoint(self.path)
        self.write({"weight": ("F32", np.ones(4, np.float32))})
        with open(self.path, "r+b") as file:
            file.truncate(os.path.getsize(self.path) - 4)
        with self.assertRaises(ngd.CheckpointError):
            ngd.Checkpoint(self.path)
