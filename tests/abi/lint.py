"""Lints the public headers: documentation of every function, types at the boundary, order of arguments, structs.

usage: lint.py ROOT, or lint.py --self-test to see every rule fail on a planted mistake.
"""

import pathlib
import re
import sys
import tempfile

import contract

SCALARS = {"uint16_t", "int32_t", "uint32_t", "int64_t", "uint64_t", "size_t", "float", "double", "ngd_status"}
# Functions of a handle's family that take no handle of their own: they make one, or speak of the family.
WITHOUT_HANDLE = {"create", "open", "load", "generate", "describe", "rule", "kind", "format"}


def allowed_type(text, pointers, callbacks, void_name):
    base = contract.plain(text.replace("const", " ").replace("*", " "))
    stars = text.count("*")
    if base in callbacks:
        return stars == 0
    if base == "void":
        return stars == 1 and void_name
    if base == "char":
        return stars in (1, 2)
    if base in pointers:
        return stars in (1, 2)
    return base in SCALARS and stars <= 2


def lint_doc(function, findings, place):
    doc = function.doc
    findings.check(re.search(r"^@brief \S", doc, re.M), place, "has no @brief")
    documented = re.findall(r"^@param (\w+)", doc, re.M)
    names = [parameter.name for parameter in function.parameters]
    findings.check(documented == names, place,
                   f"documents parameters {documented}, but has {names}: document each, in order")
    texts = dict(re.findall(r"^@param (\w+) (.*?)(?=^@|\Z)", doc, re.M | re.S))
    for parameter in function.parameters:
        if "*" in parameter.type:
            findings.check("NULL" in texts.get(parameter.name, "NULL"), place,
                           f'@param {parameter.name} does not say whether NULL is allowed')
    returns = re.search(r"^@return (.*?)(?=^@|\Z)", doc, re.M | re.S)
    if function.returns == "void":
        findings.check(not returns, place, "returns nothing, but has @return")
    else:
        findings.check(returns, place, "has no @return")
    if function.returns == "ngd_status" and returns:
        findings.check(re.search(r"::NGD_OK|as ngd_\w+\(\)", returns.group(1)), place,
                       "@return does not list its codes, nor says \"as ngd_...()\"")
    thread = re.findall(r"^@par Thread: (.*)$", doc, re.M)
    findings.check(thread in (["free"], ["exclusive"], ["shared"]), place,
                   "needs one line \"@par Thread: free\", \"exclusive\" or \"shared\"")
    findings.check(re.search(r"^@since \d+\.\d+$", doc, re.M), place, "has no line \"@since 0.1\"")


def lint_signature(function, handles, structs, callbacks, findings, place):
    pointers = set(handles) | set(structs)
    names = [parameter.name for parameter in function.parameters]
    for parameter in function.parameters:
        findings.check(allowed_type(parameter.type, pointers, callbacks, parameter.name == "user_data"), place,
                       f"parameter {parameter.name} has the type \"{parameter.type}\", which the boundary does not know")
    findings.check(function.returns in ("void", "const char *") or function.returns in SCALARS, place,
                   f"returns \"{function.returns}\", which the boundary does not know")
    last = function.parameters[-1] if function.parameters else None
    if function.returns == "ngd_status":
        findings.check(last == ("ngd_error *", "error"), place, "returns ngd_status, so its last parameter is ngd_error *error")
    findings.check("error" not in names[:-1], place, "ngd_error *error is not the last parameter")
    family = next((handle for handle in sorted(handles, key=len, reverse=True)
                   if function.name.startswith(handle + "_")), None)
    if family is None:
        return
    own = [i for i, parameter in enumerate(function.parameters)
           if contract.plain(parameter.type.replace("const", "")) == family + " *"]
    if own:
        findings.check(own[0] == 0, place, "the handle is not the first parameter")
        findings.check(names[0] == family[len("ngd_"):] or own[0] != 0, place,
                       f"the handle is called \"{names[0]}\", not \"{family[4:]}\"")
    else:
        verb = function.name[len(family) + 1:].split("_")[0]
        findings.check(verb in WITHOUT_HANDLE, place, "takes no handle of its family")


def lint(root):
    findings = contract.Findings()
    headers = contract.public_headers(root)
    handles = [name for path in headers for name in contract.handles(path)]
    structs = [struct for path in headers for struct in contract.structs(path)]
    callbacks = {callback.name for path in headers for callback in contract.callbacks(path)}
    for struct in structs:
        place = f"{struct.header.name}:{struct.line}: {struct.name}"
        if struct.name == "ngd_error":
            findings.check(struct.fields == [("int32_t", "code"), ("char", "message")], place, "its layout is frozen")
            continue
        findings.check(struct.fields[0] == ("size_t", "struct_size"), place, "does not begin with size_t struct_size")
        for field in struct.fields:
            findings.check(allowed_type(field.type, set(), set(), False), place,
                           f"field {field.name} has the type \"{field.type}\", which the boundary does not know")
    count = 0
    for path in headers:
        text = path.read_text()
        bare = contract.without_comments(text)
        for word in ("bool", "long", "short", "unsigned", "union", "..."):
            for match in re.finditer(r"(?<!\w)" + re.escape(word) + r"(?!\w)", bare):
                line = bare.count("\n", 0, match.start()) + 1
                findings.add(f"{path.name}:{line}", f"\"{word}\" has no place at the boundary")
        findings.check(re.match(r"/\*\*\n \* @file " + re.escape(path.name) + r"\n \* @brief ", text), path.name,
                       "does not open with @file and @brief")
        for macro in re.findall(r"^#\s*define (\w+)", text, re.M):
            findings.check(macro.startswith("NGD_"), path.name, f"the macro {macro} does not begin with NGD_")
        for body in re.findall(r"enum \{(.*?)\}", bare, re.S):
            for entry in filter(None, (contract.plain(one) for one in body.split(","))):
                findings.check(re.fullmatch(r"NGD_\w+ = -?\d+", entry), path.name, f"\"{entry}\" has no number of its own")
        for function in contract.functions(path):
            count += 1
            place = f"{path.name}:{function.line}: {function.name}"
            findings.check(function.name.startswith("ngd_"), place, "does not begin with ngd_")
            lint_doc(function, findings, place)
            lint_signature(function, handles, [struct.name for struct in structs], callbacks, findings, place)
    findings.check(count > 0, root, "no function was found")
    return findings


GOOD = """/**
 * @file x.h
 * @brief A header.
 */
#ifndef NGD_X_H
#define NGD_X_H
/** An error. */
typedef struct ngd_error {
  int32_t code;      /**< Code. */
  char message[508]; /**< Text. */
} ngd_error;
/** A handle. */
typedef struct ngd_x ngd_x;
/** Information. */
typedef struct ngd_info {
  size_t struct_size; /**< Size. */
  int32_t kind;       /**< Kind. */
} ngd_info;
enum { NGD_ONE = 1, /**< One. */ NGD_TWO = 2 };

/**
 * @brief Sets.
 *
 * @param x not NULL.
 * @param value a number.
 * @param error may be NULL.
 * @return ::NGD_OK.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_x_set(ngd_x *x, double value, ngd_error *error) NGD_NOEXCEPT;
#endif
"""

# What to change in GOOD, and what the lint must then say.
PLANTED = [
    ("@brief Sets.", "Sets.", "has no @brief"),
    (" * @param value a number.\n", "", "document each, in order"),
    ("@param x not NULL.", "@param x the handle.", "does not say whether NULL is allowed"),
    (" * @return ::NGD_OK.\n", "", "has no @return"),
    ("@return ::NGD_OK.", "@return good or bad.", "does not list its codes"),
    ("Thread: exclusive", "Thread: any", "needs one line"),
    (" * @since 0.1\n", "", "has no line \"@since 0.1\""),
    ("double value", "long value", "\"long\" has no place at the boundary"),
    ("double value", "void *value", "which the boundary does not know"),
    ("ngd_x *x, double value, ngd_error *error", "ngd_x *x, double value", "its last parameter is ngd_error *error"),
    ("ngd_x *x, double value, ngd_error", "double value, ngd_x *x, ngd_error", "the handle is not the first parameter"),
    ("ngd_x *x, double value, ngd_error", "double value, ngd_error", "takes no handle of its family"),
    ("  size_t struct_size; /**< Size. */\n", "", "does not begin with size_t struct_size"),
    ("  int32_t code;      /**< Code. */\n", "", "its layout is frozen"),
    ("NGD_TWO = 2", "NGD_TWO", "has no number of its own"),
    ("NGD_X_H\n/**", "NGD_X_H\n#define LIMIT 3\n/**", "does not begin with NGD_"),
]


def self_test():
    findings = contract.Findings()
    with tempfile.TemporaryDirectory() as folder:
        include = pathlib.Path(folder) / "include"
        include.mkdir()

        def said(text):
            (include / "x.h").write_text(text)
            return lint(folder).lines

        findings.check(not said(GOOD), "good header", f"was refused: {said(GOOD)}")
        for old, new, expected in PLANTED:
            findings.check(old in GOOD, old, "is not in the good header")
            lines = said(GOOD.replace(old, new, 1))
            findings.check(any(expected in line for line in lines), f"{old!r} -> {new!r}",
                           f"expected \"{expected}\", got {lines}")
    return findings


if __name__ == "__main__":
    if sys.argv[1] == "--self-test":
        sys.exit(self_test().finish("lint finds planted mistakes"))
    sys.exit(lint(sys.argv[1]).finish("public headers"))
