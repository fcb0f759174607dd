"""One TOML file a model of device, and the catalogue that reads them."""
