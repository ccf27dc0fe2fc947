# SPDX-License-Identifier: MIT
"""Reads C headers that keep to what every language's FFI can call.

The accepted language is small on purpose: declarations of structures with
fixed-width members, enumerations, constants and functions. Anything else,
such as a bit-field, an inline function, a union, variable arguments or a
structure passed by value, raises HeaderError with the file and line. No C
compiler is needed: the few preprocessor lines a header has are handled here.

    header = read_header("vfs/vfs.h", ["/usr/include"])
    header.structs, header.functions, header.constants
"""

import os
import re
from dataclasses import dataclass, field

SCALARS = {
    "void", "char", "int", "size_t",
    "int8_t", "int16_t", "int32_t", "int64_t",
    "uint8_t", "uint16_t", "uint32_t", "uint64_t",
}
BUILTIN_CONSTANTS = {
    "INT32_MAX": 2**31 - 1, "UINT32_MAX": 2**32 - 1,
    "INT64_MAX": 2**63 - 1, "UINT64_MAX": 2**64 - 1,
}
SYSTEM_HEADERS = {"stddef.h", "stdint.h"}


class HeaderError(Exception):
    """The header has something that an FFI could not use."""


@dataclass(frozen=True)
class Type:
    """A scalar's name or "struct NAME", under pointers or in an array."""

    base: str
    pointers: int = 0
    const: bool = False  # what the outermost pointer leads to is const
    array: int | None = None
    function: "Function | None" = None  # a pointer to a function


@dataclass(frozen=True)
class Member:
    name: str
    type: Type


@dataclass(frozen=True)
class Function:
    name: str
    result: Type
    parameters: tuple


@dataclass
class Header:
    """structs: members by name, None for an opaque one. objects: constant
    structures of the library, by name; what they hold is its own matter."""

    structs: dict = field(default_factory=dict)
    objects: dict = field(default_factory=dict)
    functions: dict = field(default_factory=dict)
    constants: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Token:
    text: str
    where: str


# ---- the preprocessor ----

_LEXEMES = re.compile(
    r"\s+|(?P<token>[A-Za-z_]\w*|0[xX][0-9a-fA-F]+[uUlL]*|[0-9]+[uUlL]*"
    r"|\.\.\.|\"[^\"\n]*\"|[-+*/%(){}\[\],;:=<>|&~^!.#?])"
)


def _blank_comments(text):
    """Comments become blanks; lines stay where they are."""
    def blank(match):
        return " " + "\n" * match.group(0).count("\n")

    return re.sub(r"/\*.*?\*/|//[^\n]*", blank, text, flags=re.S)


class _Reader:
    """Runs the directives of a header and those it includes, once each."""

    def __init__(self, directories, defines):
        self.directories = directories
        self.macros = dict(defines)
        self.constants = {}
        self.tokens = []
        self.done = set()

    def include(self, name, where):
        if name in SYSTEM_HEADERS or name in self.done:
            return
        for directory in self.directories:
            path = os.path.join(directory, name)
            if os.path.isfile(path):
                self.done.add(name)
                self.read(path)
                return
        raise HeaderError(f"{where}: <{name}> is not found")

    def read(self, path):
        with open(path, encoding="utf-8") as file:
            text = _blank_comments(file.read())
        active = [True]
        lines = text.split("\n")
        number = 0
        while number < len(lines):
            line = lines[number]
            where = f"{path}:{number + 1}"
            while line.endswith("\\") and number + 1 < len(lines):
                number += 1
                line = line[:-1] + lines[number]
            number += 1
            if line.lstrip().startswith("#"):
                self.directive(line.lstrip()[1:].strip(), active, where)
            elif all(active):
                self.tokens.extend(self.expand(line, where))
        if len(active) != 1:
            raise HeaderError(f"{path}: #if without #endif")

    def directive(self, line, active, where):
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word in ("ifdef", "ifndef"):
            active.append((rest in self.macros) == (word == "ifdef"))
        elif word == "if":
            active.append(self.condition(rest, where))
        elif word == "else":
            active[-1] = not active[-1]
        elif word == "endif":
            active.pop()
        elif not all(active):
            return
        elif word == "include":
            self.include(rest.strip("<>\""), where)
        elif word == "define":
            self.define(rest, where)
        else:
            raise HeaderError(f"{where}: #{word} is not accepted")

    def condition(self, text, where):
        match = re.fullmatch(r"(!?)\s*defined\s*\(?\s*(\w+)\s*\)?", text)
        if not match:
            raise HeaderError(f"{where}: #if {text} is not accepted")
        return (match.group(2) in self.macros) != bool(match.group(1))

    def define(self, text, where):
        match = re.match(r"(\w+)(\(?)(.*)", text)
        if match.group(2):
            raise HeaderError(f"{where}: {match.group(1)} is a macro with "
                              "arguments")
        name, value = match.group(1), match.group(3).strip()
        self.macros[name] = value
        if value:
            known = {**BUILTIN_CONSTANTS, **self.constants}
            self.constants[name] = evaluate(value, known, where)

    def expand(self, line, where):
        for token in tokenize(line, where):
            replacement = self.macros.get(token.text)
            if replacement is None:
                yield token
            else:
                yield from tokenize(replacement, where)


def tokenize(text, where):
    at = 0
    while at < len(text):
        match = _LEXEMES.match(text, at)
        if not match:
            raise HeaderError(f"{where}: unexpected {text[at]!r}")
        at = match.end()
        if match.group("token"):
            yield Token(match.group("token"), where)


def evaluate(text, names, where):
    """The value of a constant expression of integers."""
    python = []
    for token in tokenize(text, where):
        word = token.text
        if re.match(r"[0-9]", word):
            digits = word.rstrip("uUlL")
            octal = re.fullmatch(r"0[0-7]+", digits)
            python.append(str(int(digits, 8 if octal else 0)))
        elif word in names:
            python.append(str(names[word]))
        elif word in ("UINT64_C", "INT64_C", "UINT32_C", "INT32_C"):
            continue
        elif word in "()|&~^+-*<>":
            python.append(word)
        else:
            raise HeaderError(f"{where}: {word!r} in a constant")
    joined = " ".join(python).replace("< <", "<<").replace("> >", ">>")
    try:
        return int(eval(joined, {"__builtins__": {}}))
    except (SyntaxError, TypeError) as error:
        raise HeaderError(f"{where}: {text!r} is no constant") from error


# ---- the parser ----


class _Parser:
    def __init__(self, tokens, header):
        self.tokens = tokens
        self.at = 0
        self.header = header

    def peek(self):
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def where(self):
        index = min(self.at, len(self.tokens) - 1)
        return self.tokens[index].where if self.tokens else "?"

    def fail(self, message):
        raise HeaderError(f"{self.where()}: {message}")

    def take(self, expected=None):
        text = self.peek()
        if not text or (expected is not None and text != expected):
            self.fail(f"{expected or 'more'} expected, not "
                      f"{text or 'the end'!r}")
        self.at += 1
        return text

    def accept(self, text):
        if self.peek() != text:
            return False
        self.at += 1
        return True

    def name(self):
        text = self.take()
        if not re.match(r"[A-Za-z_]", text):
            self.at -= 1
            self.fail(f"a name expected, not {text!r}")
        return text

    def parse(self):
        while self.peek():
            self.declaration()

    def declaration(self):
        self.refuse_words()
        following = [token.text for token in
                     self.tokens[self.at:self.at + 3]]
        if self.peek() == "struct" and following[2:] in (["{"], [";"]):
            self.struct()
        elif self.peek() == "enum":
            self.enum()
        elif self.accept("extern"):
            self.object()
        else:
            self.prototype()

    def refuse_words(self):
        refused = {
            "static": "a static function is not in the library",
            "inline": "an inline function is not in the library",
            "__extension__": "a compiler's extensions are not accepted",
            "typedef": "typedefs are not accepted",
            "union": "unions are not accepted",
            "__attribute__": "attributes are not accepted",
        }
        if self.peek() in refused:
            self.fail(refused[self.peek()])

    def struct(self):
        self.take("struct")
        name = self.name()
        if self.accept(";"):
            self.header.structs.setdefault(name, None)
            return
        if self.header.structs.get(name) is not None:
            self.fail(f"struct {name} is defined twice")
        self.take("{")
        members = []
        while not self.accept("}"):
            members.extend(self.members())
        self.take(";")
        if not members:
            self.fail(f"struct {name} is empty")
        self.header.structs[name] = tuple(members)

    def members(self):
        self.refuse_words()
        base, const = self.base()
        found = []
        while True:
            found.append(self.member(base, const))
            if self.accept(";"):
                return found
            self.take(",")

    def member(self, base, const):
        type_, name = self.declarator(base, const)
        if self.peek() == ":":
            self.fail(f"{name} is a bit-field")
        if type_.pointers == 0 and type_.function is None:
            if type_.base == "void":
                self.fail(f"{name} is void")
            inner = type_.base.removeprefix("struct ")
            if inner != type_.base and not self.header.structs.get(inner):
                self.fail(f"{name} is of an incomplete structure")
        return Member(name, type_)

    def base(self):
        const = False
        while self.accept("const"):
            const = True
        word = self.name()
        if word == "struct":
            word = "struct " + self.name()
            self.header.structs.setdefault(word[7:], None)
        elif word not in SCALARS:
            self.at -= 1
            self.fail(f"the type {word!r} differs between platforms or "
                      "languages")
        while self.accept("const"):
            const = True
        return word, const

    def declarator(self, base, const):
        pointers = 0
        while self.accept("*"):
            pointers += 1
            while self.accept("const"):
                const = const or pointers > 1
        if self.accept("("):
            return self.function_pointer(Type(base, pointers, const))
        name = self.name() if re.match(r"[A-Za-z_]", self.peek()) else ""
        array = None
        if self.accept("["):
            words = []
            while not self.accept("]"):
                words.append(self.take())
            known = {**BUILTIN_CONSTANTS, **self.header.constants}
            array = evaluate(" ".join(words), known, self.where())
            if self.peek() == "[":
                self.fail(f"{name} has two dimensions")
        return Type(base, pointers, const, array), name

    def function_pointer(self, result):
        self.take("*")
        name = self.name()
        self.take(")")
        function = Function(name, result, self.parameters())
        return Type("void", 1, False, None, function), name

    def parameters(self):
        self.take("(")
        if self.peek() == ")":
            self.fail("() says nothing about parameters; (void) does")
        if self.tokens[self.at].text == "void" and \
                self.tokens[self.at + 1].text == ")":
            self.at += 2
            return ()
        found = []
        while True:
            if self.peek() == "...":
                self.fail("variable arguments cannot cross an FFI")
            base, const = self.base()
            type_, name = self.declarator(base, const)
            self.by_value(type_, name)
            found.append(Member(name, type_))
            if self.accept(")"):
                return tuple(found)
            self.take(",")

    def by_value(self, type_, name):
        if type_.pointers or type_.array is not None or type_.function:
            return
        if type_.base.startswith("struct "):
            self.fail(f"{name or type_.base}: a structure by value")
        if type_.base == "void":
            self.fail(f"{name} is void")

    def prototype(self):
        base, const = self.base()
        pointers = 0
        while self.accept("*"):
            pointers += 1
            while self.accept("const"):
                pass
        result = Type(base, pointers, const)
        if base.startswith("struct ") and not pointers:
            self.fail("a structure returned by value")
        name = self.name()
        if self.peek() != "(":
            self.fail(f"{name} is a variable")
        function = Function(name, result, self.parameters())
        if self.peek() == "{":
            self.fail(f"{name} has a body")
        self.take(";")
        if self.header.functions.setdefault(name, function) != function:
            self.fail(f"{name} is declared in two ways")

    def object(self):
        """`extern const struct NAME name;`: an address to hand on."""
        base, const = self.base()
        if not const or not base.startswith("struct "):
            self.fail("only constant structures may be exported")
        self.header.objects[self.name()] = base
        self.take(";")

    def enum(self):
        self.take("enum")
        if self.peek() != "{":
            self.name()
        self.take("{")
        following = 0
        while not self.accept("}"):
            name = self.name()
            if self.accept("="):
                words = []
                while self.peek() not in (",", "}"):
                    words.append(self.take())
                following = evaluate(" ".join(words), self.header.constants,
                                     self.where())
            self.header.constants[name] = following
            following += 1
            if self.peek() != "}":
                self.take(",")
        self.take(";")


def read_header(name, directories):
    """The header `name` and all it includes, from these directories."""
    reader = _Reader(directories, {"VFS_NO_ATTRIBUTES": ""})
    reader.include(name, "read_header")
    header = Header(constants=reader.constants)
    _Parser(reader.tokens, header).parse()
    return header


def parse_text(text):
    """Declarations without any preprocessor line; for tests."""
    header = Header()
    tokens = []
    for number, line in enumerate(_blank_comments(text).split("\n")):
        tokens.extend(tokenize(line, f"text:{number + 1}"))
    _Parser(tokens, header).parse()
    return header
