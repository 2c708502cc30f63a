"""ngd plot: curves of a run, in the terminal and as SVG."""
import json
import os
import xml.etree.ElementTree

from program import ProgramTest, main


class Plot(ProgramTest):
    def write_log(self, epochs, name="run", accuracy=True, tail=""):
        os.makedirs(self.path(name), exist_ok=True)
        lines = [json.dumps({"event": "begin", "epoch": 0})]
        for epoch, loss in epochs:
            lines.append(json.dumps({"event": "epoch", "epoch": epoch, "loss": loss, "held_out_loss": loss + 0.1,
                                     "held_out_accuracy": 0.5 + epoch / 100 if accuracy else None,
                                     "majority": 0.25 if accuracy else None}))
        self.write(f"{name}/log.jsonl", "\n".join(lines) + "\n" + tail)

    def test_curves_end_with_their_names_and_last_values(self):
        self.write_log([(1, 2.0), (2, 1.0), (3, 0.5)])
        out = self.ngd("plot", "run").stdout
        for label in ["training 0.5", "held out 0.6", "held out 0.53", "largest class 0.25"]:
            self.assertIn(label, out)
        self.assertIn("loss\n", out)
        self.assertIn("accuracy\n", out)

    def test_picture_is_exact(self):
        self.write_log([], accuracy=False)
        self.write("run/log.jsonl", "".join(json.dumps({"event": "epoch", "epoch": epoch, "loss": loss}) + "\n"
                                            for epoch, loss in [(1, 1.0), (2, 0.0)]))
        self.assertEqual(self.ngd("plot", "run", COLUMNS="26").stdout, """
loss
1.0 ┤⢣
    │ ⢇
    │ ⠈⡆
    │  ⠘⡄
    │   ⠱⡀
    │    ⢣
0.5 ┤     ⢣
    │     ⠈⢆
    │      ⠘⡄
    │       ⠸⡀
    │        ⢱
  0 ┤         ⢣ training 0
    └──────────
     1        2 epoch
""")

    def test_width_follows_the_terminal_up_to_110(self):
        self.write_log([(1, 2.0), (2, 1.0)])
        for columns, widest in [("60", 60), ("100", 100), ("300", 110)]:
            lines = self.ngd("plot", "run", COLUMNS=columns).stdout.splitlines()
            self.assertLessEqual(max(map(len, lines)), widest)
            self.assertGreater(max(map(len, lines)), widest - 5)

    def test_an_epoch_logged_twice_counts_once_with_its_last_numbers(self):
        self.write_log([(1, 2.0), (2, 9.0), (2, 1.0)])
        self.assertIn("training 1\n", self.ngd("plot", "run").stdout)

    def test_a_line_cut_short_is_left_out(self):
        self.write_log([(1, 2.0), (2, 1.0)], tail='{"event":"epoch","epo')
        self.assertIn("training 1\n", self.ngd("plot", "run").stdout)

    def test_one_epoch_and_a_flat_line_are_drawn(self):
        self.write_log([(1, 2.0)])
        self.assertIn("training 2\n", self.ngd("plot", "run").stdout)
        self.write_log([(1, 2.0), (2, 2.0)])
        self.assertIn("training 2\n", self.ngd("plot", "run").stdout)

    def test_svg_is_well_formed_and_has_every_series(self):
        self.write_log([(1, 2.0), (2, 1.0), (3, 0.5)], name="a<b&c")
        self.assertEqual(self.ngd("plot", "a<b&c/", "--svg", "out.svg").stdout, "out.svg\n")
        root = xml.etree.ElementTree.fromstring(self.read("out.svg"))
        space = "{http://www.w3.org/2000/svg}"
        self.assertEqual(len(root.findall(space + "polyline")), 4)
        self.assertEqual(root.find(space + "title").text, "a<b&c")
        points = root.find(space + "polyline").get("points").split()
        self.assertEqual(len(points), 3)
        heights = [float(point.split(",")[1]) for point in points]
        self.assertEqual(heights, sorted(heights))  # the loss falls: further down the picture

    def test_errors(self):
        self.fails(1, "ngd: error: none: no run directory: log.jsonl cannot be read\n", "plot", "none")
        self.write_log([])
        self.fails(1, "ngd: error: run: no epoch has ended yet, so there is nothing to draw\n", "plot", "run")
        self.write_log([(1, 2.0)])
        self.fails(1, "ngd: error: none/out.svg: cannot be written\n", "plot", "run", "--svg", "none/out.svg")


if __name__ == "__main__":
    main()
