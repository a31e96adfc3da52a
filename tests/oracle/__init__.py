"""Engine and an independent reference, side by side.

`reference` reckons one loan at a time, from the domain's rules alone; `lives` makes products and
what happens to their loans; `engine` and `compare` set both side by side, day by day. `test_metamorphic` needs no reference: it
changes what must not matter to a life. `fuzzed` draws policy files; what validates must live.
"""
