"""Checks what the linker sees: exported, needed and undefined names of libngd.so, its flags and size, and libngd.a.

usage: symbols.py ROOT libngd.so libngd.a
"""

import os
import re
import subprocess
import sys
import tempfile

import contract

# Libraries that libngd.so may need (docs/abi.md). Any other is a new dependency of every user: argue it there first.
NEEDED = r"libc|libm|libstdc\+\+|libgcc_s|libz|libopenblas|libblas|libcblas|libzmq|ld-linux-[\w-]+"

# What the library must not call, and why.
DENIED = {
    r"_?_?exit|_Exit|quick_exit|abort|__assert_fail|_ZSt21__glibcxx_assert_fail.*": "the library never ends the process",
    r"atexit|__cxa_atexit|__cxa_thread_atexit(_impl)?": "no static or thread-local object has a destructor",
    r"v?printf|__v?printf_chk|puts|putchar|perror|stdout|stderr|v?fprintf|__v?fprintf_chk|fputs|fputc": "the library never prints",
    r"_ZSt4c(out|err|log|in)|_ZNSt8ios_base4Init.*": "no <iostream>",
    r"openblas_set_num_threads.*|goto_set_num_threads|omp_.*|GOMP_.*|MKL_.*": "the host's thread settings are its own",
    r"signal|sigaction|bsd_signal|sigprocmask": "signal handlers belong to the host (base/thread.cc masks its own threads' signals)",
    r"setlocale|uselocale|newlocale": "the locale belongs to the host",
    r"setenv|putenv|unsetenv|srand|srandom|chdir|umask": "process-wide state belongs to the host",
    r"rand|random|drand48": "random numbers come from base/random.h",
    r"gets|strcpy|strcat|sprintf|vsprintf|tmpnam|mktemp|strtok|atoi|atof": "an unsafe function of old",
    r"system|popen|fork|vfork|execv.*|execl.*": "the library starts no process",
    # pthread_create is called by base/thread.cc, which rooms.py holds to be the only one.
    r"_ZNSt6thread15_M_start_thread.*": "only base/thread.cc starts threads, and only when an option asks for them",
}

# What the compiler's own start code runs: bookkeeping, and asking the CPU what it can.
STARTUP = {"frame_dummy", "__do_global_dtors_aux", "__cpu_indicator_init"}


def run(*command):
    return subprocess.run(command, check=True, text=True, capture_output=True, env={**os.environ, "LC_ALL": "C"}).stdout


def exported(library):
    names = {}
    for line in run("nm", "-D", "--defined-only", "--with-symbol-versions", library).splitlines():
        _, kind, name = line.split()
        if kind != "A":  # the version nodes themselves
            names[name] = kind
    return names


def startup_functions(library):
    """What the loader runs when it loads and unloads the library: pairs of section and function."""
    sections = run("readelf", "-SW", library)
    names = {int(line.split()[0], 16): line.split()[-1] for line in run("nm", library).splitlines() if len(line.split()) == 3
             and line.split()[1] in "tT"}
    targets = {int(offset, 16): int(target, 16) for offset, target in
               re.findall(r"^(\w+) +\w+ R_\w+_RELATIVE +(\w+)$", run("readelf", "-rW", library), re.M)}
    found = []
    for section in (".init_array", ".fini_array"):
        match = re.search(rf" {re.escape(section)} +\w+ +(\w+) +\w+ +(\w+)", sections)
        start, size = (int(text, 16) for text in match.groups()) if match else (0, 0)
        found += [(section, names.get(targets.get(at), "an unknown function")) for at in range(start, start + size, 8)]
    return found


def main(root, shared, static):
    findings = contract.Findings()
    declared = {function.name for path in contract.public_headers(root) for function in contract.functions(path)}
    in_map = contract.map_names(os.path.join(root, "src", "libngd.map"))
    for name in sorted(declared ^ set(in_map)):
        findings.add("src/libngd.map", f"{name} is " + ("declared, but not in the map" if name in declared else
                                                       "in the map, but not declared"))
    names = {}
    for name, kind in exported(shared).items():
        bare, _, version = name.partition("@@")
        names[bare] = version
        findings.check(kind == "T", name, f"is exported as nm's kind {kind}; only functions may be")
        findings.check(version == in_map.get(bare), name, f"has the version \"{version}\", the map says {in_map.get(bare)}")
    for name in sorted(declared - set(names)):
        findings.add(name, "is declared, but libngd.so does not export it")
    for name in sorted(set(names) - declared):
        findings.add(name, "is exported, but not declared")

    dynamic = run("readelf", "-dW", shared)
    for library in re.findall(r"\(NEEDED\).*\[(.*?)\]", dynamic):
        findings.check(re.fullmatch(rf"({NEEDED})\.so\.[\d.]+", library), "libngd.so", f"needs {library}")
    findings.check("[libngd.so.0]" in dynamic, "libngd.so", "its soname is not libngd.so.0")
    findings.check(re.search(r"\(FLAGS_1\).*NODELETE", dynamic), "libngd.so", "is not linked with -z nodelete")
    findings.check(re.search(r"BIND_NOW|Flags:.*NOW", dynamic), "libngd.so", "is not linked with -z now")
    findings.check("TEXTREL" not in dynamic, "libngd.so", "has text relocations")
    segments = run("readelf", "-lW", shared)
    findings.check(re.search(r"GNU_STACK .* RW ", segments), "libngd.so", "has an executable stack")
    findings.check("GNU_RELRO" in segments, "libngd.so", "has no read-only relocations")
    for section, name in startup_functions(shared):
        findings.check(name in STARTUP, "libngd.so",
                       f"{section} runs {name}: a static object has a constructor or destructor")

    for line in run("nm", "-D", "--undefined-only", shared).splitlines():
        name = line.split()[-1].partition("@")[0]
        for pattern, reason in DENIED.items():
            findings.check(not re.fullmatch(pattern, name), "libngd.so", f"calls {name}: {reason}")

    with tempfile.TemporaryDirectory() as folder:
        stripped = os.path.join(folder, "stripped.so")
        run("strip", "-o", stripped, shared)
        size = os.path.getsize(stripped)
        findings.check(size < 3_350_000, "libngd.so", f"has {size} bytes stripped, more than 3 350 000")
    static_names = {line.split()[-1] for line in run("nm", "-g", "--defined-only", static).splitlines()
                    if len(line.split()) == 3}
    for name in sorted(static_names ^ declared):
        findings.add("libngd.a", f"{name} is " + ("declared, but not defined" if name in declared else
                                                  "global, but not part of the contract"))
    return findings.finish(f"{len(names)} exported names, {size} bytes stripped")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
