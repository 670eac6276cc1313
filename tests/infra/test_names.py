"""Names that Terraform and the code must spell alike."""

from __future__ import annotations

import re
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

from antiphase.region import handler, settings
from antiphase.storage.redis_urls import open_redis
from edge import config
from edge.build import build
from tests.infra.terraform import ROOT


def text(module: str) -> str:
    """Return a module's files as one text."""
    return "".join(path.read_text() for path in sorted((ROOT / "modules" / module).glob("*.tf")))


def test_the_regions_entry_point_is_there() -> None:
    """The image is started with a handler that can be called."""
    (name,) = re.findall(r'command\s+= \["([\w.]+)"\]', text("region"))
    module, _, function = name.rpartition(".")
    assert callable(getattr(import_module(module), function))


def test_the_region_reads_what_it_is_given() -> None:
    """Each variable of the function's environment is one that the code reads."""
    assert set(re.findall(r"\bANTIPHASE_\w+", text("region"))) == {
        settings.CONFIG,
        settings.STATES,
    }


def test_the_address_of_the_states_is_one_that_the_code_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The address that the module composes is opened."""
    (template,) = re.findall(r'ANTIPHASE_STATES = "(.*?)" }', text("region"))
    values = {"user": "u", "endpoint": "h", "port": "6379", "group": "g", "region": "eu-west-1"}
    address = re.sub(r"\$\{[\w.]*?(\w+)\}", lambda found: values[found[1]], template)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    open_redis("states_url", address).close()


def test_the_edges_entry_point_is_in_its_package(tmp_path: Path) -> None:
    """The handler that the function names is in the zip."""
    (name,) = re.findall(r'handler\s+= "([\w.]+)"', text("edge"))
    module, _, function = name.rpartition(".")
    package = tmp_path / "edge.zip"
    build({"keys": {"1": "00" * 32}}, package)
    source = zipfile.ZipFile(package).read(f"{module.replace('.', '/')}.py").decode()
    assert f"def {function}(event" in source


@pytest.mark.parametrize("module", ["waf", "edge", "region"])
def test_blocks_have_one_path(module: str) -> None:
    """Firewall, distribution and API route the path that both functions serve."""
    assert config.PATH == handler.PATH
    paths = set(re.findall(r'(?:"|POST |/)(/anc[\w-]*)"', text(module)))
    assert paths <= {config.PATH}
    assert config.PATH in text(module)


def test_the_dashboard_shows_rules_that_there_are() -> None:
    """Each rule of the firewall on the dashboard is one of the firewall's."""
    waf = text("waf")
    shown = set(
        re.findall(
            r'"([\w-]+)"', " ".join(re.findall(r"for rule in \[(.*?)\]", text("observability")))
        )
    )
    own = set(re.findall(r'^    name     = "([\w-]+)"', waf, re.MULTILINE))
    groups = set(re.findall(r"^    ([\w-]+)\s+= \{(?:$| group)", waf, re.MULTILINE))
    assert shown
    assert shown <= own | groups
