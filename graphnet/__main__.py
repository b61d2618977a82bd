"""`python -m graphnet`: the same commands as `graphnet`."""

from graphnet.cli.main import main

raise SystemExit(main())
