"""Laws: what must hold between positions and movements before a close may be committed.

- `laws` - every law over a close, or over days that were lived again
- `law` - a verdict, and the loans at fault
- `moved` - what a day did to loans, as every law reads it
- `payments` - money that came in is allocated
- `claims` - claims move as events say
- `charges` - what was charged has grounds in orders and dues
- `dues` - positions show their dues, no due is overpaid, positions are sane
- `accounts` - the general ledger carries what positions say; debits equal credits
- `pinning` - the loans on which the engine fails, found by halves
- `trial` - loans lived through what would be booked, before it is
- `setting_apart` - a day is closed without the loans that break it; they are held, and tried again
"""
