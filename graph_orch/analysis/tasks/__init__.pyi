from .order import (
    CriticalPath as CriticalPath,
    Parallelism as Parallelism,
    check_dependencies as check_dependencies,
    critical_path as critical_path,
    find_cycles as find_cycles,
    levels as levels,
    parallelism as parallelism,
    would_cycle as would_cycle,
)
from .blocked import (
    WhyBlocked as WhyBlocked,
    why_blocked as why_blocked,
)
from .failures import (
    AgentBlastRadius as AgentBlastRadius,
    BlastRadius as BlastRadius,
    agent_blast_radius as agent_blast_radius,
    blast_radius as blast_radius,
)
from .scheduling import (
    AgentSlots as AgentSlots,
    Bound as Bound,
    Plan as Plan,
    Planned as Planned,
    earliest_finish as earliest_finish,
)
