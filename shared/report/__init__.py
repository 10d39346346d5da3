"""The words: results go in, text or JSON comes out. Nothing is computed or decided here."""
