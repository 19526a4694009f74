from .agents import draw_agents as draw_agents
from .gantt import draw_gantt as draw_gantt
from .load import draw_load as draw_load
from .sheet import save as save
from .tasks import draw_tasks as draw_tasks
from .interactive import interactive as interactive
