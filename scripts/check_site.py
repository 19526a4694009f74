"""Refuse a site whose pages load anything from elsewhere when they are read.

Run: python scripts/check_site.py DIRECTORY
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path

LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
SCRIPTED = {"mermaid", "glightbox"}
"""For elements of these classes the theme's script fetches a library when the page is read."""


class Loaded(HTMLParser):
    """What a page loads from elsewhere."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what the element loads, if that is not a file of the site."""
        given = {name: value or "" for name, value in attrs}
        if given.get("rel") == "canonical":
            return
        target = given.get(LOADS.get(tag, ""), "")
        if target.startswith(("http:", "https:", "//")):
            self.found.append(target)
        self.found += SCRIPTED & set(given.get("class", "").split())


def main(site: Path) -> None:
    """Name what each page loads from elsewhere, and end with 1 where there is any."""
    pages = sorted(site.rglob("*.html"))
    elsewhere = [f"{page}: {target}" for page in pages for target in Loaded(page).found]
    print("\n".join(elsewhere) or f"{len(pages)} pages load nothing from elsewhere")
    sys.exit(bool(elsewhere) or not pages)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
