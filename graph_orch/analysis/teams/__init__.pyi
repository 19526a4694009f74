from .community import (
    Communities as Communities,
    communities as communities,
)
from .comparison import (
    Agreement as Agreement,
    agreement as agreement,
)
from .projection import shared_skills as shared_skills
