"""What every part of vitalwire builds on: contracts, codecs, broker, database, runtime."""
