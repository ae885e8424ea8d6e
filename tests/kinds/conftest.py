from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a loaded machine is no bug
settings.load_profile("untimed")
