"""The infrastructure under checkov's rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra.checkov import scan, version
from tests.infra.terraform import ROOT


@pytest.mark.slow
def test_no_check_fails_and_each_skip_has_its_reason() -> None:
    """All rules hold, but those that a comment beside the resource argues away."""
    found = scan()
    assert found.failed == []
    assert found.passed > 1000
    assert all(len(reason.split()) >= 4 for reason in found.reasons.values())


@pytest.mark.slow
def test_an_open_bucket_is_found(tmp_path: Path) -> None:
    """The scan does look: a bucket without any protection fails."""
    (tmp_path / "main.tf").write_text('resource "aws_s3_bucket" "open" {\n  bucket = "open"\n}\n')
    assert any("aws_s3_bucket.open" in fault for fault in scan(tmp_path).failed)


@pytest.mark.slow
def test_the_pinned_version_scans() -> None:
    """`make test-all` has installed the version that requirements/checkov.txt pins."""
    pinned = (ROOT.parent / "requirements" / "checkov.txt").read_text().strip()
    assert f"checkov=={version()}" == pinned
