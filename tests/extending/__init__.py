"""What a plain change costs: each test makes one in a copy of the product, and sees it work to the
published page. The copy holds all of them: `conftest` makes it, lets it live and tells what is seen."""
