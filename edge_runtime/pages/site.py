"""The files of the pages: a fixed list, made at the start, so that no path leads anywhere else."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parents[1] / "web"  # where the pages' files lie
VENDOR = "vendor"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}
GZIPPED = ".gz"  # make web leaves the large ones so, a third of their size; every browser with WebAssembly unpacks it
REMEDY = "run make web in the checkout (it needs npm), then install again"


@dataclass(frozen=True)
class Page:
    """A file as it is served.

    Attributes:
        path: on disk.
        media_type: of its content.
        secret: whether the token is needed: it is the user's own.
    """

    path: Path
    media_type: str
    secret: bool = False


class Site:
    """Paths of a server to files.

    Args:
        start: name of the page at ``/``.
        own: further paths to files of the user's, such as a model.
    """

    def __init__(self, start: str, own: dict[str, Path] | None = None) -> None:
        self._pages = {}
        for file in [*(HERE / "static").iterdir(), *(HERE / VENDOR).rglob("*")]:
            name = file.relative_to(HERE).as_posix().removesuffix(GZIPPED)
            if file.is_file() and Path(name).suffix in TYPES:
                self._pages[f"/{name}"] = Page(file, TYPES[Path(name).suffix])
        self._pages["/"] = self._pages[f"/static/{start}"]
        for path, file in (own or {}).items():
            self._pages[path] = Page(
                file, TYPES.get(file.suffix, "application/octet-stream"), secret=True
            )

    def find(self, path: str) -> Page | None:
        """The file at a path, or None."""
        return self._pages.get(path)

    def answer(self, page: Page) -> tuple[dict[str, str], bytes]:
        """Headers and content of a file.

        Raises:
            OSError: it cannot be read any more.
        """
        content = page.path.read_bytes()
        packed = {"Content-Encoding": "gzip"} if page.path.suffix == GZIPPED else {}
        headers = {
            "Content-Type": page.media_type,
            **packed,
            "Content-Length": str(len(content)),
            "Cache-Control": "no-cache",  # a browser may keep it, and asks whether it changed
            "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        }
        return headers | security_headers(content, page), content


def security_headers(content: bytes, page: Page) -> dict[str, str]:
    """What keeps a page to its own files: no script but ours, no frame, nothing from elsewhere."""
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if not page.media_type.startswith("text/html"):
        return headers
    # the import map is the only script inside a page: it has to stand there
    inside = re.findall(rb"<script type=\"importmap\">(.*?)</script>", content, re.DOTALL)
    hashes = "".join(
        f" 'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in inside
    )
    return headers | {
        "Content-Security-Policy": f"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{hashes}; "
        "style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'",
        "Permissions-Policy": "accelerometer=(self), gyroscope=(self), screen-wake-lock=(self)",
    }


def vendor_is_missing() -> bool:
    """Whether the files of others were never fetched: a wheel built without ``make web``."""
    return not (HERE / VENDOR / "uplot" / "uPlot.esm.js").exists()
