"""Heart, breath and presence from a continuous-wave Doppler radar."""
