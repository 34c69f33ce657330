"""Write Java class files of stubs: enough of JVMS chapter 4 for a compiler to read."""

import struct
from dataclasses import dataclass, field

VERSION = 52  # Java 8
ACC = {
    "public": 0x1,
    "private": 0x2,
    "protected": 0x4,
    "static": 0x8,
    "final": 0x10,
    "abstract": 0x400,
}
ACC_VARARGS, ACC_INTERFACE, ACC_ANNOTATION, ACC_ENUM, ACC_SUPER = 0x80, 0x200, 0x2000, 0x4000, 0x20
NULLABILITY = {
    "NonNull": "Lorg/jetbrains/annotations/NotNull;",
    "Nullable": "Lorg/jetbrains/annotations/Nullable;",
}
THROW_NULL = b"\x01\xbf"  # aconst_null, athrow: the body of every method


@dataclass
class Member:
    """A field or a method.

    Attributes:
        flags: access flags.
        name: as in the class file.
        descriptor: erased types.
        signature: with generics, or None if the descriptor says it all.
        value: of a constant, or None.
        annotations: of the member, out of :data:`NULLABILITY`.
        parameters: the annotations of each parameter; None for a field.
    """

    flags: int
    name: str
    descriptor: str
    signature: str | None = None
    value: tuple[str, object] | None = None
    annotations: tuple[str, ...] = ()
    parameters: list[tuple[str, ...]] | None = None


@dataclass
class StubClass:
    """A class. Names are internal ones, with slashes and dollar signs."""

    flags: int
    name: str
    superclass: str
    interfaces: list[str]
    signature: str | None
    fields: list[Member] = field(default_factory=list)
    methods: list[Member] = field(default_factory=list)
    nested: list[tuple[str, str, int]] = field(default_factory=list)  # outer, whole name, flags


class _Pool:
    """The constant pool, and the bytes of structures that refer to it."""

    def __init__(self):
        self._index = {}
        self._entries = []
        self._next = 1

    def add(self, tag, layout, *values, slots=1):
        key = (tag, *map(repr, values))
        if key not in self._index:
            self._index[key] = self._next
            self._entries.append(struct.pack(">B" + layout, tag, *values))
            self._next += slots
        return self._index[key]

    def utf8(self, text):
        content = text.encode("utf-8", "surrogatepass").replace(b"\0", b"\xc0\x80")
        return self.add(1, f"H{len(content)}s", len(content), content)

    def klass(self, name):
        return self.add(7, "H", self.utf8(name))

    def constant(self, kind, value):
        if kind == "String":
            return self.add(8, "H", self.utf8(value))
        tag, layout, slots = {
            "int": (3, "i", 1),
            "float": (4, "f", 1),
            "long": (5, "q", 2),
            "double": (6, "d", 2),
        }[kind]
        return self.add(tag, layout, value, slots=slots)

    def attribute(self, name, content):
        return struct.pack(">HI", self.utf8(name), len(content)) + content

    def annotations(self, names):
        described = b"".join(struct.pack(">HH", self.utf8(NULLABILITY[name]), 0) for name in names)
        return struct.pack(">H", len(names)) + described

    def content(self):
        return struct.pack(">H", self._next) + b"".join(self._entries)


def class_file(stub: StubClass) -> bytes:
    """Return the bytes of a class."""
    pool = _Pool()
    body = struct.pack(
        ">HHHH",
        stub.flags,
        pool.klass(stub.name),
        pool.klass(stub.superclass),
        len(stub.interfaces),
    )
    body += b"".join(struct.pack(">H", pool.klass(name)) for name in stub.interfaces)
    for members in (stub.fields, stub.methods):
        body += struct.pack(">H", len(members)) + b"".join(
            _member(pool, member) for member in members
        )
    attributes = []
    if stub.signature:
        attributes.append(pool.attribute("Signature", struct.pack(">H", pool.utf8(stub.signature))))
    if stub.nested:
        rows = b"".join(
            struct.pack(
                ">HHHH",
                pool.klass(name),
                pool.klass(outer),
                pool.utf8(name[len(outer) + 1 :]),
                flags,
            )
            for outer, name, flags in stub.nested
        )
        attributes.append(
            pool.attribute("InnerClasses", struct.pack(">H", len(stub.nested)) + rows)
        )
    body += struct.pack(">H", len(attributes)) + b"".join(attributes)
    return struct.pack(">IHH", 0xCAFEBABE, 0, VERSION) + pool.content() + body


def _member(pool, member):
    attributes = []
    if member.signature:
        attributes.append(
            pool.attribute("Signature", struct.pack(">H", pool.utf8(member.signature)))
        )
    if member.value:
        attributes.append(
            pool.attribute("ConstantValue", struct.pack(">H", pool.constant(*member.value)))
        )
    if member.annotations:
        attributes.append(
            pool.attribute("RuntimeInvisibleAnnotations", pool.annotations(member.annotations))
        )
    if member.parameters is not None:
        if any(member.parameters):
            rows = b"".join(pool.annotations(names) for names in member.parameters)
            content = struct.pack(">B", len(member.parameters)) + rows
            attributes.append(pool.attribute("RuntimeInvisibleParameterAnnotations", content))
        if not member.flags & ACC["abstract"]:
            slots = 1 + 2 * len(member.parameters)
            code = (
                struct.pack(">HHI", 1, slots, len(THROW_NULL))
                + THROW_NULL
                + struct.pack(">HH", 0, 0)
            )
            attributes.append(pool.attribute("Code", code))
    head = struct.pack(
        ">HHHH", member.flags, pool.utf8(member.name), pool.utf8(member.descriptor), len(attributes)
    )
    return head + b"".join(attributes)
