"""Laws: what must hold between positions and movements before a close may be committed.

- `laws` - conservation laws, checked per loan and day; each names its first broken row
"""
