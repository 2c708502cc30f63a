"""The verifier itself: a good history passes, and each of many bad ones, planted, is found and called by its name."""

import unittest

from journal import Journal
from verifier import verify

GOOD = {
    0: ["connected 1", "pushed 0 1.0 1.1 2", "pushed 1 1.2 1.3 4", "read 1.4 1.5 4 0 0", "failed 2 2.0 3.0 NGD_E_TIMEOUT none", "connected 1"],
    1: ["connected 1", "pushed 0 1.0 1.2 3", "failed 1 1.3 1.4 NGD_E_FENCED lost", "connected 1", "pushed 2 1.5 1.6 5", "connected 1"],
}
CELLS = {0: [1, 1, 0, 0], 1: [1, 0, 1, 0]}
# Lineage 2: what was acknowledged above version 2 went back to the checkpoint.
GONE = {
    0: ["connected 1", "pushed 0 1.0 1.1 2", "pushed 1 1.2 1.3 4", "failed 2 2.0 3.0 NGD_E_LINEAGE back", "connected 2", "pushed 3 3.1 3.2 9"],
    1: ["connected 1", "pushed 0 1.0 1.2 3", "failed 1 2.0 3.0 NGD_E_LINEAGE back", "connected 2"],
}
CELLS_GONE = {0: [1, 0, 0, 1, 0], 1: [0, 0, 0]}


def judge(lines, cells, lineage=1, may_lose=False, shards=2):
    journals = [Journal(worker, own) for worker, own in lines.items()]
    final = {worker: [list(own) for _ in range(shards)] for worker, own in cells.items()}
    return verify(journals, final, lineage, may_lose)


def changed(lines, worker, old, new):
    """A history with one line that is another; new may be None."""
    own = [new if line == old else line for line in lines[worker]]
    assert own != lines[worker], old
    return {**lines, worker: [line for line in own if line is not None]}


def with_cell(cells, worker, column, value):
    own = list(cells[worker])
    own[column] = value
    return {**cells, worker: own}


class Verifier(unittest.TestCase):
    def found(self, kind, *arguments, **more):
        findings, _ = judge(*arguments, **more)
        self.assertIn(kind, findings.counts, findings.lines)

    def test_good_histories_pass(self):
        for cells in (CELLS, with_cell(CELLS, 0, 2, 1)):  # one without an answer may have happened
            findings, gone = judge(GOOD, cells)
            self.assertEqual((findings.lines, gone), ([], 0))
        findings, gone = judge(GONE, CELLS_GONE, 2, True)
        self.assertEqual((findings.lines, gone), ([], 2))

    def test_updates_that_are_not_there_once(self):
        self.found("lost", GOOD, with_cell(CELLS, 0, 1, 0))
        self.found("doubled", GOOD, with_cell(CELLS, 0, 1, 2))
        self.found("doubled", GOOD, with_cell(CELLS, 0, 2, 2))
        self.found("damaged", GOOD, with_cell(CELLS, 0, 1, 0.5))
        self.found("damaged", GOOD, {**CELLS, 0: [1, 1, 0, 0, 1]})
        self.found("refused, yet there", GOOD, with_cell(CELLS, 1, 1, 1))

    def test_shards_that_differ(self):
        journals = [Journal(worker, own) for worker, own in GOOD.items()]
        final = {0: [CELLS[0], with_cell(CELLS, 0, 1, 0)[0]], 1: [CELLS[1], CELLS[1]]}
        self.assertIn("torn", verify(journals, final, 1)[0].counts)
        self.found("torn", changed(GOOD, 0, "read 1.4 1.5 4 0 0", "read 1.4 1.5 4 1 0"), CELLS)

    def test_versions(self):
        self.found("version twice", changed(GOOD, 1, "pushed 0 1.0 1.2 3", "pushed 0 1.0 1.2 4"), CELLS)
        self.found("version back", changed(GOOD, 0, "pushed 1 1.2 1.3 4", "pushed 1 1.2 1.3 1"), CELLS)
        self.found("version back", changed(GOOD, 0, "read 1.4 1.5 4 0 0", "read 1.4 1.5 3 0 0"), CELLS)
        # It began after version 4 was acknowledged, and is said to have come before it.
        self.found("order", changed(changed(GOOD, 1, "pushed 2 1.5 1.6 5", "pushed 2 1.5 1.6 4"), 0, "pushed 1 1.2 1.3 4", "pushed 1 1.2 1.3 6"),
                   CELLS)

    def test_reads(self):
        self.found("old read", {**GOOD, 2: ["connected 1", "read 1.7 1.8 4 0 0"]}, {**CELLS, 2: [0]})
        self.found("lost", changed(GOOD, 0, "read 1.4 1.5 4 0 0", "read 1.4 1.5 4 0 1"), CELLS)

    def test_lineages(self):
        self.found("lineage", GONE, CELLS_GONE, 2, False)
        # Nobody told worker 1.
        self.found("silent loss", changed(GONE, 1, "failed 1 2.0 3.0 NGD_E_LINEAGE back", None), CELLS_GONE, 2, True)
        # Version 2 is gone, version 4 of the same lineage was kept: no checkpoint is like that.
        self.found("lost", GONE, {**CELLS_GONE, 0: [0, 1, 0, 1, 0]}, 2, True)
        # What was acknowledged in the new lineage is there.
        self.found("lost", GONE, with_cell(CELLS_GONE, 0, 3, 0), 2, True)
        self.found("lineage back", {**GOOD, 2: ["connected 2", "failed 0 1.0 1.1 NGD_E_LINEAGE back", "connected 1"]}, {**CELLS, 2: [0, 0]})

    def test_a_line_that_was_cut_off_is_left_out_by_the_reader_and_refused_by_the_parser(self):
        with self.assertRaises(ValueError):
            Journal(0, ["pushed 0 1.0"])
        with self.assertRaises(ValueError):
            Journal(0, ["danced"])


if __name__ == "__main__":
    unittest.main()
