"""The packets of a ChipOx oximeter module: saturation, pulse, status, plethysmogram."""
