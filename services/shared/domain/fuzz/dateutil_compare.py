"""A second opinion on recurrence rules: python-dateutil, one JSON object per line on stdin and stdout.

In:  {"rule": "FREQ=…", "anchor": "YYYY-MM-DD", "limit": 20, "years": 60}
Out: {"plain": […], "anchored": […], "wide": […], "chosen": […]}, lists of YYYY-MM-DD up to `years` after the
anchor; the first three are null where dateutil fails:

plain     what dateutil says of the rule
anchored  the same with the anchor always first (RFC 5545: DTSTART always counts as the first occurrence)
wide      plain without COUNT, ten times as many
chosen    anchored, read the way Rondo chose: a month that lacks a day takes its last one (RFC 7529,
          SKIP=BACKWARD), BYDAY=MO,1TU means every Monday and the first Tuesday, and positions in the anchor's
          week count the days before it as well. It is put together of simpler rules that dateutil is asked for one by one: "the 31st or the last day" is
          BYMONTHDAY=28,29,30,31;BYSETPOS=-1, and "the first Tuesday" is BYDAY=TU;BYSETPOS=1
"""

import datetime
import itertools
import json
import sys

from dateutil.rrule import rrulestr

PERIOD = {"MONTHLY": 7, "YEARLY": 4}
WEEK = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def expand(parts, start, end):
    """The dates of a rule, given as a dict of its parts, from start to end."""
    # dateutil looks at UNTIL only when it has found a date, so a rule that never comes is walked up to this year.
    datetime.MAXYEAR = end.year
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    rule = rrulestr(f"{text};UNTIL={end:%Y%m%d}", dtstart=datetime.datetime(start.year, start.month, start.day))
    return (moment.date() for moment in rule)


def with_implicit(parts, anchor):
    """The rule with what it takes from its first occurrence written out (RFC 5545, 3.3.10)."""
    if "BYDAY" in parts or "BYMONTHDAY" in parts:
        return parts
    full = {**parts, "BYMONTHDAY": str(anchor.day)}
    if parts["FREQ"] == "YEARLY" and "BYMONTH" not in parts:
        full["BYMONTH"] = str(anchor.month)
    return full


def chosen_dates(parts, anchor, end):
    """The rule's dates as Rondo reads it, ascending, from the anchor on."""
    freq = parts["FREQ"]
    if freq == "WEEKLY" and "BYSETPOS" in parts:
        week_start = anchor - datetime.timedelta(days=(anchor.weekday() - WEEK.index(parts.get("WKST", "MO"))) % 7)
        return (day for day in expand(parts, week_start, end) if day >= anchor)
    if freq not in PERIOD:
        return expand(parts, anchor, end)
    parts = with_implicit(parts, anchor)
    interval = parts.get("INTERVAL", "1")
    months = {name: parts[name] for name in ["BYMONTH"] if name in parts}
    start = anchor.replace(day=1) if freq == "MONTHLY" else anchor.replace(month=1, day=1)
    # Positions are picked from whole years; what lies after the end is dropped last.
    last, end = end, end.replace(month=12, day=31)

    def monthly(**by):
        found = expand({"FREQ": "MONTHLY", "INTERVAL": interval if freq == "MONTHLY" else "1", **months, **by}, start, end)
        return {day for day in found if freq == "MONTHLY" or (day.year - start.year) % int(interval) == 0}

    def month_day(day):
        if day <= 28:
            return monthly(BYMONTHDAY=str(day))
        return monthly(BYMONTHDAY=",".join(map(str, range(28, day + 1))), BYSETPOS="-1")

    def weekday(token):
        ordinal, name = token[:-2], token[-2:]
        if ordinal == "":
            return monthly(BYDAY=name)
        if freq == "MONTHLY" or months:
            return monthly(BYDAY=name, BYSETPOS=ordinal)
        return set(expand({"FREQ": "YEARLY", "INTERVAL": interval, "BYDAY": name, "BYSETPOS": ordinal}, start, end))

    sets = []
    if "BYMONTHDAY" in parts:
        sets.append(set().union(*(month_day(int(day)) for day in parts["BYMONTHDAY"].split(","))))
    if "BYDAY" in parts:
        sets.append(set().union(*(weekday(token) for token in parts["BYDAY"].split(","))))
    days = sorted(set.intersection(*sets))
    if "BYSETPOS" in parts:
        days = pick(days, [int(n) for n in parts["BYSETPOS"].split(",")], PERIOD[freq])
    return (day for day in days if anchor <= day <= last)


def pick(days, positions, length):
    """The days at the positions of each month or year."""
    for _, group in itertools.groupby(days, lambda day: day.isoformat()[:length]):
        period = list(group)
        indexes = {n - 1 if n > 0 else len(period) + n for n in positions}
        yield from (day for index, day in enumerate(period) if index in indexes)


def anchored(dates, anchor, count):
    """The anchor and then every date after it, `count` in all."""
    return texts(itertools.chain([anchor], (day for day in dates if day > anchor)), count)


def texts(dates, count):
    return [day.isoformat() for day in itertools.islice(dates, count)]


def evaluate(request):
    anchor = datetime.date.fromisoformat(request["anchor"])
    limit = request["limit"]
    end = datetime.date(anchor.year + request["years"], 12, 31)
    parts = dict(part.split("=") for part in request["rule"].split(";"))
    count = min(int(parts.pop("COUNT", limit)), limit)
    if "UNTIL" in parts:
        end = min(end, datetime.datetime.strptime(parts.pop("UNTIL")[:8], "%Y%m%d").date())
    answer = {"plain": None, "anchored": None, "wide": None, "chosen": anchored(chosen_dates(parts, anchor, end), anchor, count)}
    try:
        return {
            **answer,
            "plain": texts(expand(parts, anchor, end), count),
            "anchored": anchored(expand(parts, anchor, end), anchor, count),
            "wide": texts(expand(parts, anchor, end), 10 * limit),
        }
    except IndexError:
        # An ordinal beyond the weekdays of its month or year runs off the end of dateutil's table of days.
        return answer


for line in sys.stdin:
    print(json.dumps(evaluate(json.loads(line))))
