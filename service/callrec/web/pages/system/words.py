"""The words for what the service needs."""

from collections.abc import Mapping

from callrec.app.doctor.findings import Verdict
from callrec.web.pages.languages import N_

CHECKS: Mapping[str, str] = {
    "ami": N_("Asterisk's manager (AMI)"),
    "ari": N_("Asterisk's REST interface (ARI)"),
    "agi": N_("Requests of the dialplan (FastAGI)"),
    "spool": N_("Spool: Asterisk writes, callrec reads"),
    "monitor": N_("Library of recordings"),
    "erasure": N_("Erasing"),
    "journal": N_("Journal"),
    "resync": N_("Compared with Asterisk's calls"),
    "store": N_("Store (Redis)"),
    "catalogue": N_("Catalogue of recordings"),
    "audit": N_("Audit log"),
    "audit-witness": N_("Witness of the audit log"),
    "audit-timestamp": N_("Time stamps of the audit log"),
    "tables": N_("Users and settings"),
    "retention": N_("Retention"),
    "encryption": N_("Encryption of recordings"),
    "alive": N_("Sign of life"),
    "confgen": N_("Asterisk's files"),
}
"""By the name of a check of `/readyz`; others are shown by their names."""
VERDICTS: Mapping[Verdict, str] = {
    Verdict.OK: N_("good"),
    Verdict.WRONG: N_("wrong"),
    Verdict.UNSEEN: N_("not checked"),
    Verdict.CLOSED: N_("unreachable"),
}
LOOKS: Mapping[Verdict, str] = {Verdict.OK: "good", Verdict.WRONG: "bad", Verdict.UNSEEN: "warn", Verdict.CLOSED: "bad"}
