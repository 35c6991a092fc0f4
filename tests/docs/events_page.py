"""docs/events.md, made of the table of event types: `make docs` writes it, a test holds it to the table."""

import json

from documents import ROOT

from callrec.adapters.webhooks.sender import ANSWER_S
from callrec.app.events.hub import MOST_SUBSCRIBERS, MOST_WAITING
from callrec.domain.webhooks.model import FIRST_S, LIMIT_S, MOST_WEBHOOKS
from callrec.protocols.event_documents import SCHEMA_ID, example
from callrec.protocols.event_types import BY_NAME, TYPES, VERSION, EventField, EventType

PAGE = "docs/events.md"
_HEAD = f"""\
# Events

<!-- Made by `make docs` of service/callrec/protocols/event_types.py and tests/docs/events_page.py: change it there. -->

Programs learn what happens from events: a recording begins or is stored, an alarm, a change of the tables. They come in these
ways, with the same types and fields:

| way | for | delivery |
|---|---|---|
| [Server-sent events](#server-sent-events) | programs that watch | while connected, and up to a minute back |
| [Webhooks](#webhooks) | programs that are called | at least once, in order, kept on disk |
| the stream in [Redis](redis.md#events) | programs beside the store | as the program reads it; about the last 100,000 |

An event says that something has changed; the current state is in the [API](api.md). Facts and alarms are told at most once: while
the store does not answer, they are in the log and the metrics only. Changes of the tables and of the index are never missing:
one script makes the change and the event.

## Form

```json
{json.dumps(example(BY_NAME["recording"]), indent=2)}
```

`id` grows from event to event, `timestamp` is when it happened, `data` has the fields below. `version` is that of the schema,
{VERSION}: it changes only when a field is removed or gets another meaning. **Ignore types and fields that you do not know.**

The schema is JSON Schema 2020-12, `{SCHEMA_ID}`: `GET /api/v1/events/schema`. `GET /api/v1/events/asyncapi` describes all
ways as an AsyncAPI 3.0 document.

In the stream an entry has no envelope: its id is the entry's id, and its fields are `type`, for facts and alarms `at_s` (when it
happened, in seconds since 1970), and those of `data`, all as text: texts as they are, everything else as JSON. Entries of
`user-changed`, `code-changed` and `tables-changed` also have the records themselves, for other daemons and
[with secrets in them](redis.md#events): nothing else ever carries these. No event has digits that were pressed or words
that were said.

Numbers and ids of users are personal data. Everyone who has the API's token sees them, here as in the entries of recordings.

## Server-sent events

```
curl -N -H "$AUTH" "$API/events"
curl -N -H "$AUTH" "$API/events?types=recording,recording-stored,alarm"
curl -N -H "$AUTH" -H "Last-Event-ID: 1795899680250-0" "$API/events"
```

The [token and the limits](api.md#log-in) are those of the API. Each event has `id`, `event` (the type) and `data` (the JSON).

- With `Last-Event-ID` the events since then come first, at most those of one minute before the newest one. When there may have
  been more, the first event is `events-missed`: read the current state.
- A comment (`:`) comes after 15 s without an event. A connection ends after an hour, when the daemon ends, when {MOST_WAITING}
  events wait for a program that reads too slowly, or when it reads nothing for 15 s: connect again with the last id. The daemon's
  memory is bounded, and slow programs cost others nothing.
- At most {MOST_SUBSCRIBERS} programs follow at once; a further one gets 503 (`too-many-subscribers`).

## Webhooks

A webhook is a URL to which the daemon sends each event as a POST, in the form of
[Standard Webhooks](https://www.standardwebhooks.com): receivers check it with the libraries named there.
[The commands](commands.md#webhooks) and [the API](api.md#webhooks) set them up.

| header | content |
|---|---|
| `webhook-id` | the message's id, the same at each attempt: a receiver that has seen it leaves the message out |
| `webhook-timestamp` | when this attempt was signed, in seconds since 1970: refuse one that is minutes old |
| `webhook-signature` | `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; two while a secret is replaced |

- **Accepted** is what gets a status 2xx within {ANSWER_S:.0f} s. The body of an answer is not used.
- **Order**: one message at a time. When the receiver fails (no answer, 5xx, 408, 425, 429, 401, 403, 404, 410, or a redirect,
  which is not followed), it is asked again with the same message, and the others wait. A message that it refuses (another 4xx)
  is tried again by itself, and the next ones go on.
- **Again** after {FIRST_S:.0f} s, doubled up to {LIMIT_S / 60:.0f} min, half of it random, or after the `Retry-After` of a 429
  or 503 (an hour at most).
- **Given up** after 72 h ([CALLREC_WEBHOOK_KEEP_H](settings.md#callrec_webhook_keep_h)), with an
  [alarm](monitoring.md#alarms). `callrec webhooks resend` sends it again.
- **At least once**: what is in the stream arrives, also when the daemon was killed meanwhile; seldom twice. A webhook gets the
  events from when it was added (the first one, if a command added it, from a second later). When the daemon was away for longer
  than the stream reaches back, the oldest are missing.
- **Where to**: `https://` to public addresses, and what
  [CALLREC_WEBHOOK_NETWORKS](settings.md#callrec_webhook_networks) allows. A certificate of your own authority: name its file in
  the environment variable SSL_CERT_FILE.
- Alarms of webhooks are sent to none. Daemons that share a store see the same events: add a webhook to one of them.
- At most {MOST_WEBHOOKS} webhooks; [CALLREC_WEBHOOK_QUEUE_MB](settings.md#callrec_webhook_queue_mb) bounds what waits for each.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, "## Types", "", *(_section(one) for one in TYPES)])


def _section(kind: EventType) -> str:
    rows = [f"| `{field.name}` | {_kind(field)} | {field.says}{_values(field)} |" for field in kind.fields]
    return "\n".join([f"### {kind.name}", "", kind.says, "", "| field | value | content |", "|---|---|---|", *rows, ""])


def _kind(field: EventField) -> str:
    return f"{field.kind}{'' if field.is_required else ', optional'}"


def _values(field: EventField) -> str:
    return f" One of {', '.join(f'`{value}`' for value in field.values)}." if field.values else ""


if __name__ == "__main__":
    (ROOT / PAGE).write_text(page(), "utf-8")
