"""One module a command: parse arguments, call the library, print."""
