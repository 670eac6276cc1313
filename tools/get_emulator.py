"""Take the runtime interface emulator out of the wheel of `aws-sam-cli` (development only)."""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Download the wheel without its dependencies and keep the one binary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "aws-lambda-rie")
    out: Path = parser.parse_args().out
    machine = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    limits = ["-c", str(ROOT / "requirements" / "constraints.txt")]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*pip, "--no-deps", *limits, "-d", folder, "aws-sam-cli"], check=True)
        wheel = next(Path(folder).glob("aws_sam_cli-*.whl"))
        name = f"samcli/local/rapid/aws-lambda-rie-{machine}"
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(zipfile.ZipFile(wheel).read(name))
    out.chmod(0o755)
    print(out)


if __name__ == "__main__":
    main()
