"""
The product's settings with two differences: a cheap password hash, and two addresses more for the floors.

What a password hash costs is chosen, not measured; without this a sign-off would be that hash and little else.
"""

from factory.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ROOT_URLCONF = "bench.urls"
