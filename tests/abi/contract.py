"""Reads the contract: functions, structs, callbacks and doc blocks of the public headers, with no C parser.

The headers are regular on purpose (CONTRIBUTING.md, "The headers are the specification"); what this module cannot read
is a mistake in a header.
"""

import collections
import pathlib
import re

Function = collections.namedtuple("Function", "header line name returns parameters doc")
Parameter = collections.namedtuple("Parameter", "type name")
Struct = collections.namedtuple("Struct", "header line name fields")
Callback = collections.namedtuple("Callback", "header name")


def public_headers(root):
    return sorted((pathlib.Path(root) / "include").rglob("*.h"))


def plain(text):
    return re.sub(r"\s+", " ", text).strip()


def without_comments(text):
    return re.sub(r"/\*.*?\*/", lambda match: "\n" * match.group().count("\n"), text, flags=re.S)


def declaration(text):
    """'const char *name' -> Parameter('const char *', 'name')"""
    match = re.fullmatch(r"(.*?)(\w+)(\[\d+\])?", plain(text))
    if not match or not match.group(1):
        raise ValueError(f"cannot read the declaration: {plain(text)}")
    return Parameter(match.group(1).strip(), match.group(2))


def doc_text(comment):
    return "\n".join(re.sub(r"^\s*\*\s?", "", line) for line in comment.splitlines()).strip()


def functions(path):
    text = path.read_text()
    found = []
    for match in re.finditer(r"(?:/\*\*((?:(?!\*/).)*)\*/\s*)?^NGD_API\s+([^;]*?);", text, re.S | re.M):
        comment, body = match.group(1), plain(match.group(2))
        line = text.count("\n", 0, match.start(2)) + 1
        signature = re.fullmatch(r"(.*?)(\w+)\((.*)\) NGD_NOEXCEPT", body)
        if not signature:
            raise ValueError(f"{path}:{line}: a function ends with NGD_NOEXCEPT: {body}")
        listed = signature.group(3)
        parameters = [] if listed == "void" else [declaration(one) for one in listed.split(",")]
        found.append(Function(path, line, signature.group(2), signature.group(1).strip(), parameters,
                              doc_text(comment or "")))
    return found


def structs(path):
    text = without_comments(path.read_text())
    found = []
    for match in re.finditer(r"typedef struct (\w+) \{(.*?)\} (\w+);", text, re.S):
        fields = [declaration(one) for one in match.group(2).split(";") if one.strip()]
        found.append(Struct(path, text.count("\n", 0, match.start()) + 1, match.group(3), fields))
    return found


def handles(path):
    return re.findall(r"^typedef struct (\w+) \1;", path.read_text(), re.M)


def callbacks(path):
    return [Callback(path, name) for name in re.findall(r"^typedef \w+ \(\*(\w+)\)\(", path.read_text(), re.M)]


def map_names(path):
    text = re.sub(r"/\*.*?\*/", "", pathlib.Path(path).read_text(), flags=re.S)
    names = {}
    for node, body in re.findall(r"^(NGD_[\d.]+) \{(.*?)^\}", text, re.S | re.M):
        public = re.search(r"global:(.*?)(?:local:|$)", body, re.S)
        for name in re.findall(r"([\w*?]+);", public.group(1) if public else ""):
            names[name] = node
    return names


class Findings:
    """Collects what is wrong, prints it, and gives the exit status."""

    def __init__(self):
        self.lines = []

    def add(self, place, text):
        self.lines.append(f"{place}: {text}")

    def check(self, good, place, text):
        if not good:
            self.add(place, text)

    def finish(self, what):
        for line in self.lines:
            print(line)
        print(f"{what}: {len(self.lines)} findings" if self.lines else f"{what}: good")
        return 1 if self.lines else 0
