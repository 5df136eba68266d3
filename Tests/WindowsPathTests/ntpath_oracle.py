# SPDX-License-Identifier: Apache-2.0
"""Answers with ntpath's results for paths:

    ntpath_oracle.py INPUT OUTPUT FUNCTION...
    ntpath_oracle.py --pairs INPUT OUTPUT FUNCTION...

Both files are 16-bit little-endian numbers. A case is three paths, each its length and its units. The answer to
a case is for each FUNCTION (see FUNCTIONS) its length and that many numbers: each text's length and its units, or
ERROR alone where ntpath raises ValueError. True is the text "1", False is "0".

A surrogate pair is two characters here, as it is two units on Windows; with --pairs it is one, as in Python.
"""

import array
import importlib.util
import os
import sys

def load(name):
    """Loads a module from its file. An import would give the one that is frozen into the interpreter."""
    spec = importlib.util.spec_from_file_location(name, f"{os.environ['NTPATH_MODULES']}/{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


load("genericpath")
ntpath = load("ntpath")

CURRENT_DIRECTORY = "C:\\current\\dir"
os.getcwd = lambda: CURRENT_DIRECTORY

ERROR = 0xFFFF

FUNCTIONS = {
    "splitRoot": lambda a, b, c: ntpath.splitroot(a),
    "splitDrive": lambda a, b, c: ntpath.splitdrive(a),
    "split": lambda a, b, c: ntpath.split(a),
    "splitExtension": lambda a, b, c: ntpath.splitext(a),
    "normalized": lambda a, b, c: [ntpath.normpath(a)],
    "isAbsolute": lambda a, b, c: ["1" if ntpath.isabs(a) else "0"],
    "isReserved": lambda a, b, c: ["1" if ntpath.isreserved(a) else "0"],
    "fullPath": lambda a, b, c: [ntpath.abspath(a)],
    "join": lambda a, b, c: [ntpath.join(a, b)],
    "joinThree": lambda a, b, c: [ntpath.join(a, b, c)],
    "common": lambda a, b, c: [ntpath.commonpath([a, b])],
    "commonThree": lambda a, b, c: [ntpath.commonpath([a, b, c])],
    "relative": lambda a, b, c: [ntpath.relpath(a, b)],
}


def cases(numbers, decode):
    position = 0
    while position < len(numbers):
        paths = []
        for _ in range(3):
            start = position + 1
            position = start + numbers[position]
            paths.append(decode(numbers[start:position]))
        yield paths


def answer(function, case):
    try:
        texts = function(*case)
    except ValueError:
        return array.array("H", [ERROR])
    numbers = array.array("H")
    for text in texts:
        units = text.encode("utf-16-le", "surrogatepass")
        numbers.append(len(units) // 2)
        numbers.frombytes(units)
    return numbers


def main(*arguments):
    if arguments[0] == "--pairs":
        arguments = arguments[1:]
        decode = lambda units: units.tobytes().decode("utf-16-le", "surrogatepass")
    else:
        decode = lambda units: "".join(map(chr, units))
    source, target, *names = arguments
    functions = [FUNCTIONS[name] for name in names]
    numbers = array.array("H")
    with open(source, "rb") as file:
        numbers.frombytes(file.read())
    answers = array.array("H")
    for case in cases(numbers, decode):
        for function in functions:
            reply = answer(function, case)
            answers.append(len(reply))
            answers.extend(reply)
    with open(target, "wb") as file:
        answers.tofile(file)


if __name__ == "__main__":
    assert sys.byteorder == "little"
    main(*sys.argv[1:])
