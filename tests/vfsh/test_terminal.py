#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The shell on a terminal: prompt, Tab, Ctrl-C and the end of the input:
test_terminal.py VFSH editing|plain."""

import os
import pty
import select
import sys
import time
import unittest

vfsh, kind = sys.argv[1:]
TIMEOUT = 20


class Terminal(unittest.TestCase):
    def setUp(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.environ["TERM"] = "xterm"
                os.execv(vfsh, [vfsh])
            finally:
                os._exit(127)
        self.seen = b""
        self.reaped = False
        self.expect(b"vfs:/# ")

    def tearDown(self):
        os.close(self.fd)
        if not self.reaped:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)

    def expect(self, text):
        """Reads until text has come; what came before it is dropped."""
        end = time.monotonic() + TIMEOUT
        while text not in self.seen:
            left = end - time.monotonic()
            self.assertGreater(left, 0, f"{text!r} not in {self.seen!r}")
            if not select.select([self.fd], [], [], left)[0]:
                continue
            try:
                self.seen += os.read(self.fd, 65536)
            except OSError:
                self.fail(f"the end, and {text!r} not in {self.seen!r}")
        self.seen = self.seen.partition(text)[2]

    def send(self, text):
        os.write(self.fd, text)

    def status(self, again=None):
        """Waits for the end; again: what is sent until it comes. What is
        typed while the terminal changes its mode can get lost."""
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    os.read(self.fd, 65536)
                except OSError:
                    pass
            elif again:
                self.send(again)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.reaped = True
                return os.waitstatus_to_exitcode(status)
        self.fail("the shell does not end")

    def test_prompt__shows_where_and_who(self):
        self.send(b"mkdir -p /a/b; cd /a/b\n")
        self.expect(b"vfs:/a/b# ")
        self.send(b"su 7:7\n")
        self.expect(b"vfs:/a/b$ ")
        self.send(b"echo 'x\n")
        self.expect(b"> ")
        self.send(b"y'\n")
        self.expect(b"x\r\ny\r\n")
        self.send(b"exit 3\n")
        self.assertEqual(self.status(), 3)

    def test_interrupt__ends_the_command_not_the_shell(self):
        self.send(b"mkfifo p\n")
        self.expect(b"vfs:/# ")
        self.send(b"cat p\n")
        self.expect(b"cat p\r\n")
        # Too early, and the shell has not begun with it; it says so as well.
        time.sleep(0.2)
        self.send(b"\x03")
        self.expect(b"nterrupted")
        self.send(b"echo still here\n")
        self.expect(b"still here\r\n")
        self.send(b"exit\n")
        self.assertNotEqual(self.status(), 0)

    def test_end_of_input__ends_with_the_last_failure(self):
        self.send(b"cat /no\n")
        self.expect(b"No such file or directory")
        self.expect(b"vfs:/# ")
        self.assertEqual(self.status(again=b"\x04"), 1)

    @unittest.skipUnless(kind == "editing", "built without libedit")
    def test_tab__completes_commands_and_paths(self):
        self.send(b"mkdir -p /alpha/beta; write /alpha/beta/file found it\n")
        self.expect(b"vfs:/# ")
        self.send(b"ca\t/al\tbe\tfi\t\n")
        self.expect(b"found it\r\n")
        self.send(b"exit\n")
        self.assertEqual(self.status(), 0)


unittest.main(argv=sys.argv[:1])
