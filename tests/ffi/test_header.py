#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Feeds the public headers to a plain C parser, and makes sure that the parser
would object: test_header.py INCLUDE PYTHON_DIRECTORY."""

import os
import sys
import unittest

include, modules = sys.argv[1:]
sys.path.insert(0, modules)

import cheader  # noqa: E402


def application_headers():
    directory = os.path.join(include, "vfs")
    return sorted(name for name in os.listdir(directory)
                  if name.endswith(".h"))


class PublicHeaders(unittest.TestCase):
    def test_umbrella__parses(self):
        header = cheader.read_header("vfs/vfs.h", [include])
        self.assertGreater(len(header.functions), 100)
        self.assertIsNone(header.structs["vfs_task"])
        self.assertEqual(header.structs["vfs_timespec"][1].name, "nsec")

    def test_umbrella__includes_every_other_header(self):
        whole = cheader.read_header("vfs/vfs.h", [include])
        for name in application_headers():
            part = cheader.read_header("vfs/" + name, [include])
            for function in part.functions:
                self.assertIn(function, whole.functions, name)
            for thing in part.objects:
                self.assertIn(thing, whole.objects, name)

    def test_names__all_begin_with_vfs(self):
        header = cheader.read_header("vfs/vfs.h", [include])
        for name in [*header.functions, *header.structs]:
            self.assertRegex(name, r"^vfs(_[a-z0-9]+)*$")
        for name in header.constants:
            self.assertTrue(name.startswith("VFS_"), name)

    def test_calls__take_the_task_first(self):
        """The rule that makes the manual pages the manual."""
        header = cheader.read_header("vfs/file.h", [include])
        for function in header.functions.values():
            if function.name.startswith(("vfs_version", "vfs_strerror",
                                         "vfs_errno_name")):
                continue
            first = function.parameters[0].type
            self.assertEqual((first.base, first.pointers),
                             ("struct vfs_task", 1), function.name)

    def test_results__are_int_int64_or_a_handle(self):
        header = cheader.read_header("vfs/vfs.h", [include])
        for function in header.functions.values():
            result = function.result
            good = result.pointers == 1 or result.base in (
                "int", "int32_t", "uint32_t", "int64_t", "void")
            self.assertTrue(good, function)


class Refusals(unittest.TestCase):
    """The parser is of use only if it refuses."""

    REFUSED = {
        "bit-field": "struct s { uint32_t a : 3; };",
        "inline": "inline int f(void) { return 0; }",
        "static": "static int f(void);",
        "body": "int f(void) { return 0; }",
        "struct argument": "struct s { int a; }; int f(struct s s);",
        "struct result": "struct s { int a; }; struct s f(void);",
        "varargs": "int f(const char *format, ...);",
        "varargs only": "int f(...);",
        "union": "union u { int a; };",
        "anonymous union": "struct s { union { int a; } u; };",
        "typedef": "typedef int t;",
        "long": "long f(void);",
        "off_t": "int f(off_t offset);",
        "FILE": "int f(FILE *stream);",
        "long double": "int f(long double d);",
        "double": "int f(double d);",
        "bool": "struct s { bool b; };",
        "variable": "extern int v;",
        "exported pointer": "extern const char *v;",
        "writable object": "struct s; extern struct s v;",
        "linkage": "extern \"C\" { }",
        "plain variable": "int v;",
        "attribute": "__attribute__((pure)) int f(void);",
        "no prototype": "int f();",
        "incomplete member": "struct s { struct t t; };",
        "flexible array": "struct s { int n; char a[]; };",
        "void parameter": "int f(int a, void b);",
        "two declarations": "int f(int a); int f(uint32_t a);",
        "no semicolon": "int f(void)",
    }

    ACCEPTED = {
        "opaque": "struct s;",
        "members": "struct s { uint32_t a, b; const char *c; int d[4]; };",
        "callback": "struct s { void (*f)(void *c, const char *m); };",
        "nested": "struct s { int a; }; struct t { struct s s[2]; };",
        "enum": "enum e { A = 1, B, C = 1 << 4, };",
        "pointers": "const char *f(struct s **out, const void *const *p);",
        "object": "struct s; extern const struct s v;",
        "array": "int f(int fds[2]);",
    }

    def test_parser__refuses(self):
        for name, text in self.REFUSED.items():
            with self.subTest(name), self.assertRaises(cheader.HeaderError):
                cheader.parse_text(text)

    def test_parser__accepts(self):
        for name, text in self.ACCEPTED.items():
            with self.subTest(name):
                cheader.parse_text(text)

    def test_parser__names_the_line(self):
        with self.assertRaisesRegex(cheader.HeaderError, "text:3"):
            cheader.parse_text("struct s;\n/* a\n*/ typedef int t;\n")

    def test_parser__understands_constants(self):
        header = cheader.parse_text("enum e { A = 0x10u, B, C = ~0 & 017 };")
        self.assertEqual(header.constants, {"A": 16, "B": 17, "C": 15})


unittest.main(argv=sys.argv[:1])
