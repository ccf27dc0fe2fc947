# SPDX-License-Identifier: MIT
"""Turns a parsed header into ctypes classes and functions."""

import ctypes

import cheader

SCALARS = {
    "char": ctypes.c_char, "int": ctypes.c_int, "size_t": ctypes.c_size_t,
    "int8_t": ctypes.c_int8, "uint8_t": ctypes.c_uint8,
    "int16_t": ctypes.c_int16, "uint16_t": ctypes.c_uint16,
    "int32_t": ctypes.c_int32, "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64,
}


class Binding:
    """The header's structures as attributes, and its functions when there is
    a library: binding.vfs_stat is the structure `struct vfs_stat` under
    binding.structs, and the call under binding.calls."""

    def __init__(self, header, library=None):
        self.header = header
        self.constants = header.constants
        self.structs = {
            name: type(name, (ctypes.Structure,), {})
            for name in header.structs
        }
        for name, members in header.structs.items():
            if members is not None:
                self._define(name)
        self.calls = _Calls()
        if library is not None:
            for function in header.functions.values():
                self._bind(library, function)
            for name, base in header.objects.items():
                pointer = ctypes.POINTER(self.structs[base[7:]])
                address = ctypes.addressof(ctypes.c_char.in_dll(library, name))
                setattr(self.calls, name, ctypes.cast(address, pointer))

    def _define(self, name):
        """Gives a structure its members, those that it contains first."""
        structure = self.structs[name]
        if hasattr(structure, "_fields_"):
            return
        members = self.header.structs[name]
        for member in members:
            inner = member.type.base.removeprefix("struct ")
            if inner != member.type.base and not member.type.pointers:
                self._define(inner)
        structure._fields_ = [
            (member.name, self.ctype(member.type)) for member in members
        ]

    def ctype(self, type_, parameter=False):
        if type_.function is not None:
            return ctypes.CFUNCTYPE(
                self.ctype(type_.function.result),
                *(self.ctype(p.type, True) for p in type_.function.parameters))
        pointers = type_.pointers
        if parameter and type_.array is not None:
            pointers += 1  # as C has it
        if pointers and type_.base == "void":
            made = ctypes.c_void_p
            pointers -= 1
        elif pointers and type_.base == "char" and type_.const:
            made = ctypes.c_char_p
            pointers -= 1
        elif type_.base == "void":
            return None
        elif type_.base.startswith("struct "):
            made = self.structs[type_.base[7:]]
        else:
            made = SCALARS[type_.base]
        for _ in range(pointers):
            made = ctypes.POINTER(made)
        if type_.array is not None and not parameter:
            made = made * type_.array
        return made

    def _bind(self, library, function):
        call = getattr(library, function.name)
        call.restype = self.ctype(function.result)
        call.argtypes = [self.ctype(p.type, True) for p in function.parameters]
        setattr(self.calls, function.name, call)


class _Calls:
    """Holds the functions, and pointers to the objects, by name."""


def load(header_name, directories, library_path=None):
    header = cheader.read_header(header_name, directories)
    library = ctypes.CDLL(library_path) if library_path else None
    return Binding(header, library)
