"""What each screen looks at: reads of the public services, put together under names.

`SCREENS` is the table of all screens, in the order of the navigation.
"""

from graph_orch.serve.web.asked import Screen
from graph_orch.serve.web.looks import crew, gates, log, queue, rules, store, workflows

SCREENS: tuple[Screen, ...] = (
    *queue.SCREENS,
    *workflows.SCREENS,
    *crew.SCREENS,
    *gates.SCREENS,
    *log.SCREENS,
    *rules.SCREENS,
    *store.SCREENS,
)
