"""The moving figure in Chromium: the numbers of `step`, motion, sliders, both themes, wide and narrow."""

import json
import time
from typing import Any

import numpy as np
import pytest

from figure_vectors import FOLDER, NETWORKS, vectors

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
SHAPES = [(1280, False), (1280, True), (390, False), (390, True)]


@pytest.fixture(scope="module")
def address():
    from making.chromium import served

    with served(FOLDER) as found:
        yield found


@pytest.fixture(scope="module")
def driver():
    from making.chromium import browser

    with browser() as found:
        found.set_page_load_timeout(60)
        found.set_script_timeout(120)
        yield found


def opened(driver: Any, address: str, width: int = 1280, dark: bool = False, still: bool = False) -> None:
    from making.chromium import shape

    shape(driver, width, dark=dark)
    features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    features.append({"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.get_log("browser")
    driver.get(f"{address}/index.html")
    assert soon(lambda: seconds(driver) >= 0)


def soon(true, limit: float = 60) -> bool:
    """Whether it comes true; how long it takes depends on the machine."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return False


def seconds(driver) -> float:
    """That have passed in the figure; NaN before it has begun."""
    return float(driver.execute_script("return document.getElementById('moving-figure').dataset.seconds ?? 'nan'"))


def moved(driver, slider: str, value: float) -> None:
    driver.execute_script(
        "const e = document.querySelector(`[data-slider=${arguments[0]}]`); e.value = arguments[1];"
        "e.dispatchEvent(new Event('input'))",
        slider,
        value,
    )


def pressed(driver, button: str) -> None:
    driver.execute_script("document.querySelector(`[data-button=${arguments[0]}]`).click()", button)


def picture(driver, panel: str) -> str:
    return driver.execute_script("return document.querySelector(`[data-panel=${arguments[0]}]`).toDataURL()", panel)


def said(driver) -> str:
    return driver.execute_script("return document.querySelector('.mf-said').textContent")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_answers_in_the_browser_as_step_does(driver, address, name):
    opened(driver, address)
    given = vectors(name)
    forces = driver.execute_async_script(
        """
        const [name, inputs, dt, done] = arguments;
        import(`./${name}.js`).then(({ init, step }) => {
            let state = init(), outputs;
            done(inputs.map((reading, t) => {
                [state, outputs] = step(state, reading, dt[t]);
                return outputs[0];
            }));
        });""",
        name,
        given.inputs.tolist(),
        given.dt.tolist(),
    )
    np.testing.assert_allclose(forces, given.forces, rtol=0, atol=1e-5 * np.abs(given.forces).max())


@pytest.mark.parametrize(("width", "dark"), SHAPES)
def test_it_moves_on_every_screen_and_nobody_complains(driver, address, width, dark):
    opened(driver, address, width, dark)
    before, pictures = seconds(driver), [picture(driver, name) for name in NETWORKS]
    assert soon(lambda: seconds(driver) > before + 0.5)
    assert all(picture(driver, name) != old for name, old in zip(NETWORKS, pictures, strict=True))
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert not driver.get_log("browser")
    # Ink on both canvases, in a colour that can be told from what is behind it.
    back = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert back == ("rgb(20, 24, 30)" if dark else "rgb(255, 255, 255)")


def test_the_ltc_balances_for_ten_seconds_as_it_stands_on_the_page(driver, address):
    """The page itself runs as fast as the machine can; the same simulation, ten seconds of it at once."""
    opened(driver, address)
    falls = driver.execute_async_script(
        """
        const done = arguments[0];
        Promise.all(["simulation", "ltc", "lstm"].map((name) => import(`./${name}.js`))).then(([s, ltc, lstm]) => {
            const made = new s.Simulation({ ltc, lstm });
            for (let t = 0; t < 1000; t++) made.tick();
            done([made.seconds, made.trials.ltc.falls, made.trials.ltc.calls]);
        });"""
    )
    assert falls == [10, 0, 250]


def test_sliders_and_buttons_do_what_they_say(driver, address):
    opened(driver, address)
    for slider, value, text in (
        ("rate", 0, "6 a second"),
        ("rate", 9, "100 a second"),
        ("noise", 0.5, "5 cm, 1.4\u00b0"),
        ("lost", 0.9, "90 %"),
    ):
        moved(driver, slider, value)
        shown = driver.execute_script(
            "return document.querySelector(`[data-shown=${arguments[0]}]`).textContent", slider
        )
        assert shown == text
        told = "return document.querySelector(`[data-slider=${arguments[0]}]`).getAttribute('aria-valuetext')"
        assert driver.execute_script(told, slider) == text
    assert soon(lambda: "At 100 frames a second, 90 % lost, noise of 5 cm" in said(driver))
    assert soon(lambda: "fell" in said(driver))
    assert soon(lambda: seconds(driver) > 2)
    pressed(driver, "clean")
    pressed(driver, "restart")
    assert soon(lambda: seconds(driver) < 2)
    assert soon(lambda: "At 25 frames a second, 0 % lost, no noise: the LTC has not fallen" in said(driver))
    pressed(driver, "push")
    pressed(driver, "pause")
    assert soon(lambda: said(driver).startswith("Paused. "))
    kept = seconds(driver)
    time.sleep(0.5)
    assert seconds(driver) == kept


def test_who_wants_no_motion_gets_none_until_asking(driver, address):
    opened(driver, address, still=True)
    assert soon(lambda: said(driver).startswith("It stands still until you press Play."))
    assert seconds(driver) == 0
    pressed(driver, "pause")
    assert soon(lambda: seconds(driver) > 0.2)


def test_every_control_has_a_name_and_can_be_reached_by_the_keyboard(driver, address):
    from selenium.webdriver.common.keys import Keys

    opened(driver, address, still=True)
    reached, wanted = [], 4 + 6
    for _ in range(wanted):
        driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(driver.switch_to.active_element.accessible_name)
    assert len(set(reached)) == wanted and all(reached), json.dumps(reached)
    labels = driver.execute_script("return [...document.querySelectorAll('canvas')].map(c => c.ariaLabel)")
    assert all("balances it" in label for label in labels)
