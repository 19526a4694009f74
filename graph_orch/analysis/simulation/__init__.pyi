from .arrivals import (
    Law as Law,
    poisson_tasks as poisson_tasks,
)
from .dispatch import (
    AgentView as AgentView,
    Router as Router,
)
from .recorded import (
    agents_of as agents_of,
    observed_failure_rates as observed_failure_rates,
    tasks_of as tasks_of,
)
from .replications import (
    Estimate as Estimate,
    Replications as Replications,
    compare as compare,
    estimate as estimate,
    replicate as replicate,
)
from .results import (
    AgentResult as AgentResult,
    Outcome as Outcome,
    SimulationResult as SimulationResult,
    TaskResult as TaskResult,
    Try as Try,
    Waits as Waits,
)
from .run import (
    Mode as Mode,
    simulate as simulate,
)
from .variations import (
    arriving_at as arriving_at,
    identical_agents as identical_agents,
    scale_arrivals as scale_arrivals,
    scale_capacity as scale_capacity,
    scale_speed as scale_speed,
    unlimited as unlimited,
    without as without,
)
from .workload import (
    SimulatedAgent as SimulatedAgent,
    SimulatedTask as SimulatedTask,
)
