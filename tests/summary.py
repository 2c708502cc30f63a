"""Reads CTest's JUnit report; lists what failed and what was skipped and why; ends with the counts."""

import re
import sys
import xml.etree.ElementTree as xml


def last_line(text):
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def main(path):
    try:
        cases = list(xml.parse(path).getroot().iter("testcase"))
    except (OSError, xml.ParseError) as problem:
        print(f"the test report cannot be read: {problem}")
        print("0 passed, 1 failed, 0 skipped")
        return 1
    passed, failed, skipped = 0, [], []
    for case in cases:
        output = case.findtext("system-out") or ""
        status = case.get("status")
        if status == "run":
            passed += 1
            # cmocka lists the single tests that a passing program skipped.
            for name in re.findall(r"^\[  SKIPPED \] (\w+)$", output, re.M):
                print(f"partly skipped: {case.get('name')}: {name}")
        elif status in ("notrun", "disabled"):
            skipped.append((case.get("name"), last_line(output)))
        else:
            failed.append(case.get("name"))
    for name, reason in skipped:
        print(f"skipped: {name}: {reason}")
    for name in failed:
        print(f"failed: {name}")
    if not cases:
        failed.append("no test was found")
        print("failed: no test was found")
    print(f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
