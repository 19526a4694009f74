from .mining import (
    Templates as Templates,
    mine_templates as mine_templates,
)
from .template import (
    Template as Template,
    TemplateStep as TemplateStep,
)
