"""What a program spent its instructions on, out of the file that valgrind's callgrind writes."""

import re
from collections import Counter

NAME = re.compile(r"\((\d+)\)(?: (.*))?$")


def self_cost(path):
    """Instructions of each (object, function) by itself."""
    names = {"ob": {}, "fn": {}}
    current = {"ob": "", "fn": ""}
    cost = Counter()
    skips_next = False
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            kind, _, rest = line.rstrip("\n").partition("=")
            if kind in current:
                number, name = NAME.match(rest).groups()
                if name is not None:
                    names[kind][number] = name
                current[kind] = names[kind][number]
            elif kind in ("cob", "cfn"):
                number, name = NAME.match(rest).groups()
                if name is not None:
                    names[kind[1:]][number] = name
            elif kind == "calls":
                skips_next = True  # the next line is what the called function cost
            elif line[:1] in "0123456789+-*" and line.strip():
                if not skips_next:
                    cost[current["ob"], current["fn"]] += int(line.split()[1])
                skips_next = False
    return cost


# The first that matches. Objects are whole libraries, functions are ours or the C library's.
CLASSES = [
    ("compressing pages", r"libzstd", r""),
    ("checksums", r"libdeflate", r"|crc32"),
    ("general allocator", r"", r"malloc|free|memalign|operator (new|delete)|calloc|unlink_chunk"),
    ("copying and comparing bytes", r"", r"^__?mem(cpy|move|set|cmp|chr)"),
    ("parsing replies", r"", r"ReplyReader|ReplyBuilder|ReplyArena"),
    ("what the bot does: its messages", r"", r"add_turn|append_json_string|stored_text|Message|Label"),
    ("reading JSON", r"", r"Scanner|JsonCursor|json_kind|append_decoded|JsonObject|JsonAccess"),
    ("rows into a context", r"", r"format::.*(read_|replay|Replay|decode|TurnPatches|MemberSpans)"),
    ("a context into rows", r"", r"format::|LogEngine::(plan|save_changes)"),
    ("contexts made, moved and destroyed", r"", r"TurnText|TurnTable|Context::|LogPosition|SharedText"),
    ("requests to the server", r"", r"redis::(encode|append_header|Script|save_request|KeyName|key_slot|crc16)"),
    ("the benchmark's own", r"", r"bench::"),
    ("the connection and its calls", r"", r"redis::"),
    ("coroutines", r"", r"Flow|Task<|Operation<|frame|Resumer"),
    ("calls of the public interface", r"", r"CallBridge|CoroutineEngine|Completion|DBContextStorage|Bridge"),
    ("Asio", r"", r"boost::asio|any_executor|any_completion"),
    ("strings and containers", r"", r"^(void )?std::|__gnu_cxx|_Rb_tree|_Sp_counted"),
]


def class_of(obj, function):
    for name, of_object, of_function in CLASSES:
        if of_object and re.search(of_object, obj):
            return name
        pattern = of_function.lstrip("|")
        if pattern and re.search(pattern, function):
            return name
    return "everything else"
