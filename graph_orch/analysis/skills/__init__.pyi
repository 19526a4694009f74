from .centralities import centrality as centrality
from .losses import (
    BusFactor as BusFactor,
    bus_factor as bus_factor,
)
from .similarity import (
    Similar as Similar,
    nearest as nearest,
    project as project,
)
from .supply import (
    Coverage as Coverage,
    Redundancy as Redundancy,
    Supply as Supply,
    coverage as coverage,
    redundancy as redundancy,
)
