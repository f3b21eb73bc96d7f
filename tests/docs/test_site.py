"""The site as it was built: every public name is there, every link leads somewhere, nothing is loaded from outside."""

import importlib
import inspect
import pkgutil
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import pytest

import liquidjax
from making.names import ROOT
from making.screenshots import BUILT

pytestmark = pytest.mark.browser
LOADED = {"script": "src", "img": "src", "link": "href", "source": "src", "iframe": "src", "video": "src"}


class Page(HTMLParser):
    """What a page links to, what it loads, and which places in it have a name."""

    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()
        self.tags: dict[str, int] = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = {key: value for key, value in attrs if value}
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.places |= {given[key] for key in ("id", "name") if key in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if (address := given.get(LOADED.get(tag, ""))) and given.get("rel") not in ("next", "prev", "canonical"):
            self.loaded.append(address)


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    """Every page by its path."""
    found = {str(path.relative_to(BUILT)): Page(path.read_text()) for path in BUILT.rglob("*.html")}
    return {path: page for path, page in found.items() if not path.startswith("_static")}


def documented() -> set[str]:
    """The names in the inventory that the site gives to others."""
    from sphinx.util.inventory import InventoryFile

    inventory = InventoryFile.loads((BUILT / "objects.inv").read_bytes(), uri="")
    return {name for kind, names in inventory.data.items() if kind.startswith("py:") for name in names}


def public() -> dict[str, str]:
    """Every public class and function, as Python sees them: where each is defined, and by which path it is known."""
    found = {}
    for module in pkgutil.walk_packages(liquidjax.__path__, "liquidjax."):
        if any(part.startswith("_") for part in module.name.split(".")):
            continue
        try:
            values = vars(importlib.import_module(module.name))
        except ImportError:  # of an extra that does not go together with that of the tests
            assert module.name.startswith("liquidjax.export.onnx."), module.name
            continue
        for name, value in values.items():
            own = inspect.isclass(value) or inspect.isfunction(value)
            if own and not name.startswith("_") and value.__module__ == module.name and value.__name__ == name:
                path = f"{module.name}.{name}"
                found[path] = f"liquidjax.{name}" if vars(liquidjax).get(name) is value else path
    return found


def test_every_public_name_is_in_the_api():
    there = documented()
    missing = sorted(path for path, name in public().items() if name not in there)
    assert not missing, f"in no page of the API: {', '.join(missing)}; see GROUPS in docs/making/api.py"


def test_what_liquidjax_exports_is_in_the_api_under_that_name():
    exported = {name for name, value in vars(liquidjax).items() if callable(value) and not name.startswith("_")}
    assert exported and {f"liquidjax.{name}" for name in exported} <= documented()


def test_every_link_within_the_site_leads_to_a_place(pages):
    broken = []
    for path, page in pages.items():
        for link in page.links:
            if ":" in link.split("/")[0]:
                continue
            target, place = urldefrag(unquote(urljoin(path, link)) if not link.startswith("#") else path + link)
            if target in pages:
                if place and place not in pages[target].places:
                    broken.append(f"{path}: no place {place!r} in {target}")
            elif not (BUILT / target).is_file():
                broken.append(f"{path}: {link}")
    assert not broken, "\n".join(broken)


def test_nothing_is_loaded_from_outside(pages):
    """Nobody's address but ours learns who reads, and the site is whole without a network."""
    outside = {f"{path}: {address}" for path, page in pages.items() for address in page.loaded if "//" in address}
    assert not outside
    for path in BUILT.rglob("*.css"):
        assert not re.findall(r"(?:url\(|@import\s)\s*['\"]?(?:https?:)?//[^)\s]*", path.read_text()), path


def test_everything_that_is_loaded_is_there(pages):
    for path, page in pages.items():
        for address in page.loaded:
            if not address.startswith("data:"):
                target = urljoin(path, unquote(address).split("?")[0])
                assert (BUILT / target).is_file(), f"{path} loads {address}"


def test_formulas_are_drawn_by_the_browser_itself(pages):
    assert pages["cells.html"].tags["math"] > 40
    for path, page in pages.items():
        if not path.startswith(("api/", "examples/", "_modules")):
            assert "merror" not in page.tags, path
            assert "$$" not in (BUILT / path).read_text(), path


def test_no_placeholder_is_left():
    for path in (*BUILT.glob("*.html"), *BUILT.glob("guides/*.html")):
        assert "{{" not in path.read_text() and "{%" not in path.read_text(), path


def test_the_pages_that_were_asked_for_are_there(pages):
    asked = "index start choosing cells coming faq cite house/extending house/architecture api/index results/index"
    guides = "irregular data streams export speed memory precision devices"
    wanted = [*asked.split(), *(f"guides/{name}" for name in guides.split())]
    assert [name for name in wanted if f"{name}.html" not in pages] == []


def test_no_page_says_where_it_was_built(pages):
    homes = (str(ROOT), str(Path.home()))
    assert [
        path for path in pages if any(f"{home}/" in (BUILT / path).read_text() for home in homes if home != "/")
    ] == []
