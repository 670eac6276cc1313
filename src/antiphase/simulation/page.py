"""The HTML page of a report: text, numbers, pictures and tables; works off line."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from string import Template

from antiphase import __version__
from antiphase.simulation.traces import Figure

__all__ = ["Page", "Table", "write_page"]

Table = Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page shows, from top to bottom.

    Attributes
    ----------
    title, about, verdict : str
        Heading, a few sentences, and the one that matters most.
    notes : list of str
        What a reader must know before trusting the figures.
    numbers : list of (name, value, unit)
        The headline figures.
    sounds : list of (name, file)
        WAV files beside the page.
    figures : list of Figure
        Pictures.
    tables : list of (heading, rows)
        Names and values.
    footer : str
        What the figures mean, in small print.
    """

    title: str
    verdict: str
    about: str = ""
    notes: Sequence[str] = ()
    numbers: Sequence[tuple[str, str, str]] = ()
    sounds: Sequence[tuple[str, str]] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[tuple[str, Table]] = field(default_factory=tuple)
    footer: str = ""


def write_page(page: Page, path: str | Path) -> None:
    """Write a page and, beside it, the script that draws its pictures.

    Parameters
    ----------
    page : Page
        What to show.
    path : str or Path
        The HTML file, in a folder that exists.
    """
    path = Path(path)
    script = resources.files("plotly") / "package_data" / "plotly.min.js"
    with resources.as_file(script) as source:
        shutil.copyfile(source, path.parent / "plotly.min.js")
    path.write_text(_render(page), encoding="utf-8")


def _render(page: Page) -> str:
    data = {figure.name: {"data": figure.data, "layout": figure.layout} for figure in page.figures}
    template = Template(
        (Path(__file__).parent / "template" / "report.html").read_text(encoding="utf-8")
    )
    return template.substitute(
        title=html.escape(page.title),
        about=html.escape(page.about),
        verdict=html.escape(page.verdict),
        notes=_notes(page.notes),
        numbers="".join(_number(*entry) for entry in page.numbers),
        sounds="".join(_sound(*entry) for entry in page.sounds),
        figures="".join(_card(figure) for figure in page.figures),
        tables="".join(_table(*entry) for entry in page.tables),
        version=__version__,
        footer=html.escape(page.footer),
        # "</" would end the script element that the data sits in.
        data=json.dumps(data, ensure_ascii=False).replace("</", "<\\/"),
    )


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    return f'<div class="card notes">{"".join(f"<p>{html.escape(w)}</p>" for w in notes)}</div>'


def _number(name: str, value: str, unit: str) -> str:
    unit = "" if value == "–" else unit
    return (
        f'<div class="card number"><div class="value">{html.escape(value)} '
        f'<small>{html.escape(unit)}</small></div><div class="name">{html.escape(name)}</div></div>'
    )


def _sound(name: str, file: str) -> str:
    name, file = html.escape(name), html.escape(file)
    return (
        f'<div class="card"><h2>{name}</h2><span class="caption">{file}, same gain for both</span>'
        f'<audio controls preload="none" src="{file}" aria-label="{name}"></audio></div>'
    )


def _card(figure: Figure) -> str:
    wide = " wide" if figure.wide else ""
    title, caption = html.escape(figure.title), html.escape(figure.caption)
    return (
        f'<div class="card{wide}"><h2>{title}</h2><p class="caption">{caption}</p>'
        f'<div class="plot" id="{figure.name}" role="img" aria-label="{title}"></div></div>'
    )


def _key(name: str) -> str:
    """Return a name that a narrow page breaks between its parts."""
    return re.sub(r"([._])", r"\1<wbr>", html.escape(name))


def _table(heading: str, rows: Table) -> str:
    cells = (f'<tr><th scope="row">{_key(a)}</th><td>{html.escape(b)}</td></tr>' for a, b in rows)
    return f'<div class="card"><h2>{html.escape(heading)}</h2><table>{"".join(cells)}</table></div>'
