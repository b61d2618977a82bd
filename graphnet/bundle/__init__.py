"""Network <-> one msgpack file: format (the bytes), reader, writer, model (what they mean)."""
