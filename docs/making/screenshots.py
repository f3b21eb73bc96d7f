"""Takes the screenshots of README.md, with what stands on the pages beside them, by which a test knows their age.

Usage: python docs/making/screenshots.py, after make docs
"""

import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from making.chromium import browser, served, shape

DOCS = Path(__file__).parents[1]
BUILT, KEPT = DOCS / "_build" / "html", DOCS / "screenshots"


class Shot(NamedTuple):
    """A page, the screen on which it is seen, and the section that is at the top of it."""

    file: str
    page: str
    width: int
    height: int
    dark: bool
    at: str = ""


SHOTS = (
    Shot("front.png", "index.html", 1280, 860, False),
    Shot("choosing.png", "choosing.html", 390, 860, True, "which-cell"),
)


TEXT = """
const article = document.querySelector('article').cloneNode(true);
article.querySelectorAll('#moving-figure').forEach(figure => figure.remove());
return article.textContent;
"""


def text(driver: Any, address: str, shot: Shot) -> str:
    """What stands on a page, without what depends on the screen or, in the figure that moves, on the moment."""
    shape(driver, shot.width, shot.height, shot.dark)
    driver.get(f"{address}/{shot.page}")
    return " ".join(driver.execute_script(TEXT).split())


def main() -> None:
    """Each picture with its text beside it."""
    KEPT.mkdir(exist_ok=True)
    with served(BUILT) as address, browser() as driver:
        for shot in SHOTS:
            words = text(driver, address, shot)
            if shot.at:
                driver.execute_script(f"document.getElementById('{shot.at}').scrollIntoView()")
            time.sleep(6)  # until nothing moves any more but what is to move
            driver.save_screenshot(str(KEPT / shot.file))
            (KEPT / shot.file).with_suffix(".txt").write_text(words + "\n")
            print(f"wrote {KEPT / shot.file}")


if __name__ == "__main__":
    main()
