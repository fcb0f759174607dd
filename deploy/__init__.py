"""How vitalwire is put to work: on one machine (`local`), in images, on Kubernetes."""
