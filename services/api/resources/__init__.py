"""REST resources, one folder each: routes, service, store, schemas."""
