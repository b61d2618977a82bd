"""What more ranks are worth: measured with two, foretold for many."""
