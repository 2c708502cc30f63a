"""Runs one test module: run.py test_optimizer. Exit code 77 with a message when what it needs is not there."""

import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

if __name__ == "__main__":
    try:
        import numpy  # noqa: F401
    except ImportError:
        print("skipped: NumPy is not installed (apt: python3-numpy)")
        sys.exit(77)
    try:
        __import__(sys.argv[1])
    except unittest.SkipTest as reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    unittest.main(module=sys.argv[1], argv=sys.argv[:1] + sys.argv[2:])
