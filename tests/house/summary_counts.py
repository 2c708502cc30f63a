"""tests/summary.py counts and names what passed, failed and was skipped. usage: summary_counts.py ROOT"""

import pathlib
import subprocess
import sys
import tempfile

REPORT = """<?xml version="1.0"?>
<testsuite>
<testcase name="a" status="run"><system-out>good
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] letters_are_learned
</system-out></testcase>
<testcase name="b" status="run"/>
<testcase name="c" status="fail"><failure message="x"/><system-out>bad</system-out></testcase>
<testcase name="d" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/><system-out>first
skipped: no data
</system-out></testcase>
</testsuite>
"""
EXPECTED = """partly skipped: a: letters_are_learned
skipped: d: skipped: no data
failed: c
2 passed, 1 failed, 1 skipped
"""


def main(root):
    summary = pathlib.Path(root) / "tests" / "summary.py"
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "tests.xml"

        def said(text):
            if text is not None:
                report.write_text(text)
            result = subprocess.run([sys.executable, summary, report], text=True, capture_output=True)
            return result.returncode, result.stdout

        absent = said(None)
        cases = {
            "absent": (absent[0], absent[1].splitlines()[-1]) == (1, "0 passed, 1 failed, 0 skipped"),
            "mixed": said(REPORT) == (1, EXPECTED),
            "good": said("<testsuite><testcase name='a' status='run'/></testsuite>") == (0, "1 passed, 0 failed, 0 skipped\n"),
            "empty": said("<testsuite/>")[0] == 1,
        }
    wrong = [name for name, good in cases.items() if not good]
    if wrong:
        sys.exit(f"wrong for: {wrong}")
    print("the summary counts right")


if __name__ == "__main__":
    main(sys.argv[1])
