"""Disks that are full, folders that cannot be written, two who write to one folder."""

import os
import re
import signal
from pathlib import Path

from faults.kills import Reference, where
from faults.small_runs import differing, outcome
from faults.trial import Trial, short
from liquidjax.training.checkpoints import disk

_THREADS = re.compile(
    r"(Traceback \(most recent call last\):\n|  File .*asyncio/base_events\.py.*\n|    self\._check_closed\(\)\n"
    r"|    raise RuntimeError\('Event loop is closed'\)\n|RuntimeError: Event loop is closed\n)*"
    r"RuntimeError: Event loop is closed\n"
)
"""What threads of tensorstore say, mixed, where the disk becomes full between two of their files."""


def full(run: Reference, folder: Path, moment: int, room_at: int = 0) -> Trial:
    """From the n-th change of a file on nothing can be written, until `room_at`; then it goes on, or has gone on."""
    ended = run.server.run(
        "train", run.config, "--folder", folder, below=str(folder), at=moment, action="full", room_at=room_at
    )
    ended = ended._replace(err=_THREADS.sub("", ended.err))
    kind = "full disk" if not room_at else "full disk for a while"
    place = where(ended.seen[-1]) if ended.seen else "never"
    whole = [path for path in sorted((folder / "checkpoints").glob("*/step-*")) if _damaged(path)]
    if whole:
        return Trial(kind, place, f"{whole[0].name} is damaged", False)
    if ended.status == 0:
        differs = differing(outcome(folder), run.outcome)
        told = "told, and trained to its end" if "could not be written" in ended.err else "nothing was left to write"
        return Trial(kind, place, f"another {differs[0]}" if differs else told, not differs, short(ended.err))
    if ended.status != 2 or "Traceback" in ended.err or not ended.sentence.startswith("liquidjax: "):
        return Trial(kind, place, f"ended with status {ended.status}", False, short(ended.err[-400:]))
    if (folder / "config.yaml").is_file() and "go on: liquidjax train --resume" not in ended.sentence:
        return Trial(kind, place, "did not say how to go on", False, short(ended.sentence))
    found = run.gone_on(kind, folder, place)
    return found._replace(outcome=f"told, then {found.outcome}", said=short(ended.sentence))


def _damaged(folder: Path) -> bool:
    try:
        disk.read(folder)
        return False
    except ValueError:
        return True


def read_only(run: Reference, place: Path, begun: bool) -> Trial:
    """The folder of a run, new or begun, may not be written."""
    kind = "read-only folder"
    if begun:
        run.server.run("train", run.config, "--folder", place, below=str(place), at=60, action="kill")
        before = outcome(place)
        folders = [place, *(path for path in place.rglob("*") if path.is_dir())]
        for path in folders:
            path.chmod(0o555)
        ended = run.server.run("train", "--resume", place, bound=True)
        for path in folders:
            path.chmod(0o755)
        changed = differing(outcome(place), before)
    else:
        place.mkdir(mode=0o555)
        ended = run.server.run("train", run.config, "--folder", place / "run", bound=True)
        changed = [path.name for path in place.iterdir()]
    refused = ended.status == 2 and ended.sentence.startswith("liquidjax: ") and "epoch" not in ended.err
    fine = refused and not changed and "Traceback" not in ended.err and "ermission denied" in ended.sentence
    words = "refused before the training" if fine else f"status {ended.status}, changed {changed[:1]}"
    return Trial(kind, "a run to go on" if begun else "a new run", words, fine, short(ended.err))


def two_writers(run: Reference, folder: Path, moment: int, resume: bool) -> Trial:
    """While one is stopped at the n-th change of a file, another wants to begin, or to go on, in the same folder."""
    first = run.server.start("train", run.config, "--folder", folder, below=str(folder), at=moment, action="stop")
    while _state(first) not in "TZ":
        os.sched_yield()
    arguments = ["--resume", folder] if resume else [run.config, "--folder", folder]
    other = run.server.run("train", *arguments)
    os.kill(first, signal.SIGCONT)
    ended = run.server.wait(first)
    kind, place = "two writers", f"{where(ended.seen[-1])}, another wants to {'go on' if resume else 'begin'}"
    refused = other.status == 2 and other.sentence.startswith("liquidjax: ") and "Traceback" not in other.err
    differs = differing(outcome(folder), run.outcome) if ended.status == 0 else [f"end, status {ended.status}"]
    if refused and not differs:
        return Trial(kind, place, "the other refused, the first undisturbed", True, short(other.sentence))
    words = f"the other ended with status {other.status}" if not refused else f"another {differs[0]}"
    return Trial(kind, place, words, False, short(f"{other.err} {ended.err}"))


def _state(number: int) -> str:
    """The letter of the state of a process."""
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
