from .cloud_events import Mode as Mode
from .ingesting import (
    GateRecipe as GateRecipe,
    TaskRecipe as TaskRecipe,
    ingest as ingest,
)
from .protocols import (
    Consumer as Consumer,
    Incoming as Incoming,
    Publisher as Publisher,
)
from .relaying import relay as relay
from .targets import (
    Target as Target,
    consumer_of as consumer_of,
    publisher_of as publisher_of,
)
