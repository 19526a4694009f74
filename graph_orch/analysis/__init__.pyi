from . import (
    history as history,
    pictures as pictures,
    simulation as simulation,
    skills as skills,
    tasks as tasks,
    teams as teams,
    templates as templates,
)
from .model import (
    AgentSkills as AgentSkills,
    TaskGraph as TaskGraph,
    Timeline as Timeline,
)
from .io.files import (
    load as load,
    save as save,
)
from .io.frames import to_frames as to_frames
from .snapshots.reading import (
    asnapshot as asnapshot,
    snapshot as snapshot,
)
