"""Finding the library, its version, the package without NumPy, and the README's example."""

import os
import pathlib
import re
import subprocess
import sys
import unittest
from unittest import mock

import ngd
from ngd import _library, _raw, errors

PACKAGE = pathlib.Path(ngd.__file__).resolve().parent


def run(code, **environment):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment})


class Library(unittest.TestCase):
    def test_version_is_that_of_the_headers(self):
        self.assertEqual(ngd.version(), f"{_raw.NGD_VERSION_MAJOR}.{_raw.NGD_VERSION_MINOR}.{_raw.NGD_VERSION_PATCH}")
        self.assertEqual(ngd.library_path(), os.environ["NGD_LIBRARY"])

    def test_a_missing_library_is_an_error_that_tells_the_path_and_the_way_out(self):
        result = run("import ngd", NGD_LIBRARY="/nowhere/libngd.so.0")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("cannot load libngd from '/nowhere/libngd.so.0' (this package needs 0.1.0", result.stderr)
        self.assertIn("set NGD_LIBRARY to the path of libngd.so.0.", result.stderr)

    def test_an_older_library_is_refused_with_both_versions(self):
        with mock.patch.object(_raw, "NGD_VERSION_NUMBER", 7003):
            with self.assertRaisesRegex(ngd.LibraryError, r"is version 0\.1\.0, but this package needs 0\.7\.3"):
                _library.load(ngd.library_path())
        with mock.patch.object(_raw, "NGD_VERSION_NUMBER", 1000000):
            with self.assertRaisesRegex(ngd.LibraryError, r"needs 1\.0\.0"):
                _library.load(ngd.library_path())

    def test_the_package_works_without_numpy_until_arrays_come(self):
        result = run("import sys; sys.modules['numpy'] = None\n"
                     "import ngd\n"
                     "print(ngd.Optimizer('adam')['beta1'])\n"
                     "ngd.Dataset.from_arrays([[1.0]])\n")
        self.assertEqual(result.stdout, "0.9\n", result.stderr)
        self.assertIn("ImportError: arrays need NumPy, which is not installed", result.stderr)

    def test_readme_examples_run_as_printed(self):
        readme = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
        results = [run(example) for example in re.findall(r"```python\n(.*?)```", readme, re.S)]
        for result in results:
            self.assertEqual(result.returncode, 0, result.stderr)
        training, worker = (result.stdout.replace("held-out accuracy", "") for result in results)
        self.assertGreater(float(re.search(r"accuracy ([\d.]+)", training)[1]), 0.9)
        self.assertEqual(worker, "version 201: [1. 2. 3.]\n" * 2)


class Errors(unittest.TestCase):
    def test_every_status_has_its_own_exception(self):
        codes = {value for name, value in vars(_raw).items() if name.startswith("NGD_E_")}
        self.assertEqual({kind.status for kind in ngd.NgdError.__subclasses__()}, codes)
        self.assertEqual(len(ngd.NgdError.__subclasses__()), len(codes))

    def test_exceptions_are_also_the_built_in_ones(self):
        for status, kind in ((_raw.NGD_E_ARGUMENT, ValueError), (_raw.NGD_E_OPTION, KeyError),
                             (_raw.NGD_E_MEMORY, MemoryError), (_raw.NGD_E_IO, OSError),
                             (_raw.NGD_E_TIMEOUT, TimeoutError), (_raw.NGD_E_NOT_FOUND, LookupError),
                             (_raw.NGD_E_UNSUPPORTED, NotImplementedError), (_raw.NGD_E_DIVERGED, ArithmeticError)):
            error = errors.error_of(status, "grün".encode())
            self.assertIsInstance(error, kind)
            self.assertIsInstance(error, ngd.NgdError)
            self.assertEqual(str(error), "grün")
            self.assertEqual(error.status, status)

    def test_a_code_of_a_later_library_is_a_plain_error(self):
        error = errors.error_of(-99, b"later")
        self.assertIs(type(error), ngd.NgdError)
        self.assertEqual((error.status, str(error)), (-99, "later"))
