"""What is said in the measured dialogs: files of JSON lines for bench/turns and the peers."""

import gzip
import itertools
import json
import subprocess
from pathlib import Path

from .programs import ROOT

CONVERSATIONS = ROOT / "build" / "data" / "conversations.jsonl.gz"
DEFAULT_SGD = ROOT.parent / "shared" / "data" / "sgd" / "dialogues.jsonl.gz"
MIXED_DIALOGS = 1500
JOINED_TURNS = 50
SMALL_TURN_BYTES = 300


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read_lines(path):
    """Of JSON, packed or plain."""
    opened = gzip.open if Path(path).suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def write_dialogs(path, dialogs):
    """Returns how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with open(path, "w", encoding="utf-8") as out:
        for turns in dialogs:
            out.write(compact({"turns": turns}) + "\n")
            count += 1
    return count


def said_turn(number, request, response):
    return {
        "label": ["smalltalk", f"topic_{number % 7}"],
        "request": {"text": request},
        "response": {"text": response},
    }


def fetched_conversations():
    if not CONVERSATIONS.exists():
        subprocess.run([ROOT / "tools" / "fetch-conversations"], check=True)
    return CONVERSATIONS


def conversations(path, limit):
    """Turns that were answered, of the first conversations of a file."""
    for dialogue in itertools.islice(read_lines(path), limit):
        turns = [
            said_turn(index, turn["request"], turn["response"])
            for index, turn in enumerate(dialogue["turns"])
            if "response" in turn and "request" in turn
        ]
        if turns:
            yield turns


def joined(dialogs, length, limit):
    """Dialogs of `length` turns, made of those that follow each other."""
    turns, count = [], 0
    for dialog in dialogs:
        turns += dialog
        while len(turns) >= length and count < limit:
            yield turns[:length]
            turns = turns[length:]
            count += 1


def small_turns(dialogs):
    """The dialogs with turns of 300 bytes as JSON each."""
    for number, turns in enumerate(dialogs):
        yield [
            sized(turn, number + index, SMALL_TURN_BYTES) for index, turn in enumerate(turns)
        ]


def sized(turn, number, size):
    """The turn with texts cut or repeated, so that its JSON has `size` bytes."""
    words = (turn["request"]["text"] + " " + turn["response"]["text"]).encode("ascii", "ignore")
    plain = "".join(c for c in words.decode() if c.isprintable() and c not in '"\\')
    frame = len(compact(said_turn(0, "", "")))
    text = (plain + " ") * (size // max(len(plain), 1) + 1)
    room = size - frame
    return said_turn(number, text[: room // 3], text[room // 3 : room])


def sgd_turns(dialogue):
    """A USER turn is a request, the SYSTEM turn behind it its response; the label is service and
    intent; slots go to `misc`, frames to the annotations."""
    turns = []
    for user, system in zip(dialogue["turns"][::2], dialogue["turns"][1::2]):
        if (user["speaker"], system["speaker"]) != ("USER", "SYSTEM"):
            return []
        frame = next(frame for frame in user["frames"] if "state" in frame)
        turns.append(
            {
                "label": [frame["service"], frame["state"]["active_intent"]],
                "request": said(user),
                "response": said(system),
                "misc": {frame["service"]: frame["state"]["slot_values"]},
            }
        )
    return turns


def said(turn):
    return {"text": turn["utterance"], "annotations": {"frames": turn["frames"]}}


def sgd_dialogs(path, limit):
    """Dialogues of one service, joined to 50 turns."""
    by_service = {}
    for dialogue in read_lines(path):
        if len(dialogue["services"]) == 1:
            by_service.setdefault(dialogue["services"][0], []).append(sgd_turns(dialogue))
    found = 0
    for dialogs in by_service.values():
        for turns in joined(dialogs, JOINED_TURNS, limit - found):
            found += 1
            yield turns


class Material:
    """Files under `folder`."""

    def __init__(self, folder, sgd, corpus_dialogs, given=None):
        """`given`: conversations to play instead of those that are downloaded."""
        self.mixed = folder / "mixed.jsonl"
        said = list(conversations(given or fetched_conversations(), MIXED_DIALOGS))
        write_dialogs(self.mixed, said)
        self.corpora = {}
        joined_turns = list(joined(said, JOINED_TURNS, corpus_dialogs))
        self._add(folder, "conversations", joined_turns)
        self._add(folder, "300-byte turns", small_turns(joined_turns))
        self.missing = {}
        if Path(sgd).exists():
            self._add(folder, "service dialogs", sgd_dialogs(sgd, corpus_dialogs))
        else:
            self.missing["service dialogs"] = f"{sgd} is not there"

    def _add(self, folder, name, dialogs):
        path = folder / (name.replace(" ", "-") + ".jsonl")
        if write_dialogs(path, dialogs) > 0:
            self.corpora[name] = path
