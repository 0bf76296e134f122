"""Reads feeds as a calendar does: one JSON object per line on stdin, the starts of its events on stdout.

In:  {"feed": "BEGIN:VCALENDAR…", "from": "YYYY-MM-DD", "to": "YYYY-MM-DD"}
Out: ["2027-03-28", "2027-03-28T01:30Z"], ascending: a day, an instant
"""

import datetime
import json
import sys

import icalendar
import recurring_ical_events


def text_of(start):
    if not isinstance(start, datetime.datetime):
        return start.isoformat()
    return start.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ")


for line in sys.stdin:
    case = json.loads(line)
    calendar = icalendar.Calendar.from_ical(case["feed"])
    found = recurring_ical_events.of(calendar).between(
        datetime.date.fromisoformat(case["from"]), datetime.date.fromisoformat(case["to"])
    )
    print(json.dumps(sorted(text_of(event["DTSTART"].dt) for event in found)))
