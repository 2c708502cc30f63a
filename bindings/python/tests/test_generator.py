"""The generator: what is committed is what the headers say, and odd declarations are refused."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

BINDINGS = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(BINDINGS))
from generator import api  # noqa: E402


def parse(text):
    parser = api.Parser()
    parser.parse("ngd/made.h", text)
    return parser.api


class Generator(unittest.TestCase):
    def test_committed_files_are_what_the_headers_say(self):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, str(BINDINGS / "generate.py"), "--output", folder]
            subprocess.run(command, check=True)
            for name in ("ngd_api.json", "python/ngd/_raw.py"):
                fresh = (pathlib.Path(folder) / name).read_text(encoding="utf-8")
                self.assertEqual(fresh, (BINDINGS / name).read_text(encoding="utf-8"), f"run bindings/generate.py: {name}")
            (pathlib.Path(folder) / "ngd_api.json").write_text("{}")
            stale = subprocess.run(command + ["--check"], capture_output=True, text=True)
            self.assertEqual(stale.returncode, 1)
            self.assertIn("not what the headers say: ngd_api.json; run", stale.stderr)

    def test_functions_of_the_headers_are_those_of_the_version_script(self):
        model = json.loads((BINDINGS / "ngd_api.json").read_text(encoding="utf-8"))
        exported = re.findall(r"\b(ngd_\w+);", (BINDINGS.parent / "src/libngd.map").read_text())
        self.assertEqual(sorted(function["name"] for function in model["functions"]), sorted(exported))

    def test_every_fallible_function_names_its_codes(self):
        model = json.loads((BINDINGS / "ngd_api.json").read_text(encoding="utf-8"))
        for function in model["functions"]:
            if function["result"]["base"] == "ngd_status" and function["parameters"][-1]["name"] == "error":
                self.assertIn("NGD_OK", function["statuses"], function["name"])
                self.assertIn("NGD_E_ARGUMENT", function["statuses"], function["name"])

    def test_types_keep_their_stars_and_consts(self):
        for text in ("const float *const *", "float *const *", "const char **", "ngd_model *", "uint64_t"):
            self.assertEqual(api.parse_type(text).c, text)
        self.assertEqual(api.parse_type("float *const *").pointers, [True, False])

    def test_what_the_grammar_does_not_know_is_refused_with_its_line(self):
        with self.assertRaisesRegex(api.ParseError, r"ngd/made.h:3: cannot read 'static int f\(void\);'"):
            parse("\n\nstatic int f(void);\n")
        with self.assertRaisesRegex(api.ParseError, "names other parameters than the declaration"):
            parse("/**\n * @brief B.\n * @param b x.\n * @return y.\n * @par Thread: free\n * @since 0.1\n */\n"
                  "NGD_API ngd_status ngd_f(int32_t a) NGD_NOEXCEPT;\n")
        with self.assertRaisesRegex(api.ParseError, "an enum entry lacks a number or a comment"):
            parse("enum {\n  A = 1, /**< One. */\n  B = 2\n};\n")
        with self.assertRaisesRegex(api.ParseError, "a struct's field lacks a comment"):
            parse("typedef struct s {\n  int32_t a; /**< A. */\n  int32_t b;\n} s;\n")
