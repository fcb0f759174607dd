"""Files of what is stored of a patient."""
