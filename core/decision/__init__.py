"""Decisions on applications: the one package that decides, a pure function of inputs, a policy and a moment.

- `decisions` - a decision as it is kept
- `inputs` - inputs in their types, what of them is missing or mistyped, and the text that they are known by
- `rules` - which rules hold, and which can't be told
- `points` - points by the scorecard, and what each characteristic cost
- `terms` - grade, price, limit and what the applicant can bear
- `reasons` - reasons by their weight
- `deciding` - the decision of every application at once, and the same again from what is stored
- `by_person` - a person's decision on what the policy refers: within its limits and the person's authority
- `overrides` - how often persons decide otherwise than the policy leant, and what became of it
- `comparing` - two policies over the same applications, and a policy against what loans did
- `validity` - whether points still fit: rank correlation, stability, calibration
"""
