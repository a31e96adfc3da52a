#!/usr/bin/env bash
# workalendar's FederalReserveSystem is shut on Fridays on which the Federal Reserve Banks settle payments.
# Versions: workalendar 17.0.0, holidays 0.109 and QuantLib 1.44 beside it.
# Expected: three calendars of the Federal Reserve agree. Of a holiday on a Saturday the Fed's own list says that
#   Banks and Branches are open on the Friday before and only the offices of the Board are closed.
# Seen: 3 July 2026, 18 June, 24 and 31 December 2027 are no working days in workalendar; holidays' financial FED and
#   QuantLib's UnitedStates(FederalReserve) have them open. A debit or payoff that is rolled by workalendar is a day
#   early or late, over a year-end even in another year. The country calendar US of holidays has them closed too: it
#   is of federal offices.
# loanbook: its shipped calendar `us-federal` is that country calendar, so those Fridays are no business days in
#   it: it suits due dates, not settlement. Whose due dates follow the Fed's payments gives the product a calendar
#   of his own (data/policies/calendars) with the days of the Banks.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
  workalendar==17.0.0 holidays==0.109 quantlib==1.44
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import datetime as dt
import importlib.metadata

import holidays
import QuantLib as ql
from workalendar.usa import FederalReserveSystem

days = [dt.date(2026, 7, 3), dt.date(2027, 6, 18), dt.date(2027, 12, 24), dt.date(2027, 12, 31)]
banks = holidays.financial_holidays("FED", years=[2026, 2027, 2028])
offices = holidays.country_holidays("US", years=[2026, 2027, 2028])
quantlib = ql.UnitedStates(ql.UnitedStates.FederalReserve)
workalendar = FederalReserveSystem()
print(f"workalendar {importlib.metadata.version('workalendar')}: open by workalendar, holidays and QuantLib")
for day in days:
    of_quantlib = quantlib.isBusinessDay(ql.Date(day.day, day.month, day.year))
    says = workalendar.is_working_day(day), day not in banks, of_quantlib
    print(f"{day:%a %Y-%m-%d}: {says}")
    assert says == (False, True, True), "this has changed: look at it anew"
    assert day in offices
PYTHON
