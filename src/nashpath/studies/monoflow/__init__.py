"""Yi, Zhu and Liu 2023: MonoFlow. The claims, and an experiment a file."""
