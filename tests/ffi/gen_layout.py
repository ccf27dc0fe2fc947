#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a C program that prints how the compiler lays out every structure of
the public headers: gen_layout.py INCLUDE PYTHON_DIRECTORY OUTPUT."""

import sys


def main():
    include, modules, output = sys.argv[1:]
    sys.path.insert(0, modules)
    import cheader

    header = cheader.read_header("vfs/vfs.h", [include])
    lines = [
        "/* SPDX-License-Identifier: MIT */",
        "#include <stddef.h>",
        "#include <stdio.h>",
        "#include <vfs/vfs.h>",
        "",
        "int main(void)",
        "{",
    ]
    for name, members in header.structs.items():
        if members is None:
            continue
        lines.append(f'\tprintf("{name} %zu\\n", sizeof(struct {name}));')
        for member in members:
            lines.append(
                f'\tprintf("{name}.{member.name} %zu %zu\\n", '
                f"offsetof(struct {name}, {member.name}), "
                f"sizeof(((struct {name} *)0)->{member.name}));")
    for name, value in header.constants.items():
        lines.append(f'\tprintf("{name} = %llu\\n", '
                     f"(unsigned long long)({name}));")
    lines += ["\treturn 0;", "}", ""]
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


main()
