"""Installs the build into a temporary folder and builds one C and one C++ program against it in every way users have.

pkg-config (shared, --static against libngd.a), find_package (shared and static; C and C++ together, C alone; installed and
from the build tree), a moved installation, a path with a space, DESTDIR.
usage: consumers.py ROOT BUILD CMAKE CC CXX
"""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile


def run(command, **extra_environment):
    environment = {**os.environ, "LC_ALL": "C", **extra_environment}
    result = subprocess.run([str(word) for word in command], text=True, capture_output=True, env=environment)
    if result.returncode != 0:
        shown = " ".join(shlex.quote(str(word)) for word in command)
        sys.exit(f"FAILED ({result.returncode}): {shown}\n{result.stdout}{result.stderr}")
    return result.stdout


class Test:
    def __init__(self, root, build, cmake, cc, cxx, work):
        self.here = pathlib.Path(root) / "tests" / "install"
        self.build, self.cmake, self.cc, self.cxx, self.work = build, cmake, cc, cxx, work

    def installed(self, name):
        prefix = self.work / name
        run([self.cmake, "--install", self.build, "--prefix", prefix])
        return prefix

    def folder_of(self, prefix, name):
        found = list(prefix.rglob(name))
        if len(found) != 1:
            sys.exit(f"FAILED: {name} is installed {len(found)} times below {prefix}")
        return found[0].parent

    def check_files(self, prefix):
        for name in ("ngd.h", "libngd.so", "libngd.so.0", "libngd.a", "ngd.pc", "ngdConfig.cmake", "ngdConfigVersion.cmake",
                     "LICENSE", "optimizer.h"):
            self.folder_of(prefix, name)
        dynamic = run(["readelf", "-d", self.folder_of(prefix, "libngd.so") / "libngd.so"])
        if "RPATH" in dynamic or "RUNPATH" in dynamic:
            sys.exit("FAILED: the installed libngd.so has a run path")
        for path in [*prefix.rglob("*.pc"), *prefix.rglob("*.cmake")]:
            for machine_path in (str(self.build), str(self.work)):
                if machine_path in path.read_text():
                    sys.exit(f"FAILED: {path.name} holds the path {machine_path}")

    def by_pkg_config(self, prefix):
        environment = {"PKG_CONFIG_PATH": str(self.folder_of(prefix, "ngd.pc"))}
        library_folder = self.folder_of(prefix, "libngd.so")
        # With --static the archive must be the one that is linked, so the shared library is not where the linker looks.
        static_folder = self.work / (prefix.name + " static")
        for static in (False, True):
            flags = ["--static"] if static else []
            words = shlex.split(run(["pkg-config", "--cflags", "--libs", *flags, "ngd"], **environment))
            if static:
                static_folder.mkdir(exist_ok=True)
                shutil.copy(library_folder / "libngd.a", static_folder)
                words = [f"-L{static_folder}"] + words
                words = [word for word in words if word != f"-L{library_folder}" and
                         os.path.realpath(word[2:]) != os.path.realpath(library_folder)]
            for compiler, source in ((self.cc, "consumer.c"), (self.cxx, "consumer.cc")):
                program = self.work / f"{prefix.name} {source} {static}"
                run([compiler, self.here / source, "-o", program, *words, "-lm"])
                needed = run(["readelf", "-d", program])
                if ("libngd.so.0" in needed) == static:
                    sys.exit(f"FAILED: {program.name} is linked the wrong way\n{needed}")
                output = run([program], LD_LIBRARY_PATH="" if static else str(library_folder))
                print(f"pkg-config{' --static' if static else ''}, {source}: {output.strip()}")

    def by_find_package(self, ngd_dir, label):
        for project in ("cmake", "cmake_c"):
            tree = self.work / f"{label} {project}"
            run([self.cmake, "-G", "Ninja", "-S", self.here / project, "-B", tree, f"-Dngd_DIR={ngd_dir}",
                 f"-DCMAKE_C_COMPILER={self.cc}", f"-DCMAKE_CXX_COMPILER={self.cxx}", "-DCMAKE_BUILD_TYPE=Release"])
            run([self.cmake, "--build", tree])
            for program in sorted([*tree.glob("c_*"), *tree.glob("cxx_*")]):
                print(f"find_package ({label}), {program.name}: {run([program]).strip()}")

    def refuses_other_minor(self, ngd_dir):
        project = self.work / "other"
        project.mkdir()
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.16)\nproject(other NONE)\nfind_package(ngd 0.2)\n"
            "if(ngd_FOUND)\n  message(FATAL_ERROR \"0.1 passed for 0.2\")\nendif()\n")
        run([self.cmake, "-G", "Ninja", "-S", project, "-B", project / "build", f"-Dngd_DIR={ngd_dir}"])

    def with_destdir(self):
        stage = self.work / "stage"
        run([self.cmake, "--install", self.build, "--prefix", "/opt/ngd"], DESTDIR=str(stage))
        if not (stage / "opt" / "ngd" / "include" / "ngd.h").exists():
            sys.exit("FAILED: DESTDIR was not used")


def main(root, build, cmake, cc, cxx):
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work).resolve()
        test = Test(root, build, cmake, cc, cxx, work)
        first = test.installed("first")
        test.check_files(first)
        moved = work / "a moved copy"
        first.rename(moved)
        test.by_pkg_config(moved)
        ngd_dir = test.folder_of(moved, "ngdConfig.cmake")
        test.by_find_package(ngd_dir, "installed and moved")
        test.by_find_package(build, "build tree")
        test.refuses_other_minor(ngd_dir)
        test.with_destdir()


if __name__ == "__main__":
    main(*sys.argv[1:])
