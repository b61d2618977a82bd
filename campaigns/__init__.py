"""What is done to graphnet on purpose: damaged files, full disks, killed processes, bombs.

`make fuzz` and `make soak` run all of it and write the results into docs/security.md; the tests run
the same campaigns with fewer cases. Each has a switch for every protection that it is about: with
the protection taken out it must find what then goes wrong.
"""
