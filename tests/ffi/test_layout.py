#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The binding's structures and constants against the C compiler's:
test_layout.py INCLUDE PYTHON_DIRECTORY PROGRAM."""

import ctypes
import subprocess
import sys
import unittest

include, modules, program = sys.argv[1:]
sys.path.insert(0, modules)

import cbinding  # noqa: E402


class Layout(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.binding = cbinding.load("vfs/vfs.h", [include])
        output = subprocess.run([program], check=True, capture_output=True,
                                text=True).stdout
        cls.lines = set(output.splitlines())

    def complete(self):
        for name, members in self.binding.header.structs.items():
            if members is not None:
                yield name, self.binding.structs[name]

    def test_structs__same_as_the_compilers(self):
        expected = set()
        for name, structure in self.complete():
            expected.add(f"{name} {ctypes.sizeof(structure)}")
            for field, _ in structure._fields_:
                place = getattr(structure, field)
                expected.add(f"{name}.{field} {place.offset} {place.size}")
        printed = {line for line in self.lines if " = " not in line}
        self.assertGreater(len(expected), 60)
        self.assertEqual(expected, printed)

    def test_structs__have_no_hidden_padding(self):
        for name, structure in self.complete():
            end = 0
            for field, _ in structure._fields_:
                place = getattr(structure, field)
                self.assertEqual(place.offset, end, f"{name}.{field}")
                end += place.size
            self.assertEqual(ctypes.sizeof(structure), end, name)

    def test_constants__same_as_the_compilers(self):
        expected = {f"{name} = {value}" for name, value in
                    self.binding.constants.items()}
        self.assertIn("VFS_CAP_ALL = 2199023255551", expected)
        self.assertEqual(expected,
                         {line for line in self.lines if " = " in line})

    def test_structs__same_as_the_hosts(self):
        """Those that the documentation promises."""
        sizes = {name: ctypes.sizeof(s) for name, s in self.complete()}
        self.assertEqual(sizes["vfs_open_how"], 24)
        self.assertEqual(sizes["vfs_pollfd"], 8)
        self.assertEqual(sizes["vfs_iovec"], 2 * ctypes.sizeof(
            ctypes.c_void_p))
        self.assertEqual(self.binding.structs["vfs_dirent"].name.offset, 19)


unittest.main(argv=sys.argv[:1])
