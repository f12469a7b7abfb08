"""Speed and memory beside the peers: ``make bench``, or ``python -m benchmarks NAME`` for one of them."""
