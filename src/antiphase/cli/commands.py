"""The command line: wires, computes nothing.

Each command loads what it needs when it runs, after it has looked at its arguments.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Annotated

import typer

from antiphase import __version__
from antiphase.cli.cost import cost
from antiphase.cli.device import device
from antiphase.cli.latency import latency
from antiphase.cli.live import rig
from antiphase.cli.options import Changes, JsonFlag, sweeps, values
from antiphase.cli.screen import (
    bar,
    cliff_table,
    escape,
    open_page,
    plan_table,
    scan_table,
    screen,
    show_summary,
    status,
    tell,
)
from antiphase.cli.serve import serve
from antiphase.errors import AntiphaseError, FileFormatError, ParameterError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Active noise control on a physical plant, with the bound that physics allows.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serve)
app.command()(rig)
app.command()(latency)
app.command()(cost)
app.add_typer(device, name="device")

_SCENARIOS = "duct, headset, office, road, transformer, window"
Position = Annotated[str, typer.Option(metavar="X,Y,Z", help="Place in m; z above the ground.")]


def main() -> None:
    """Run the command line; a fault is one line on stderr and exit code 2."""
    try:
        app()
    except AntiphaseError as error:
        status.print(f"[red]error:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise SystemExit(2) from None


@app.callback(invoke_without_command=True)
def _antiphase(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(f"antiphase {__version__}")
        raise typer.Exit


@app.command()
def simulate(
    scenario: Annotated[
        str, typer.Argument(metavar="FILE.toml|NAME", help=f"A file, or {_SCENARIOS}.")
    ],
    out: Annotated[Path | None, typer.Option(help="Folder of the report.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of the run.")] = None,
    changes: Changes = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse to start what the stability check warns of.")
    ] = False,
    show: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Run a scenario, say how close to the bound it is and why not closer, write a report."""
    changed = values(changes)
    if seconds is not None:
        changed["seconds"] = seconds

    from antiphase.simulation.report import summarise, write_report
    from antiphase.simulation.scenario import load_scenario
    from antiphase.simulation.study import run_study

    chosen = load_scenario(scenario, changed)
    if chosen.generated and not as_json:
        screen.print("[yellow]The recording and the paths are generated, not measured.[/yellow]")
    with bar(chosen.title) as progress:
        study = run_study(chosen, strict=strict, progress=progress)
    files = write_report(study, out or Path("reports") / Path(scenario).stem)
    summary = {**summarise(study), "report": str(files.page)}
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False))
    else:
        show_summary(summary)
    if show:
        open_page(files.page)


@app.command()
def plan(  # noqa: PLR0917 - typer reads the signature
    noise: Annotated[str, typer.Argument(help="A recording, or white, band, traffic, hum, …")],
    source: Position = "0,0,0.5",
    reference: Position = "0.5,0,0.5",
    loudspeaker: Position = "19.22,0,1.2",
    listener: Position = "20,0,1.2",
    paths: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--paths", metavar="PRIMARY SECONDARY", help="Measured, instead of places."),
    ] = None,
    device: Annotated[float, typer.Option(help="Latency of the device, ms.")] = 2.0,
    network: Annotated[float, typer.Option(help="One way over the network, ms.")] = 20.0,
    frame: Annotated[float, typer.Option(help="Length of a packet, ms.")] = 5.0,
    buffer: Annotated[float, typer.Option(help="Jitter buffers, ms.")] = 10.0,
    ambient: Annotated[float, typer.Option(help="Ambient noise re the noise, dB.")] = -30.0,
    taps: Annotated[int, typer.Option(help="Length of the control filter.")] = 512,
    seconds: Annotated[float, typer.Option(help="Length of noise to look at.")] = 20.0,
    cliff: Annotated[
        bool, typer.Option("--cliff", help="Also the bound over the causality margin.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say how many dB a place and its latencies allow, by mode and band, before it is built."""
    places = [_place(text) for text in (source, reference, listener, loudspeaker)]

    from antiphase.simulation.cliff import noise_cliff
    from antiphase.simulation.measurement import load_site
    from antiphase.simulation.planner import plan as make_plan
    from antiphase.simulation.scene import load_noise
    from antiphase.simulation.site import Latency, Site

    site = Site.outdoors(*places) if paths is None else load_site(*paths)
    latency = Latency(device_ms=device, network_ms=network, frame_ms=frame, buffer_ms=buffer)
    with bar("plan") as progress:
        progress("solving for the bounds", 0)
        emitted = load_noise(noise, site.fs, seconds=seconds)
        found = make_plan(emitted, site, latency, n_taps=taps, ambient_db=ambient)
        progress("solving for the cliff", 0.5)
        table = (
            noise_cliff(noise, emitted, site, n_taps=taps, ambient_db=ambient) if cliff else None
        )
    if as_json:
        rows = {} if table is None else {"cliff": table.to_json()}
        typer.echo(json.dumps({"plan": found.to_json(), **rows}, ensure_ascii=False))
        return
    screen.print(plan_table(found))
    if table is not None:
        screen.print(cliff_table(table))
    screen.print(escape(found.verdict), highlight=False)


@app.command()
def identify(
    recordings: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RECORDING...", help="One per loudspeaker; channels are microphones."
        ),
    ] = None,
    sweep_file: Annotated[
        Path | None, typer.Option("--write-sweep", help="Write the sweep to play, and stop.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The path file; its page goes beside it.")] = (
        Path("paths.npz")
    ),
    taps: Annotated[int, typer.Option(help="Length of the impulse responses.")] = 4096,
    seconds: Annotated[float, typer.Option(help="Length of the sweep.")] = 5.0,
    low: Annotated[float, typer.Option(help="Its lowest frequency, Hz.")] = 20.0,
    high: Annotated[float | None, typer.Option(help="Its highest; default .475 × rate.")] = None,
    fs: Annotated[float, typer.Option(help="Rate of the sweep file, Hz.")] = 48000.0,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Measure paths: write a sweep, play and record it, then give the recordings."""
    if sweep_file is None and not recordings:
        raise ParameterError("RECORDING", None, "given, or --write-sweep to make the sweep to play")

    from antiphase.identify import ExponentialSweep
    from antiphase.simulation.measurement import measure_paths, write_measurement, write_sweep

    if sweep_file is not None:
        sweep = ExponentialSweep(fs, seconds=seconds, low_hz=low, high_hz=high)
        write_sweep(sweep_file, sweep)
        options = f"--seconds {seconds:g} --low {low:g} --high {sweep.high_hz:g}"
        tell(
            as_json,
            {"sweep": str(sweep_file), "options": options},
            f"{sweep_file} written. Start with the volume low. Play it, record from its first "
            f"sample on, then: antiphase identify RECORDING.wav {options}",
        )
        return
    measured = measure_paths(
        recordings or [], n_taps=taps, seconds=seconds, low_hz=low, high_hz=high
    )
    page = write_measurement(measured, out)
    found = {**measured.to_json(), "paths": str(out), "report": str(page)}
    tell(as_json, found, f"{measured.verdict}\npaths: {out}\nreport: {page}")
    if show:
        open_page(page)


@app.command()
def scan(
    scenarios: Annotated[list[str], typer.Argument(metavar="FILE.toml|NAME...")],
    out: Annotated[Path, typer.Option(help="The Parquet file; finished cases in it are kept.")] = (
        Path("scan.parquet")
    ),
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=A,B,C", help="Values that a key takes in turn."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Runs of each with different seeds.")] = 1,
    seconds: Annotated[float | None, typer.Option(help="Length of each run.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.")] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help='A Ray cluster, or "local".')
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run every combination of scenarios, values and seeds; stop and run again to go on."""
    options = sweeps(changes)
    if seconds is not None:
        options["seconds"] = [seconds]

    from antiphase.simulation.scan import make_cases, run_scan

    cases = make_cases(scenarios, options, seeds=seeds)
    with bar("scan") as progress:
        result = run_scan(
            cases,
            out,
            workers=workers,
            ray=ray,
            progress=lambda done, total: progress(f"{done} of {total} cases", done / max(total, 1)),
        )
    counts = {name: getattr(result, name) for name in ("total", "ran", "kept", "failed")}
    if as_json:
        typer.echo(json.dumps({**counts, "out": str(result.path)}))
    else:
        screen.print(scan_table(result.rows, list(options)))
        screen.print(", ".join(f"{name} {count}" for name, count in counts.items()))
        screen.print(f"rows in {escape(str(result.path))}", soft_wrap=True)
    if result.failed:
        raise typer.Exit(1)


@app.command("edge-front")
def edge_front(
    config: Annotated[Path, typer.Option(help="The file that the edge was built from.")],
    package: Annotated[Path, typer.Option(help="Zip of `python -m edge.build`.")] = Path(
        "build/edge.zip"
    ),
    port: Annotated[int, typer.Option(help="Where to listen.")] = 8000,
    region_port: Annotated[int, typer.Option(help="Where the region listens.")] = 8080,
    instances: Annotated[int, typer.Option(help="Concurrency cap.")] = 2,
    latency_ms: Annotated[float, typer.Option(help="Added to each request.")] = 0.0,
    failures: Annotated[float, typer.Option(help="Share of requests that fail, 0 to 1.")] = 0.0,
) -> None:
    """Stand in for the CDN: the edge function on the platform's emulator, the region behind it."""
    from antiphase.region.stack import edge_stack

    with (
        tempfile.TemporaryDirectory() as folder,
        edge_stack(
            package,
            config,
            Path(folder),
            port=port,
            region_port=region_port,
            instances=instances,
            latency_ms=latency_ms,
            failures=failures,
        ) as (url, region),
        contextlib.suppress(KeyboardInterrupt),
    ):
        tell(False, {}, f"edge at {url}, region at {region}; Ctrl-C ends both")
        threading.Event().wait()


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="kernels, control, …; see benchmarks/.")],
) -> None:
    """Run a benchmark of the source tree: python -m benchmarks.NAME, options passed on."""
    candidates = [Path.cwd(), Path(__file__).resolve().parents[2]]
    root = next((folder for folder in candidates if (folder / "benchmarks").is_dir()), None)
    if root is None:
        raise FileFormatError("no benchmarks here: run this in a checkout of the repository")
    found = sorted(file.stem for file in (root / "benchmarks").glob("[a-z]*.py"))
    if name not in found and not (root / "benchmarks" / name).is_dir():
        raise FileFormatError(f"no benchmark is called {name!r}; choose from {', '.join(found)}")
    command = [sys.executable, "-m", f"benchmarks.{name}", *context.args]
    raise typer.Exit(subprocess.run(command, cwd=root, check=False).returncode)  # noqa: S603


def _place(text: str) -> tuple[float, float, float]:
    """Return the position that ``X,Y,Z`` names."""
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        raise ParameterError("position", text, "X,Y,Z in m, such as 20,0,1.2") from None
    return x, y, z


@app.command()
def loadtest(
    url: Annotated[str, typer.Argument(metavar="URL", help="WHIP address of the server.")],
    sessions: Annotated[int, typer.Option(help="How many are held at once.")] = 10,
    ramp: Annotated[float, typer.Option(help="Seconds over which they join.")] = 1.0,
    seconds: Annotated[float, typer.Option(help="Seconds for which all are held.")] = 10.0,
    codec: Annotated[str, typer.Option(help="opus, L16, G722, PCMU or PCMA.")] = "opus",
    frame: Annotated[float, typer.Option(help="Packet length in ms.")] = 20.0,
    loss: Annotated[float, typer.Option(help="Share of packets left out, 0 to 1.")] = 0.0,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="ANTIPHASE_TOKEN", help="Sent as bearer token, where one is asked for."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="HTML file of the report.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Load a WebRTC server with real sessions and measure each part of the way."""
    from antiphase.devices import LoadSettings, load_report, whip

    settings = LoadSettings(form=whip.audio_format(codec), frame_ms=frame, loss=loss)
    wanted = whip.LoadPlan(url, sessions, ramp, seconds, settings, token)
    if out is not None:
        _make_folder(out.parent)
    with bar(f"load test of {url}") as progress:
        found = whip.run_load(wanted, progress)
    if out is not None:
        load_report.write_load_report(found, out)
    tell(as_json, found, load_report.load_text(found))


def _make_folder(folder: Path) -> None:
    """Make a folder before the work whose result goes there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileFormatError(f"{folder} can't be made: {error.strerror}") from error
