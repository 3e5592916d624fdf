"""The log, or a selection of it, written down to be taken away: as NDJSON with proofs, as CSV, or as Parquet."""
