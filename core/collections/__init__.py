"""Work on late loans: contacts with borrowers and their promises, judged by rules that are policy.

- `contact` - which contacts broke which rule, and when one would have been allowed
- `local_time` - instants as consumers read them on their own clocks, and back
- `promises` - promises to pay, kept or broken by the money that came
"""
