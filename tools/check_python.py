"""Stop with one clear line when the interpreter is too old to build with."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the check is for interpreters that are too old
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit(f"Python {found} is too old: run make with PYTHON=python3.11 or newer")
