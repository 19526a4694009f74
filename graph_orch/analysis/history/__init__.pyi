from .rates_and_times import (
    retries as retries,
    success_rates as success_rates,
    time_use as time_use,
    wilson as wilson,
)
from .tables import (
    Interval as Interval,
    Oddity as Oddity,
    RetryUse as RetryUse,
    RetryUses as RetryUses,
    Spread as Spread,
    SuccessRate as SuccessRate,
    SuccessRates as SuccessRates,
    TimeUse as TimeUse,
    TimeUses as TimeUses,
)
