# SPDX-License-Identifier: MIT
"""Runs one cheap row of the benchmark and checks the form of its output:
check-json.py VFS-BENCH. Figures are not judged, but they must be there."""

import json
import subprocess
import sys


def check(lines):
    environment = json.loads(lines[0])["environment"]
    assert environment["system"].startswith("libvfs "), environment
    assert environment["kernel_tree"], environment
    names = []
    for line in lines[1:]:
        result = json.loads(line)
        assert result["row"] == 4, result
        assert result["figure"] > 0, result
        assert isinstance(result["met"], bool), result
        if result["kernel"] is not None:
            ratio = result["kernel"] / result["libvfs"]
            assert abs(ratio / result["figure"] - 1) < 1e-3, result
        names.append(result["name"])
    assert names == ["fstat", "fstat itself"], names


def main():
    program = sys.argv[1]
    done = subprocess.run(
        [program, "--quick", "--json", "--filter", "fstat"],
        stdout=subprocess.PIPE,
        universal_newlines=True,
        check=True,
    )
    check(done.stdout.splitlines())
    listed = subprocess.run(
        [program, "--list", "--filter", "1-3"],
        stdout=subprocess.PIPE,
        universal_newlines=True,
        check=True,
    ).stdout.splitlines()
    assert [int(line.split()[0]) for line in listed] == [1, 2, 3], listed
    wrong = subprocess.run(
        [program, "--filter", "no such row"], stderr=subprocess.DEVNULL
    )
    assert wrong.returncode == 2, wrong


if __name__ == "__main__":
    main()
