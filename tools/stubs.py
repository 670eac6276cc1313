"""Write `src/antiphase/_native/__init__.pyi` from the built kernel module (`make stubs`)."""

from __future__ import annotations

import importlib
from pathlib import Path

from nanobind.stubgen import StubGen

from antiphase import _native

TARGET = Path(__file__).resolve().parents[1] / "src" / "antiphase" / "_native" / "__init__.pyi"


def main() -> None:
    """Generate the stub and write it when it changed."""
    module = importlib.import_module(f"antiphase._native_{_native.ISA}")
    generator = StubGen(module)
    generator.put(module)
    text = generator.get().replace(f"antiphase._native_{_native.ISA}", "antiphase._native")
    text = text.replace(f"ISA: str = '{_native.ISA}'", "ISA: str")
    if not TARGET.exists() or TARGET.read_text() != text:
        TARGET.write_text(text)
        print(f"wrote {TARGET.name}")


if __name__ == "__main__":
    main()
