# ruff: noqa: B018
# %% [markdown]
# # Risk in a notebook
# The figures of the pages by the functions that pages call: cohorts, roll rates, where the late balance went, and
# what is to come. Opens as a notebook in editors that read `# %%`; a test runs it.

# %%
import polars as pl

from loanbook import open_ledger
from loanbook.core.policy.risk.scenarios import Scenario
from loanbook.core.reporting.cohorts import curves, triangle
from loanbook.core.reporting.delinquency import bridge
from loanbook.core.reporting.forecast.projection import behavioural
from loanbook.core.reporting.roll_rates import matrix
from loanbook.core.store.segments import questions
from loanbook.core.store.segments.dimensions import Segment, dimensions
from loanbook.pipelines.resources import read_policies

ledger = open_ledger()
policies = read_policies()
at = ledger.clocks()

# %% [markdown]
# ## A part of the book
# One currency (code 0 is US dollars, 100 minor units each) at both clocks; `filters` takes labels of any dimension,
# attributes of the tape among them: `{"attribute grade": ["A", "B"]}`.

# %%
known = dimensions(ledger.query)
dollars = Segment(at, currency=0, unit=100, filters={}, known=known)


def rows_of(question):
    """Rows of a question; `question.text` is its SQL with the values written out."""
    return ledger.query(question.sql, question.bound)


# %% [markdown]
# ## Cohorts by month of origination: ever 30 or more days past due

# %%
rates = curves(
    rows_of(questions.cohort_loans(dollars, "month", "ever_30")),
    rows_of(questions.cohort_events(dollars, "month", "ever_30")),
)
ever_30 = triangle(rates)
ever_30

# %% [markdown]
# ## Where money went in the last month, and what became of the late balance

# %%
ends = questions.months_to(dollars, ledger.published_range()[0])
rolled = rows_of(questions.rolls(dollars, ends))
last = rolled.filter(pl.col("business_date") == ends[-1])
roll = matrix(last, policies.buckets("default", at.on))
late = bridge(last, 30)
late

# %% [markdown]
# ## The next twelve months, loans that go on as they were seen to

# %%
pools = (
    rows_of(questions.pools(dollars))
    .with_row_index("pool")
    .with_columns(pl.col("balance").cast(pl.Float64))
)
scenario = policies.in_force(Scenario, "base", at.on)
forecast = behavioural(pools, scenario, {"smm": 0.01, "mdr": 0.002}).head(12)
forecast
