"""Reads the public headers into a model of the contract: a parser for the plain C99 that they are written in.

The headers are regular by design, so this is a small grammar rather than a compiler: constants, enums, opaque
handles, structs, callback types, aliases and functions. Anything else is an error that names file and line.
"""

import dataclasses
import pathlib
import re
from typing import Dict, List, Optional

SCALARS = ("void", "char", "float", "double", "size_t", "int32_t", "int64_t", "uint8_t", "uint16_t", "uint32_t", "uint64_t")


class ParseError(Exception):
    """A declaration that the grammar does not know."""


@dataclasses.dataclass
class Type:
    """`const float *const *`: the base, whether it is const, and for each star whether a const follows it."""

    base: str
    const: bool
    pointers: List[bool]
    c: str


@dataclasses.dataclass
class Constant:
    name: str
    value: int
    doc: str
    group: str  # the doc of the enum it stands in; "" for a macro


@dataclasses.dataclass
class Handle:
    name: str
    doc: str


@dataclasses.dataclass
class Alias:
    name: str
    type: Type
    doc: str


@dataclasses.dataclass
class Field:
    name: str
    type: Type
    length: Optional[int]  # of an array; None for a single value
    doc: str


@dataclasses.dataclass
class Struct:
    name: str
    fields: List[Field]
    doc: str


@dataclasses.dataclass
class Parameter:
    name: str
    type: Type
    doc: str


@dataclasses.dataclass
class Callback:
    name: str
    result: Type
    parameters: List[Parameter]
    doc: str


@dataclasses.dataclass
class Function:
    name: str
    header: str
    result: Type
    parameters: List[Parameter]
    brief: str
    detail: str
    returns: str
    statuses: List[str]  # the codes that the text of @return names, those of functions it refers to included
    thread: str
    since: str


@dataclasses.dataclass
class Api:
    version: str = ""
    headers: List[str] = dataclasses.field(default_factory=list)
    constants: List[Constant] = dataclasses.field(default_factory=list)
    aliases: List[Alias] = dataclasses.field(default_factory=list)
    handles: List[Handle] = dataclasses.field(default_factory=list)
    structs: List[Struct] = dataclasses.field(default_factory=list)
    callbacks: List[Callback] = dataclasses.field(default_factory=list)
    functions: List[Function] = dataclasses.field(default_factory=list)

    def constant(self, name: str) -> int:
        return next(constant.value for constant in self.constants if constant.name == name)


def parse_type(text: str) -> Type:
    """A type without a name: base with an optional leading const, then stars, each with an optional const."""
    words = re.findall(r"\w+|\*", text)
    const = bool(words) and words[0] == "const"
    words = words[const:]
    pointers: List[bool] = []
    for word in words[1:]:
        if word == "*":
            pointers.append(False)
        elif word == "const" and pointers:
            pointers[-1] = True
        else:
            raise ParseError(f"cannot read the type {text!r}")
    if not words or not re.fullmatch(r"[a-z]\w*", words[0]):
        raise ParseError(f"cannot read the type {text!r}")
    c = ("const " if const else "") + words[0]
    for star, constant in enumerate(pointers):
        c += (" " if star == 0 or pointers[star - 1] else "") + ("*const" if constant else "*")
    return Type(words[0], const, pointers, c)


def parse_parameters(text: str, docs: Dict[str, str]) -> List[Parameter]:
    if text.strip() == "void":
        return []
    parameters = []
    for part in text.split(","):
        found = re.fullmatch(r"(.+?)(\w+)", part.strip(), re.S)
        if not found:
            raise ParseError(f"cannot read the parameter {part.strip()!r}")
        parameters.append(Parameter(found[2], parse_type(found[1]), docs.get(found[2], "")))
    return parameters


def clean_comment(text: str) -> str:
    """The words of a doc comment without stars and without line breaks inside a paragraph."""
    text = re.sub(r"^/\*\*<?|\*/$", "", text.strip())
    return "\n".join(re.sub(r"^\s*\* ?", "", line).rstrip() for line in text.split("\n")).strip()


def joined(text: str) -> str:
    return " ".join(text.split())


def parse_doc(comment: str) -> dict:
    """Takes a comment apart by its Doxygen commands; a comment that has none is all brief."""
    doc = {"brief": "", "detail": "", "params": {}, "return": "", "thread": "", "since": ""}
    for part in re.split(r"(?m)^(?=@)", clean_comment(comment)):
        if not part.startswith("@"):
            doc["brief"] = joined(part)
            continue
        command, _, rest = part.partition(" ")
        if command == "@brief":
            brief, _, detail = rest.partition("\n\n")
            doc["brief"], doc["detail"] = joined(brief), joined(detail)
        elif command == "@param":
            name, _, words = rest.partition(" ")
            doc["params"][name] = joined(words)
        elif command == "@return":
            doc["return"] = joined(rest)
        elif command == "@par":
            doc["thread"] = joined(rest).partition("Thread: ")[2]
        elif command == "@since":
            doc["since"] = joined(rest)
        else:
            raise ParseError(f"cannot read the comment's {command!r}")
    return doc


class Parser:
    """Adds one header after another to an `Api`."""

    # What a header holds once preprocessor lines are gone: a comment, or a declaration up to its semicolon.
    ITEM = re.compile(r"\s*(/\*.*?\*/|[^;{]*(?:\{.*?\}[^;]*)?;)", re.S)

    def __init__(self) -> None:
        self.api = Api()

    def parse(self, name: str, text: str) -> None:
        self.api.headers.append(name)
        text = self.preprocess(text)
        position, comment = 0, ""
        while text[position:].strip():
            found = self.ITEM.match(text, position)
            line = text.count("\n", 0, position + len(text[position:]) - len(text[position:].lstrip())) + 1
            if not found:
                raise ParseError(f"{name}:{line}: cannot read what stands here")
            item = found[1].strip()
            try:
                if item.startswith("/*"):
                    comment = item
                else:
                    self.declaration(name, item, comment)
                    comment = ""
            except ParseError as error:
                raise ParseError(f"{name}:{line}: {error}") from None
            position = found.end()

    def preprocess(self, text: str) -> str:
        """Blanks preprocessor lines and what only C++ reads; integer macros become constants."""
        lines, skip, doc = [], 0, ""
        for line in text.split("\n"):
            stripped = line.strip()
            if skip:
                skip += stripped.startswith("#if") - stripped.startswith("#endif")
                lines.append("")
                continue
            if stripped.startswith("/**") and stripped.endswith("*/"):
                doc = joined(clean_comment(stripped))
            macro = re.fullmatch(r"#define (NGD_\w+) (\d+)", stripped)
            if macro:
                self.api.constants.append(Constant(macro[1], int(macro[2]), doc, ""))
            if stripped.startswith("#if") and "__cplusplus" in stripped:
                skip = 1
            lines.append("" if stripped.startswith("#") else line)
        return "\n".join(lines)

    def declaration(self, header: str, item: str, comment: str) -> None:
        enum = re.fullmatch(r"enum \{(.*)\};", item, re.S)
        handle = re.fullmatch(r"typedef struct (\w+) \1;", item)
        struct = re.fullmatch(r"typedef struct (\w+) \{(.*)\} \1;", item, re.S)
        callback = re.fullmatch(r"typedef ([^()]+)\(\*(\w+)\)\(([^()]*)\);", item, re.S)
        alias = re.fullmatch(r"typedef (\w+) (\w+);", item)
        function = re.fullmatch(r"NGD_API\s+([^()]+?)(\w+)\(([^()]*)\)\s*NGD_NOEXCEPT;", item, re.S)
        doc = joined(clean_comment(comment))
        if enum:
            self.enum(enum[1], doc)
        elif handle:
            self.api.handles.append(Handle(handle[1], doc))
        elif struct:
            self.api.structs.append(Struct(struct[1], self.fields(struct[2]), doc))
        elif callback:
            words = parse_doc(comment)
            parameters = parse_parameters(callback[3], words["params"])
            self.api.callbacks.append(Callback(callback[2], parse_type(callback[1]), parameters, words["brief"]))
        elif alias:
            self.api.aliases.append(Alias(alias[2], parse_type(alias[1]), doc))
        elif function:
            self.function(header, function, parse_doc(comment))
        else:
            raise ParseError(f"cannot read {joined(item)[:60]!r}")

    def enum(self, body: str, group: str) -> None:
        for entry in re.finditer(r"(\w+) = (-?\d+),?\s*/\*\*<(.*?)\*/", body, re.S):
            self.api.constants.append(Constant(entry[1], int(entry[2]), joined(entry[3]), group))
        if body.count("=") != len(re.findall(r"\w+ = -?\d+,?\s*/\*\*<", body)):
            raise ParseError("an enum entry lacks a number or a comment")

    def fields(self, body: str) -> List[Field]:
        fields = []
        for entry in re.finditer(r"([^;]+?)(\w+)(?:\[(\d+)\])?;\s*/\*\*<(.*?)\*/", body, re.S):
            length = int(entry[3]) if entry[3] else None
            fields.append(Field(entry[2], parse_type(entry[1]), length, joined(entry[4])))
        if len(fields) != re.sub(r"/\*.*?\*/", "", body, flags=re.S).count(";"):
            raise ParseError("a struct's field lacks a comment or has a form that is not known")
        return fields

    def function(self, header: str, found: "re.Match[str]", doc: dict) -> None:
        parameters = parse_parameters(found[3], doc["params"])
        if set(doc["params"]) != {parameter.name for parameter in parameters}:
            raise ParseError(f"the comment of {found[2]} names other parameters than the declaration")
        for key in ("brief", "thread", "since"):
            if not doc[key]:
                raise ParseError(f"the comment of {found[2]} lacks its {key}")
        statuses = re.findall(r"::(NGD_(?:OK|E_\w+))", doc["return"])
        self.api.functions.append(
            Function(found[2], header, parse_type(found[1]), parameters, doc["brief"], doc["detail"],
                     doc["return"], list(dict.fromkeys(statuses)), doc["thread"], doc["since"]))


def resolve_statuses(api: Api) -> None:
    """Adds to each function's codes those of the functions that its @return refers to: "as ngd_model_set()"."""
    by_name = {function.name: function for function in api.functions}

    def statuses(name: str, above: List[str]) -> List[str]:
        found = list(by_name[name].statuses)
        for other in re.findall(r"(ngd_\w+)\(\)", by_name[name].returns):
            if other in by_name and other not in above:
                found += statuses(other, above + [name])
        return list(dict.fromkeys(found))

    resolved = {name: statuses(name, []) for name in by_name}
    for name, codes in resolved.items():
        by_name[name].statuses = codes


def included(path: pathlib.Path) -> List[str]:
    return re.findall(r'^#include "(ngd/\w+\.h)"', path.read_text(encoding="utf-8"), re.M)


def read_headers(include: pathlib.Path) -> Api:
    """Reads ngd.h and every header it includes, each after the headers that it needs itself."""
    parser = Parser()

    def visit(name: str) -> None:
        if name in parser.api.headers:
            return
        for needed in included(include / name):
            visit(needed)
        if name not in parser.api.headers:
            parser.parse(name, (include / name).read_text(encoding="utf-8"))

    visit("ngd.h")
    api = parser.api
    known = set(SCALARS)
    for group in (api.aliases, api.handles, api.structs, api.callbacks):
        known |= {item.name for item in group}
    for function in api.functions:
        for kind in [function.result] + [parameter.type for parameter in function.parameters]:
            if kind.base not in known:
                raise ParseError(f"{function.header}: {function.name} uses the unknown type {kind.c!r}")
    resolve_statuses(api)
    api.version = ".".join(str(api.constant(f"NGD_VERSION_{part}")) for part in ("MAJOR", "MINOR", "PATCH"))
    return api
