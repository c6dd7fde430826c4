"""Find the system's Chromium and ChromeDriver, and say what is missing. Nothing is downloaded."""

import shutil
from dataclasses import dataclass

from peakid.errors import ExtraMissing

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DRIVERS = ("chromedriver", "/usr/lib/chromium/chromedriver", "/usr/lib/chromium-browser/chromedriver")
INSTALL = "Install it; on Debian and Ubuntu the packages are chromium and chromium-driver."


@dataclass(frozen=True)
class Programs:
    """Paths of Chromium and of ChromeDriver."""

    browser: str
    driver: str


def installed() -> Programs:
    """Return the paths of both.

    Raises:
        ExtraMissing: If Selenium, Chromium or ChromeDriver is not installed.
    """
    try:
        import selenium  # noqa: F401
    except ImportError as error:
        raise ExtraMissing(
            "Reading pages in a browser needs the package selenium.",
            'Install it with: pip install "peakid[browser]"',
        ) from error
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise ExtraMissing("Reading pages in a browser needs Chromium, which is not installed.", INSTALL)
    driver = next(filter(None, map(shutil.which, DRIVERS)), None)
    if driver is None:
        raise ExtraMissing(
            "Reading pages in a browser needs ChromeDriver, which is not installed beside Chromium.", INSTALL
        )
    return Programs(browser, driver)
