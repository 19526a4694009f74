"""The screen of `graph-orch top`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Input, Static, TabbedContent, TabPane

from graph_orch.cli.durations import lasting
from graph_orch.cli.top import PANES, Pane, Picture
from graph_orch.domain.characters import visible
from graph_orch.errors import OrchestrationError, describe

GAP = 2
"""Cells of the screen between two columns."""
NARROWEST = 20
"""Of the last column, which has what the others leave."""


class Top(App[None]):
    """Tables of what a look sees, which a thread takes again and again."""

    CSS = """
    #queue, #state { height: auto; padding: 0 1; }
    #state.away { text-style: bold reverse; }
    #filter { display: none; height: 3; }
    #filter.shown { display: block; }
    TabbedContent { height: 1fr; }
    TabPane { padding: 0; }
    DataTable { height: 1fr; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("s", "sort", "Sort"),
        Binding("r", "reverse", "Reverse"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("escape", "unfilter", "All", priority=True),
        *(
            Binding(str(number), f"pane({number})", pane.title, show=False)
            for number, pane in enumerate(PANES, 1)
        ),
    ]

    def __init__(self, look: Callable[[], Picture], every: float) -> None:
        super().__init__()
        self._look = look
        self._every = every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="graph-orch-top", daemon=True)
        self._seen: Picture | None = None
        self._error = ""
        self._sorted_by = [0] * len(PANES)
        self._is_reversed = [False] * len(PANES)

    def compose(self) -> ComposeResult:
        """The lines about the queue, a tab with a table for each pane, and the keys."""
        yield Static("…", id="queue", markup=False)
        yield Static("", id="state", markup=False)
        yield Input(placeholder="show rows that contain …", id="filter")
        with TabbedContent():
            for number, pane in enumerate(PANES, 1):
                with TabPane(pane.title, id=f"pane{number}"):
                    yield DataTable(id=f"table{number}", cursor_type="row", zebra_stripes=True)
        yield Footer()

    def on_mount(self) -> None:
        """Begin to look."""
        self._show()
        self.query_one("#table1").focus()
        self.set_interval(1.0, self._show_state)
        # A thread that does not keep the process: a look waits for as long as a server is away.
        self._thread.start()

    def on_unmount(self) -> None:
        """Look no more."""
        self._ended.set()

    def has_ended(self, seconds: float) -> bool:
        """Whether its last look ends within so many seconds after it."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def on_resize(self) -> None:
        """Give the last columns what there is now."""
        self._show()

    def on_input_changed(self) -> None:
        """Show what passes the filter."""
        self._show()

    def on_input_submitted(self) -> None:
        """Go on in the table; the filter stays."""
        self.query_one(f"#table{self._place + 1}").focus()

    def on_tabbed_content_tab_activated(self) -> None:
        """Let the keys move in the table that is shown."""
        if not self.query_one("#filter").has_focus:
            self.query_one(f"#table{self._place + 1}").focus()

    def action_pane(self, number: int) -> None:
        """Show a table."""
        self.query_one(TabbedContent).active = f"pane{number}"

    def action_sort(self) -> None:
        """Sort by the next column."""
        place = self._place
        self._sorted_by[place] = (self._sorted_by[place] + 1) % len(PANES[place].columns)
        self._show()

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._is_reversed[self._place] ^= True
        self._show()

    def action_filter(self) -> None:
        """Ask for a text that rows must contain."""
        field = self.query_one("#filter", Input)
        field.add_class("shown")
        field.focus()

    def action_unfilter(self) -> None:
        """Show all rows."""
        field = self.query_one("#filter", Input)
        field.value = ""
        field.remove_class("shown")
        self.query_one(f"#table{self._place + 1}").focus()

    @property
    def _place(self) -> int:
        return int(self.query_one(TabbedContent).active.removeprefix("pane") or 1) - 1

    def _look_on(self) -> None:
        while not self._ended.is_set():
            seen, error = None, ""
            try:
                seen = self._look()
            except OrchestrationError as refused:
                error = str(refused)
            except Exception as broken:  # of a connection that is closed while it is used
                error = describe(broken)
            if self._ended.is_set():
                return
            try:
                self.call_from_thread(self._see, seen, error)
            except RuntimeError:  # the screen has ended
                return
            self._ended.wait(self._every)

    def _see(self, seen: Picture | None, error: str) -> None:
        self._seen, self._error = seen or self._seen, error
        self._show()

    def _show(self) -> None:
        self._show_state()
        if (seen := self._seen) is None:
            return
        self.query_one("#queue", Static).update(visible(seen.summary))
        wanted = self.query_one("#filter", Input).value.casefold()
        for number, pane in enumerate(PANES, 1):
            rows = pane.rows(seen)
            tabs = self.query_one(TabbedContent)
            tabs.get_tab(f"pane{number}").label = f"{number} {pane.title} {len(rows)}"
            rows = [it for it in rows if any(wanted in cell.text.casefold() for cell in it)]
            column = self._sorted_by[number - 1]
            rows.sort(key=lambda row: row[column].key, reverse=self._is_reversed[number - 1])
            table = cast("DataTable[Any]", self.query_one(f"#table{number}"))
            self._fill(table, pane, [[cell.text for cell in row] for row in rows], number - 1)

    def _fill(self, table: DataTable[Any], pane: Pane, rows: list[list[str]], place: int) -> None:
        at, scrolled = table.cursor_row, table.scroll_y
        table.clear(columns=True)
        used = sum(width + GAP for width in pane.columns.values())
        for number, (name, width) in enumerate(pane.columns.items()):
            mark = "▲" if self._is_reversed[place] else "▼"
            label = f"{name} {mark}" if number == self._sorted_by[place] else name
            left = max(NARROWEST, self.size.width - used - GAP)
            table.add_column(Text(label), width=width or left)
        for row in rows:  # texts as they are: no markup, and nothing that drives a terminal
            table.add_row(*(Text(visible(it), overflow="fold") for it in row), height=None)
        if rows:
            table.move_cursor(row=min(at, len(rows) - 1), animate=False)
            table.scroll_to(y=scrolled, animate=False)

    def _show_state(self) -> None:
        state = self.query_one("#state", Static)
        state.set_class(bool(self._error), "away")
        if self._error:
            since = ""
            if self._seen is not None:
                age = (datetime.now(UTC) - self._seen.at).total_seconds()
                since = f" What is shown is {lasting(age)} old."
            state.update(visible(f"No answer, asking again: {self._error}.{since}"))
        elif self._seen is None:
            state.update("looking …")
        else:
            live = sum(it.is_live for it in self._seen.workers)
            state.update(
                f"{live} live workers, {len(self._seen.agents)} agents, at "
                f"{self._seen.at.astimezone():%H:%M:%S}, every {self._every:g} s"
            )
