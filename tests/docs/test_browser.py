"""The site in Chromium: no complaint in the console, no broken picture, nothing too wide, a search that finds."""

import time

import pytest

from making.chromium import browser, served, shape
from making.screenshots import BUILT, KEPT, SHOTS, text

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
WIDTHS = {"desktop": 1280, "phone": 390}


@pytest.fixture(scope="module")
def address():
    with served(BUILT) as found:
        yield found


@pytest.fixture(scope="module")
def driver():
    with browser() as found:
        found.set_page_load_timeout(60)
        yield found


def names() -> list[str]:
    """Every page."""
    found = [path.relative_to(BUILT) for path in BUILT.rglob("*.html")]
    return sorted(str(path) for path in found if path.parts[0] != "_static")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("screen", WIDTHS)
def test_every_page_is_whole(driver, address, screen, dark):
    wrong, pages = [], names()
    assert len(pages) > 200
    # By night some of them: the styles are the same.
    for page in pages[:: 6 if dark else 1]:
        shape(driver, WIDTHS[screen], dark=dark)
        driver.get(f"{address}/{page}")
        lazy = "document.querySelectorAll('img').forEach(image => { image.loading = 'eager' })"
        driver.execute_script(lazy)
        loaded = "return [...document.images].every(image => image.complete)"
        assert _soon(lambda: driver.execute_script(loaded)), page  # noqa: B023
        broken = "return [...document.images].filter(image => !image.naturalWidth).map(image => image.src)"
        wrong += [f"{page}: no picture {source}" for source in driver.execute_script(broken)]
        wide = driver.execute_script("return document.documentElement.scrollWidth")
        if wide > WIDTHS[screen]:
            wrong.append(f"{page}: {wide} points wide on {WIDTHS[screen]}")
        wrong += [f"{page}: {entry['message']}" for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("screen", WIDTHS)
def test_the_search_finds_the_time_constant(driver, address, screen):
    shape(driver, WIDTHS[screen])
    driver.get(f"{address}/index.html")
    button = "[...document.querySelectorAll('.search-button__button')].find(button => button.offsetParent).click()"
    driver.execute_script(button)
    assert _soon(lambda: driver.switch_to.active_element.get_attribute("type") == "search")
    driver.switch_to.active_element.send_keys("time_constant\n")
    found = "return [...document.querySelectorAll('#search-results li a')].map(link => link.getAttribute('href'))"
    assert _soon(lambda: any("#liquidjax.time_constant" in link for link in driver.execute_script(found)))
    link = next(link for link in driver.execute_script(found) if "#liquidjax.time_constant" in link)
    driver.get(f"{address}/{link}")
    place = driver.execute_script("return document.getElementById('liquidjax.time_constant').textContent")
    assert "time_constant" in place


def test_it_can_be_read_by_day_and_by_night(driver, address):
    """Text against what is behind it, on the page and in a block of code: at least the contrast of WCAG AA."""
    for dark in (False, True):
        shape(driver, 1280, dark=dark)
        driver.get(f"{address}/start.html")
        assert driver.execute_script("return document.documentElement.dataset.theme") == ("dark" if dark else "light")
        for selector in ("article p", "article pre", "article h1"):
            ink, paper = driver.execute_script(COLOURS, selector)
            assert _contrast(ink, paper) > 4.5, (dark, selector, ink, paper)


def test_formulas_have_a_size(driver, address):
    shape(driver, 390)
    driver.get(f"{address}/cells.html")
    sizes = driver.execute_script("return [...document.querySelectorAll('math')].map(math => math.clientHeight)")
    assert len(sizes) > 40 and min(driver.execute_script(HEIGHTS)) > 8


def test_the_screenshots_are_of_the_pages_that_are_there(driver, address):
    for shot in SHOTS:
        kept = (KEPT / shot.file).with_suffix(".txt").read_text().strip()
        assert kept == text(driver, address, shot), f"docs/screenshots/{shot.file} is old: make screenshots"


HEIGHTS = "return [...document.querySelectorAll('math')].map(math => math.getBoundingClientRect().height)"
COLOURS = """
const element = document.querySelector(arguments[0])
let behind = element
while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement
return [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor]
"""


def _contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2, of two colours rgb(r, g, b)."""

    def luminance(colour: str) -> float:
        parts = [float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def _soon(true, seconds: float = 20) -> bool:
    """Whether it comes true within some seconds; how many it takes depends on the machine."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return False
