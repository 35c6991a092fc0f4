"""What the API shows of a webhook."""

from callrec.domain.webhooks.model import OVERLAP_S, Standing, Webhook
from callrec.web.api.webhooks import webhook_row


def test_a_former_secret_counts_while_it_signs_and_no_longer() -> None:
    rotated = Webhook("crm", "https://crm.example/hook", "old", "abc").rotated("new", 1000.0)
    counts = [webhook_row(rotated, Standing(), now_s=at_s)["secrets"] for at_s in (1000.0, 1000.0 + OVERLAP_S)]
    assert counts == [2, 1]
