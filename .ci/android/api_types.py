"""Types of an API list, with their descriptors and signatures (JVMS 4.3 and 4.7.9.1)."""

import re
from dataclasses import dataclass, field

PRIMITIVES = {
    "void": "V",
    "boolean": "Z",
    "byte": "B",
    "char": "C",
    "short": "S",
    "int": "I",
    "long": "J",
    "float": "F",
    "double": "D",
}


@dataclass(frozen=True)
class Type:
    """A class with arguments, a primitive, a variable or a wildcard; arrays have dimensions."""

    name: str
    arguments: tuple["Type", ...] = ()
    dimensions: int = 0
    bound: str = ""  # of a wildcard: "+", "-" or "*"


@dataclass
class Variables:
    """Type variables with their bounds, in order."""

    bounds: dict[str, list[Type]] = field(default_factory=dict)
    scope: "Scope | None" = None

    def written(self):
        """Return ``<T:Lbound;>`` in pieces, or nothing."""
        if not self.bounds:
            return []
        scope = self.scope.with_variables(self)
        return [
            "<",
            *(
                f"{name}:{':'.join(signature(bound, scope) for bound in bounds)}"
                for name, bounds in self.bounds.items()
            ),
            ">",
        ]


@dataclass(frozen=True)
class Scope:
    """The type variables in scope at a place: name and first bound."""

    variables: tuple[tuple[str, Type], ...] = ()

    def with_variables(self, more):
        """Return the scope inside a class or method with more variables."""
        return Scope(
            tuple(
                (self.known() | {name: bounds[0] for name, bounds in more.bounds.items()}).items()
            )
        )

    def known(self):
        """Return the bounds by name."""
        return dict(self.variables)


def parse_parameters(text):
    """Split at the commas outside brackets; the list does not name the parameters."""
    parts = []
    depth = 0
    part = ""
    for c in text:
        depth += (c in "<(") - (c in ">)")
        if c == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += c
    return parts + ([part.strip()] if part.strip() else [])


def parse_type(text):
    """Parse one type."""
    text = re.sub(r"@[\w.]+(\([^)]*\))?\s*", "", text).strip()
    if text.startswith("?"):
        word, _, bound = text[1:].strip().partition(" ")
        inner = parse_type(bound) if bound else Type("Object")
        return Type(
            inner.name,
            inner.arguments,
            inner.dimensions,
            {"": "*", "extends": "+", "super": "-"}[word],
        )
    dimensions = 0
    while text.endswith("[]"):
        text, dimensions = text[:-2].strip(), dimensions + 1
    name, _, inside = text.partition("<")
    if not inside:
        return Type(name.strip(), (), dimensions)
    end = inside.rindex(">")
    return Type(
        name.strip() + inside[end + 1 :],
        tuple(map(parse_type, parse_parameters(inside[:end]))),
        dimensions,
    )


def type_variables(text, scope):
    """Split ``<T extends X & Y, U> rest`` into the variables and the rest."""
    if not text.startswith("<"):
        return Variables(scope=scope), text
    depth, end = 1, 0
    while depth:
        end += 1
        depth += (text[end] == "<") - (text[end] == ">")
    variables = Variables(scope=scope)
    for part in parse_parameters(text[1:end]):
        name, _, bounds = part.partition(" extends ")
        variables.bounds[name.strip()] = [
            parse_type(bound) for bound in (bounds or "Object").split(" & ")
        ]
    return variables, text[end + 1 :].strip()


def descriptor(of, scope):
    """Return the erased type."""
    return "[" * of.dimensions + _erased(of, scope)


def _erased(of, scope):
    if of.name in PRIMITIVES:
        return PRIMITIVES[of.name]
    bound = scope.known().get(of.name)
    return descriptor(bound, scope) if bound else f"L{_internal(of.name)};"


def signature(of, scope):
    """Return the type with its arguments."""
    if of.bound == "*":
        return "*"
    before = of.bound + "[" * of.dimensions
    if of.name in PRIMITIVES:
        return before + PRIMITIVES[of.name]
    if of.name in scope.known():
        return f"{before}T{of.name};"
    arguments = "".join(signature(argument, scope) for argument in of.arguments)
    return f"{before}L{_internal(of.name)}{f'<{arguments}>' if arguments else ''};"


def _internal(name):
    """Turn ``java.util.Map.Entry`` into ``java/util/Map$Entry``; java.lang is the default."""
    parts = name.split(".")
    first = next(i for i, part in enumerate(parts) if part[0].isupper())
    package = parts[:first] or ["java", "lang"]
    return "/".join([*package, "$".join(parts[first:])])
