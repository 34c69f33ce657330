"""``api_stubs.py CURRENT.TXT ANDROID.JAR``: make a jar of stubs from a platform's API list.

The jar is only for compiling: every method throws. Nullability, generics and constants are kept.
"""

import ast
import re
import sys
import zipfile
from pathlib import Path

from api_types import Scope, descriptor, parse_parameters, parse_type, signature, type_variables
from class_file import (
    ACC,
    ACC_ANNOTATION,
    ACC_ENUM,
    ACC_INTERFACE,
    ACC_SUPER,
    ACC_VARARGS,
    Member,
    StubClass,
    class_file,
)

QUOTED = r'"(?:[^"\\]|\\.)*"'
ANNOTATION = re.compile(
    rf"@(?!interface\b)([\w.]+)(\((?:[^()\"]|{QUOTED}|\((?:[^()\"]|{QUOTED})*\))*\))?\s*"
)
MODIFIERS = {
    "public",
    "protected",
    "private",
    "static",
    "final",
    "abstract",
    "default",
    "native",
    "synchronized",
    "transient",
    "volatile",
    "strictfp",
    "sealed",
}
KINDS = ("class", "interface", "enum", "@interface")
CONSTANTS = {
    "int": "int",
    "short": "int",
    "byte": "int",
    "char": "int",
    "boolean": "int",
    "long": "long",
    "float": "float",
    "double": "double",
    "String": "String",
}


def read_api(text):
    """Return all classes of an API list of signature format 2.0."""
    stubs = {}
    package = ""
    current = None
    for line in text.splitlines()[1:]:
        bare = line.strip()
        if line.startswith("package "):
            package = _without_annotations(line[len("package ") :])[0].split()[0]
        elif line.startswith("  ") and not line.startswith("   ") and bare.endswith("{"):
            current = _Class(package, _without_annotations(bare[:-1])[0])
            stubs[current.stub.name] = current.stub
        elif current and line.startswith("    ") and (bare.endswith(";") or "; //" in bare):
            current.add(re.sub(r";\s*//.*$", ";", bare)[:-1])
    _nest(stubs)
    return list(stubs.values())


class _Class:
    """One class of the list, filled line by line."""

    def __init__(self, package, header):
        words, header = _modifiers(header)
        self._kind, _, rest = header.partition(" ")
        assert self._kind in KINDS, header
        name, rest = re.match(r"([\w.]+)\s*(.*)", rest).groups()
        variables, rest = type_variables(rest, Scope())
        self._scope = Scope().with_variables(variables)
        lists = {"extends": [], "implements": []}
        for word, types in re.findall(
            r"\b(extends|implements) (.*?)(?= (?:extends|implements) |$)", rest
        ):
            lists[word] = _split_types(types)
        interface = self._kind in ("interface", "@interface")
        interfaces = lists["extends"] if interface else lists["implements"]
        superclass = "Object" if interface or not lists["extends"] else lists["extends"][0]
        superclass = "Enum" if self._kind == "enum" else superclass
        parents = [parse_type(text) for text in (superclass, *interfaces)]
        written = "".join(variables.written()) + "".join(
            signature(parent, self._scope) for parent in parents
        )
        internal = [descriptor(parent, self._scope)[1:-1] for parent in parents]
        path = package.replace(".", "/") + "/" + name.replace(".", "$")
        self.stub = StubClass(
            self._flags(words, interface),
            path,
            internal[0],
            internal[1:],
            written if "<" in written else None,
        )

    def _flags(self, words, interface):
        flags = sum(ACC[word] for word in words if word in ACC)
        if interface:
            flags = flags & ~ACC["final"] | ACC_INTERFACE | ACC["abstract"] | ACC["static"]
        else:
            flags |= ACC_SUPER
        if self._kind == "@interface":
            flags |= ACC_ANNOTATION
        elif self._kind == "enum":
            flags |= ACC_ENUM
        return flags

    def add(self, line):
        """Add the member of one line, given without the semicolon."""
        kind, _, rest = line.partition(" ")
        if kind in ("field", "enum_constant"):
            self._field(rest, kind == "enum_constant")
        elif kind in ("method", "ctor"):
            self._method(rest, kind == "ctor")

    def _field(self, text, enum_constant):
        text, annotations = _without_annotations(text)
        words, text = _modifiers(text)
        declared, _, value = text.partition(" = ")
        of, _, name = declared.rpartition(" ")
        flags = sum(ACC[word] for word in words if word in ACC) | (ACC_ENUM if enum_constant else 0)
        constant = _constant(of, value) if value else None
        self.stub.fields.append(
            Member(
                flags,
                name,
                descriptor(parse_type(of), self._scope),
                _generic(of, self._scope),
                constant,
                annotations,
            )
        )

    def _method(self, text, constructor):
        text = re.sub(r"\)\s*(throws [^)]*|default [^)]*|= .*)$", ")", text)
        text, annotations = _without_annotations(text)
        words, text = _modifiers(text)
        variables, text = type_variables(text, self._scope)
        scope = self._scope.with_variables(variables)
        declared, _, inside = text.partition("(")
        of, _, name = declared.rpartition(" ")
        parameters = [_without_annotations(part) for part in parse_parameters(inside[:-1])]
        varargs = bool(parameters) and parameters[-1][0].endswith("...")
        types = [parse_type(part.replace("...", "[]")) for part, _ in parameters]
        result = "void" if constructor else of
        flags = sum(ACC[word] for word in words if word in ACC) | (ACC_VARARGS if varargs else 0)
        if self.stub.flags & ACC_INTERFACE and not {"default", "static"} & set(words):
            flags |= ACC["abstract"]
        if self.stub.flags & ACC_ENUM:
            flags &= ~ACC["abstract"]
        arguments = "".join(descriptor(t, scope) for t in types)
        erased = f"({arguments}){descriptor(parse_type(result), scope)}"
        written = (
            f"{''.join(variables.written())}({''.join(signature(t, scope) for t in types)})"
            f"{signature(parse_type(result), scope)}"
        )
        self.stub.methods.append(
            Member(
                flags,
                "<init>" if constructor else name,
                erased,
                written if written != erased else None,
                None,
                annotations,
                [annotations for _, annotations in parameters],
            )
        )


def _nest(stubs):
    """Note in every class the classes around and inside it."""
    for name, stub in stubs.items():
        for end in (i for i, c in enumerate(name) if c == "$"):
            inner = name[: name.find("$", end + 1)] if "$" in name[end + 1 :] else name
            if inner in stubs:
                stub.nested.append((name[:end], inner, stubs[inner].flags & ~ACC_SUPER))
    for name, stub in stubs.items():
        outer = name.rpartition("$")[0]
        if outer in stubs:
            stubs[outer].nested.append((outer, name, stub.flags & ~ACC_SUPER))
    for stub in stubs.values():
        stub.flags &= ~ACC["static"]


def _without_annotations(text):
    """Split the annotations off the text. Returns the rest, and the nullability among them."""
    nullability = ()
    text = text.strip()
    while match := ANNOTATION.match(text):
        if match[1] in ("NonNull", "Nullable"):
            nullability += (match[1],)
        text = text[match.end() :]
    return text, nullability


def _modifiers(text):
    words = []
    while (word := text.partition(" ")[0]) in MODIFIERS:
        words.append(word)
        text = text[len(word) + 1 :]
    return words, text


def _split_types(text):
    """Split at spaces and commas outside angle brackets."""
    return [
        part.strip(" ,")
        for part in re.findall(r"(?:[^\s<,]|<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>)+", text)
    ]


def _generic(of, scope):
    written = signature(parse_type(of), scope)
    return written if written != descriptor(parse_type(of), scope) else None


def _constant(of, value):
    kind = CONSTANTS.get(of)
    if kind is None:
        return None
    if value in ("true", "false"):
        return "int", int(value == "true")
    literal = value if kind in ("String", "int") else value.rstrip("Lf")
    try:
        constant = ast.literal_eval(literal)
    except (ValueError, SyntaxError):
        return None  # NaN and the infinities are written as divisions
    if of == "char" and isinstance(constant, str):
        constant = ord(constant)
    if kind in ("float", "double"):
        constant = float(constant)
    return kind, constant


def main():
    """Write the jar."""
    source, jar = map(Path, sys.argv[1:])
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        for stub in read_api(source.read_text()):
            archive.writestr(zipfile.ZipInfo(f"{stub.name}.class"), class_file(stub))


if __name__ == "__main__":
    main()
