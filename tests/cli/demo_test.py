"""The main job on small input: the conversion of package lists, the script, its messages."""
import os
import subprocess

from program import PROGRAM, ProgramTest, environment, main

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "examples")
PACKAGES = """Package: zoo
Section: contrib/games
Description: Real-time ZOO (strategy)
 The long description does not count.
Version: 1

Package: broken
Section: misc

Package: 0zoo
Section: libs
Description: C library
Description-md5: 123

Package: zoo
Section: games
Description: The later version counts
"""


class Demo(ProgramTest):
    def convert(self, text, expect=0):
        done = subprocess.run(["python3", "-B", os.path.join(EXAMPLES, "debian_sections.py"), "train", "test"], input=text,
                              capture_output=True, encoding="utf-8", cwd=self.directory)
        self.assertEqual(done.returncode, expect, done.stderr)
        return done

    def demo(self, *arguments, path=None, expect=0):
        changes = {"PATH": path} if path else {}
        done = subprocess.run(["/bin/sh", os.path.join(EXAMPLES, "demo.sh"), PROGRAM, *arguments], capture_output=True,
                              encoding="utf-8", cwd=self.directory,
                              env=environment(NGD_DEMO_DIRECTORY=self.path("demo"), **changes))
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done

    def test_packages_become_labelled_lines_sorted_by_name(self):
        done = self.convert(PACKAGES)
        self.assertEqual(self.read("train") + self.read("test"), "libs\tc library\ngames\tthe later version counts\n")
        self.assertIn("2 sections", done.stdout)

    def test_area_is_dropped_case_folded_punctuation_split(self):
        self.convert(PACKAGES.split("\n\n")[0] + "\n")
        self.assertEqual(self.read("train") + self.read("test"), "games\treal - time zoo ( strategy )\n")

    def test_one_tenth_is_held_out_by_name_alone(self):
        stanzas = [f"Package: p{i}\nSection: libs\nDescription: number {i}\n" for i in range(1000)]
        self.convert("\n".join(stanzas))
        test = self.read("test")
        self.assertTrue(70 < test.count("\n") < 130, test.count("\n"))
        self.convert("\n".join(reversed(stanzas[:500] + stanzas[600:])))
        kept = set(self.read("test").splitlines())
        self.assertEqual(kept, {line for line in test.splitlines() if not 500 <= int(line.split()[-1]) < 600})

    def test_no_package_is_an_error(self):
        self.assertEqual(self.convert("", expect=1).stderr,
                         "debian_sections.py: found no package with a section and a description\n")

    def test_demo_takes_a_file_of_the_user(self):
        self.write_sayings()
        done = self.demo("sayings.txt")
        self.assertIn("Training on sayings.txt, one tenth held out at random.\n", done.stdout)
        self.assertIn("\naccuracy\n", done.stdout)

    def test_demo_without_packages_says_so(self):
        # A directory of programs without apt-cache.
        os.mkdir(self.path("bin"))
        for name in ["mkdir", "rm", "dirname", "sh", "grep"]:
            for place in ["/bin", "/usr/bin"]:
                if os.path.exists(f"{place}/{name}") and not os.path.exists(self.path(f"bin/{name}")):
                    os.symlink(f"{place}/{name}", self.path(f"bin/{name}"))
        done = self.demo(path=self.path("bin"), expect=1)
        self.assertEqual(done.stderr,
                         "demo.sh: apt-cache has no package descriptions here (on Debian: apt-get update brings them).\n"
                         "Give a file of labelled text instead, a line 'label TAB words' a sample: demo.sh NGD FILE\n")


if __name__ == "__main__":
    main()
