#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manual pages against the headers: every function of the application's
interface has its prototype in the synopsis of one page, as the header has it:
test_pages.py INCLUDE PYTHON_DIRECTORY PAGES_DIRECTORY."""

import os
import re
import shlex
import sys
import unittest

include, modules, pages = sys.argv[1:]
sys.path.insert(0, modules)

import cheader  # noqa: E402


def synopsis(path):
    """The lines of a page's synopsis, without what is for troff."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    found = re.search(r"^\.SH SYNOPSIS\n(.*?)^\.SH ", text, re.S | re.M)
    lines = []
    for line in found.group(1).split("\n") if found else ():
        if line.startswith((".BI ", ".B ", ".I ")):
            # the words of these are joined, and spaces are in quotes
            line = "".join(shlex.split(line.partition(" ")[2], posix=True)) \
                if line.startswith(".BI ") else line.partition(" ")[2]
        elif line.startswith("."):
            line = ""
        lines.append(line.replace("\\-", "-"))
    return "\n".join(lines)


def prototypes(path):
    """The functions of a page's synopsis, parsed, by name."""
    text = synopsis(path)
    found = re.findall(r"^((?:const |struct )*\w+ \**vfs_\w+\(.*?\);)", text,
                       re.S | re.M)
    functions = {}
    for prototype in found:
        if "..." in prototype or "vfs_mount_type(task" in prototype:
            continue  # a backend's, or a call
        header = cheader.parse_text(re.sub(r"\s+", " ", prototype))
        functions.update(header.functions)
    return functions


class Pages(unittest.TestCase):
    def setUp(self):
        self.header = cheader.read_header("vfs/vfs.h", [include])
        self.places = {}
        for name in sorted(os.listdir(pages)):
            if not re.search(r"\.[1-9]$", name):
                continue
            for function in prototypes(os.path.join(pages, name)).values():
                self.places.setdefault(function.name, []).append(
                    (name, function))

    def test_functions__each_has_one_page(self):
        for name in self.header.functions:
            where = [page for page, _ in self.places.get(name, ())]
            self.assertEqual(len(where), 1, f"{name}: {where}")

    def test_prototypes__are_the_headers(self):
        for name, function in self.header.functions.items():
            for page, other in self.places.get(name, ()):
                self.assertEqual(other, function, page)

    def test_headers__are_named_and_exist(self):
        for name in sorted(os.listdir(pages)):
            if not name.endswith(".3"):
                continue
            text = synopsis(os.path.join(pages, name))
            found = re.findall(r"#include <([\w/]+\.h)>", text)
            self.assertTrue(found, name)
            for header in found:
                self.assertTrue(os.path.isfile(os.path.join(include, header)),
                                f"{name}: {header}")

    def test_references__lead_to_pages(self):
        known = set(os.listdir(pages))
        functions = set(self.header.functions)
        for name in sorted(known):
            if not re.search(r"\.[1-9]$", name):
                continue
            with open(os.path.join(pages, name), encoding="utf-8") as file:
                text = file.read().replace("\\-", "-")
            for page, section in re.findall(
                    r"^\.[BI]R (vfs[\w-]*) \((\d)\)", text, re.M):
                self.assertTrue(f"{page}.{section}" in known or
                                page in functions,
                                f"{name}: {page}({section})")


unittest.main(argv=sys.argv[:1])
