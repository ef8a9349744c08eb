"""
The people measured as, by their names in the generated databases.

The ordinary person sees a tenth of the systems, half of them by a team; another sees five; the signer may sign the
technical section of every complete review; the governance office sees everything.
"""

NAMES = ORDINARY, FEW, SIGNER, OFFICE, AUDITOR = "ordinary", "few", "signer", "office", "auditor"
