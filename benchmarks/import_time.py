"""How long does `import liquidjax` take, beside `import jax` alone?

Each in fresh processes, in turn, after one that is not counted, so that the files are in memory and compiled. Processor
seconds are those of the process, whatever else the machine does meanwhile. What takes the time, module by module:
python -X importtime -c "import liquidjax"
Usage: python benchmarks/import_time.py [--rounds 7]
"""

import argparse
import resource
import subprocess
import sys
import time

import results
from comparison import spread, verdict

PROGRAMS = {
    "python alone": "",
    "import jax": "import jax",
    "import liquidjax": "import liquidjax",
    "and the first Diffrax()": "import liquidjax; liquidjax.Diffrax()",
}
SECONDS = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="fresh processes of each (default 7)")
    rounds = parser.parse_args().rounds
    for program in PROGRAMS.values():
        taken(program)
    times = [{name: taken(program) for name, program in PROGRAMS.items()} for _ in range(rounds)]
    rows = []
    for name in PROGRAMS:
        processor, passed = zip(*(each[name] for each in times), strict=True)
        rows.append({"program": name} | spread("processor s", processor) | spread("passed s", passed))
    (ours,) = (row["processor s"] for row in rows if row["program"] == "import liquidjax")
    goal = verdict(f"import liquidjax in less than {SECONDS:g} s of processor time", ours, SECONDS, at_most=True)
    with results.collected("import_time", "Importing", rounds) as add:
        add({"setting": "fresh processes", "what": "from start to end", "rows": rows, "goals": [goal]})


def taken(program: str) -> tuple[float, float]:
    """Processor seconds and seconds of a fresh process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    passed, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, passed


if __name__ == "__main__":
    main()
