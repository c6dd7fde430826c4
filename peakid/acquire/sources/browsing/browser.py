"""Start the system's Chromium for pages of others, with a fresh profile, and end it in every case."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyio.from_thread import start_blocking_portal

from peakid import public_fetch
from peakid.acquire.fetching import robots
from peakid.acquire.fetching.client import Client, ClientOptions
from peakid.acquire.fetching.pace import HostPace, Pace
from peakid.acquire.sources.browsing import ended_with_parent, programs
from peakid.acquire.sources.browsing.checked_proxy import CheckedProxy
from peakid.acquire.sources.browsing.navigation import NavigationGuard
from peakid.acquire.sources.browsing.page import LOAD_S, Page
from peakid.acquire.sources.browsing.programs import INSTALL, Programs
from peakid.errors import ExtraMissing

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

_START_S = 60.0
_END_S = 15.0
_PORT = re.compile(rb"started successfully on port (\d+)")
_FLAGS = (
    *("--headless=new", "--window-size=1280,1600", "--mute-audio", "--disable-gpu"),
    *("--no-first-run", "--no-default-browser-check", "--disable-extensions", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps"),
    *("--disable-domain-reliability", "--disable-client-side-phishing-detection", "--no-pings"),
    *("--disable-breakpad", "--disable-dev-shm-usage", "--password-store=basic", "--metrics-recording-only"),
    *("--block-new-web-contents", "--disable-notifications", "--deny-permission-prompts"),
    "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication,InterestFeedContentSuggestions",
    # Nothing but the proxy is a way to the network: no name is resolved, no UDP is sent.
    *("--disable-quic", "--webrtc-ip-handling-policy=disable_non_proxied_udp"),
    *("--force-webrtc-ip-handling-policy", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
    "--proxy-bypass-list=<-loopback>",
)
_PREFERENCES = {
    "profile.default_content_setting_values": {
        **{"notifications": 2, "popups": 2, "geolocation": 2, "media_stream": 2, "automatic_downloads": 2},
        **{"ar": 2, "bluetooth_guard": 2, "midi_sysex": 2, "serial_guard": 2, "usb_guard": 2},
    },
    "download_restrictions": 3,
    "credentials_enable_service": False,
    "profile.password_manager_enabled": False,
}
_NO_IMAGES = {"profile.managed_default_content_settings.images": 2}


@contextlib.contextmanager
def opened(
    options: ClientOptions | None = None, *, pace_s: float = 2.0, with_images: bool = False
) -> Generator[Page]:
    """Start Chromium and yield its page; at the end of the block nothing of it is left.

    Args:
        options: Which addresses are allowed, and the contact in the user agent.
        pace_s: Least seconds between two pages.
        with_images: Whether pictures are loaded.

    Raises:
        ExtraMissing: If something is not installed, or browser and driver do not fit.
    """
    found, chosen = programs.installed(), options or ClientOptions()
    with start_blocking_portal() as portal, contextlib.ExitStack() as stack:
        proxy = CheckedProxy(chosen.allows)
        serving, port = portal.start_task(proxy.serve)
        stack.callback(serving.cancel)
        client = stack.enter_context(portal.wrap_async_context_manager(Client(chosen)))
        check = _checks(portal.call, client, pace_s)
        address = stack.enter_context(_running_driver(found.driver))
        driver, folder = _connected(found, address, f"http://127.0.0.1:{port}", with_images=with_images)
        stack.callback(_quit, driver)
        guard = _prepared(driver, chosen.contact, check)
        stack.callback(guard.close)
        del folder
        yield Page(driver, guard, proxy.refused)


def _checks(call: Callable[..., Any], client: Client, pace_s: float) -> Callable[[str], None]:
    """Return what allows a page: its address, the robots.txt of its host, and the pace."""
    paces: dict[str, HostPace] = {}

    async def checked(url: str) -> None:
        public_fetch.check_url(url)
        rules = await robots.check(client, url)
        host = url.split("/")[2]
        if host not in paces:
            paces[host] = HostPace(Pace(per_s=1 / max(pace_s, rules.delay_s), n_at_once=1))
        async with paces[host].turn():
            pass

    return lambda url: call(checked, url)


@contextlib.contextmanager
def _running_driver(driver: str) -> Generator[tuple[str, Path]]:
    """Start ChromeDriver in a process that ends it with this one; yield its address and folder."""
    folder = Path(tempfile.mkdtemp(prefix="peakid-browser-"))
    script = str(Path(ended_with_parent.__file__).resolve())
    process = subprocess.Popen(
        [sys.executable, "-I", script, str(folder), driver, "--port=0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield f"http://127.0.0.1:{_port(folder / 'driver.log', process)}", folder
    finally:
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
        if process.poll() is None:
            process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _port(log: Path, process: subprocess.Popen[bytes]) -> int:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        if log.exists() and (match := _PORT.search(log.read_bytes())):
            return int(match[1])
        time.sleep(0.05)
    text = log.read_bytes()[-300:].decode(errors="replace").strip() if log.exists() else ""
    raise ExtraMissing(f"ChromeDriver does not start. {text}".strip(), INSTALL)


def _connected(
    found: Programs, running: tuple[str, Path], proxy: str, *, with_images: bool
) -> tuple["WebDriver", Path]:
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver import ChromeOptions, Remote
    from selenium.webdriver.chromium.remote_connection import ChromiumRemoteConnection
    from selenium.webdriver.common.proxy import Proxy, ProxyType
    from selenium.webdriver.remote.client_config import ClientConfig

    address, folder = running
    options = ChromeOptions()
    options.binary_location = found.browser
    options.page_load_strategy = "eager"
    for flag in (*_FLAGS, f"--user-data-dir={folder / 'profile'}", f"--proxy-server={proxy}"):
        options.add_argument(flag)
    preferences = {**_PREFERENCES, **({} if with_images else _NO_IMAGES)}
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium does not start with its sandbox for root.
    options.add_experimental_option("prefs", preferences)
    # ChromeDriver lets popups open, whose pages would not be checked.
    options.add_experimental_option("excludeSwitches", ["disable-popup-blocking"])
    direct = Proxy(raw={"proxyType": ProxyType.DIRECT})
    config = ClientConfig(address, proxy=direct, timeout=round(2 * _START_S))
    connection = ChromiumRemoteConnection(address, "goog", "chrome", client_config=config)
    try:
        return Remote(command_executor=connection, options=options), folder
    except WebDriverException as error:
        why = str(error.msg).partition("\n")[0]
        raise ExtraMissing(
            f"Chromium does not start: {why}", "Install Chromium and ChromeDriver of the same version."
        ) from error


def _prepared(driver: "WebDriver", contact: str, check: Callable[[str], None]) -> NavigationGuard:
    """Let every page be checked, refuse downloads, and say who asks."""
    driver.set_page_load_timeout(LOAD_S)
    driver.set_script_timeout(LOAD_S)
    agent = f"{_cdp(driver, 'Browser.getVersion', {})['userAgent']} {public_fetch.USER_AGENT}"
    agent += f" (+{contact})" if contact else ""
    _cdp(driver, "Network.setUserAgentOverride", {"userAgent": agent})
    _cdp(driver, "Browser.setDownloadBehavior", {"behavior": "deny"})
    debugger = driver.capabilities["goog:chromeOptions"]["debuggerAddress"].replace("localhost", "127.0.0.1")
    target = driver.current_window_handle
    return NavigationGuard(f"ws://{debugger}/devtools/page/{target}", target, check)


def _cdp(driver: "WebDriver", command: str, parameters: Mapping[str, object]) -> Mapping[str, str]:
    return driver.execute("executeCdpCommand", {"cmd": command, "params": parameters})["value"]


def _quit(driver: "WebDriver") -> None:
    with contextlib.suppress(Exception):  # It is ended anyway.
        driver.quit()
