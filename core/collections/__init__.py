"""Work on late loans: contacts with borrowers and their promises, judged by rules that are policy, and the day's queue.

- `contact` - which contacts broke which rule, and when one would have been allowed
- `local_time` - instants as consumers read them on their own clocks, and back
- `promises` - promises to pay, kept or broken by the money that came
- `scoring` - what a late loan's call is worth, by which strategy, and whose it is
- `assigning` - who calls which loan, within capacity
- `queue` - the day's queue of the whole book
- `reminding` - reminders of a day, and what becomes of each
- `wording` - the words of a reminder, by the policy's templates
- `settling` - what settles a loan for less than its claim
- `placing` - loans placed with agencies, and their commission
- `performance` - strategies against each other
- `seeing` - whose loans of the queue somebody sees
"""
